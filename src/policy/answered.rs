//! Questions that were answered before, so that Cedar is asked once.

use core::time::Duration;

use procura_token::{Resource, ScopeSet, WorkloadId};
use quick_cache::sync::Cache;

use super::question::weekday;
use super::{Action, Approval, Country, Credential, Decision, Delegate, Hop, Posture, Request, Target};

/// How many answers are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 4096;

/// The answers of one policy set, and of the agents that belong to it, that reads nothing which is new in every request.
pub(super) struct Answered(Cache<Asked, Decision>);

impl Default for Answered {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Answered {
    /// The decision of `request`: from memory, or else from `decide`.
    pub(super) fn recall(&self, request: &Request<'_>, decide: impl FnOnce() -> Decision) -> Decision {
        let Some(asked) = Asked::new(request) else { return decide() };
        self.0.get(&asked).unwrap_or_else(|| {
            let decision = decide();
            self.0.insert(asked, decision.clone());
            decision
        })
    }
}

/// A whole [`Request`] but for its time, its address, and the time since the user was authenticated.
#[derive(PartialEq, Eq, Hash)]
struct Asked {
    workload: WorkloadId,
    credential: Credential,
    /// The hash over all that its platform says.
    platform: Option<[u8; 32]>,
    weekday: i64,
    country: Option<Country>,
    ttl: Option<Duration>,
    action: AskedAction,
}

#[derive(PartialEq, Eq, Hash)]
enum AskedAction {
    Delegate(Box<AskedDelegate>),
    ActForItself(AskedTarget),
    IssueWit,
}

#[derive(PartialEq, Eq, Hash)]
struct AskedTarget {
    resource: Resource,
    knows: ScopeSet,
    scopes: ScopeSet,
}

#[derive(PartialEq, Eq, Hash)]
struct AskedDelegate {
    target: AskedTarget,
    /// Issuer, subject and authentication context class.
    user: (String, String, Option<String>),
    user_groups: Vec<String>,
    user_amr: Vec<String>,
    chain: Vec<WorkloadId>,
    hop: Hop,
    parent: Option<(Resource, WorkloadId)>,
    posture: Option<Posture>,
    approval: Option<Approval>,
}

impl Asked {
    /// `None` of a detail: its text is the caller's, and seldom the same.
    fn new(request: &Request<'_>) -> Option<Self> {
        let Request { workload, credential, platform, action, time, source_ip: _, country, ttl } = *request;
        let platform = platform.map(|platform| *platform.digest);
        let action = match action {
            Action::Delegate(delegate) => AskedAction::Delegate(Box::new(AskedDelegate::new(delegate))),
            Action::DelegateDetail(_) => return None,
            Action::ActForItself { target, scopes } => AskedAction::ActForItself(AskedTarget::new(target, scopes)),
            Action::IssueWit => AskedAction::IssueWit,
        };
        let (workload, weekday) = (workload.clone(), weekday(time));
        Some(Self { workload, credential, platform, weekday, country, ttl, action })
    }
}

impl AskedTarget {
    fn new(target: &Target, scopes: &ScopeSet) -> Self {
        Self { resource: target.resource.clone(), knows: target.scopes.clone(), scopes: scopes.clone() }
    }
}

impl AskedDelegate {
    fn new(delegate: Delegate<'_>) -> Self {
        let Delegate { target, scopes, user, chain, hop, parent, posture, approval } = delegate;
        let super::User { issuer, subject, groups, acr, amr, auth_age: _ } = user;
        Self {
            target: AskedTarget::new(target, scopes),
            user: (issuer.to_owned(), subject.to_owned(), acr.map(str::to_owned)),
            user_groups: groups.to_vec(),
            user_amr: amr.to_vec(),
            chain: chain.into_iter().flat_map(|chain| chain.iter()).map(|actor| actor.id.clone()).collect(),
            hop,
            parent: parent.map(|parent| (parent.target.clone(), parent.actor.clone())),
            posture: posture.cloned(),
            approval: approval.cloned(),
        }
    }
}
