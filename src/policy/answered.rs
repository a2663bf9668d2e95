//! Questions that were answered before, so that Cedar is asked once.

use core::borrow::Borrow;
use core::time::Duration;
use std::borrow::Cow;

use procura_token::{Resource, ScopeSet, WorkloadId};
use quick_cache::sync::Cache;

use super::question::weekday;
use super::{Action, Approval, Country, Credential, Decision, Delegate, Hop, Posture, Request, Target};

/// How many answers are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 4096;

/// The answers of one policy set, and of the agents that belong to it, that reads nothing which is new in every request.
pub(super) struct Answered(Cache<Known, Decision>);

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
            self.0.insert(Known(asked.into_owned()), decision.clone());
            decision
        })
    }
}

/// A question that was answered; one that is asked now is compared with it as it is.
#[derive(PartialEq, Eq, Hash)]
struct Known(Asked<'static>);

impl<'a> Borrow<Asked<'a>> for Known {
    fn borrow(&self) -> &Asked<'a> {
        &self.0
    }
}

/// A whole [`Request`] but for its time, its address, and the time since the user was authenticated.
#[derive(PartialEq, Eq, Hash)]
struct Asked<'a> {
    workload: Cow<'a, WorkloadId>,
    credential: Credential,
    /// The hash over all that its platform says.
    platform: Option<[u8; 32]>,
    weekday: i64,
    country: Option<Country>,
    ttl: Option<Duration>,
    action: AskedAction<'a>,
}

#[derive(PartialEq, Eq, Hash)]
enum AskedAction<'a> {
    Delegate(Box<AskedDelegate<'a>>),
    ActForItself(AskedTarget<'a>),
    IssueWit,
}

#[derive(PartialEq, Eq, Hash)]
struct AskedTarget<'a> {
    resource: Cow<'a, Resource>,
    knows: ScopeSet,
    scopes: ScopeSet,
}

#[derive(PartialEq, Eq, Hash)]
struct AskedDelegate<'a> {
    target: AskedTarget<'a>,
    /// Issuer, subject and authentication context class.
    user: (Cow<'a, str>, Cow<'a, str>, Option<Cow<'a, str>>),
    user_groups: Cow<'a, [String]>,
    user_amr: Cow<'a, [String]>,
    chain: Vec<Cow<'a, WorkloadId>>,
    hop: Hop,
    parent: Option<(Cow<'a, Resource>, Cow<'a, WorkloadId>)>,
    posture: Option<Cow<'a, Posture>>,
    approval: Option<Cow<'a, Approval>>,
}

impl<'a> Asked<'a> {
    /// `None` of a detail: its text is the caller's, and seldom the same.
    fn new(request: &Request<'a>) -> Option<Self> {
        let Request { workload, credential, platform, action, time, source_ip: _, country, ttl } = *request;
        let platform = platform.map(|platform| *platform.digest);
        let action = match action {
            Action::Delegate(delegate) => AskedAction::Delegate(Box::new(AskedDelegate::new(delegate))),
            Action::DelegateDetail(_) => return None,
            Action::ActForItself { target, scopes } => AskedAction::ActForItself(AskedTarget::new(target, scopes)),
            Action::IssueWit => AskedAction::IssueWit,
        };
        let (workload, weekday) = (Cow::Borrowed(workload), weekday(time));
        Some(Self { workload, credential, platform, weekday, country, ttl, action })
    }

    fn into_owned(self) -> Asked<'static> {
        let Self { workload, credential, platform, weekday, country, ttl, action } = self;
        let action = match action {
            AskedAction::Delegate(delegate) => AskedAction::Delegate(Box::new(delegate.into_owned())),
            AskedAction::ActForItself(target) => AskedAction::ActForItself(target.into_owned()),
            AskedAction::IssueWit => AskedAction::IssueWit,
        };
        Asked { workload: owned(workload), credential, platform, weekday, country, ttl, action }
    }
}

impl<'a> AskedTarget<'a> {
    fn new(target: &'a Target, scopes: &ScopeSet) -> Self {
        Self { resource: Cow::Borrowed(&target.resource), knows: target.scopes.clone(), scopes: scopes.clone() }
    }

    fn into_owned(self) -> AskedTarget<'static> {
        AskedTarget { resource: owned(self.resource), knows: self.knows, scopes: self.scopes }
    }
}

impl<'a> AskedDelegate<'a> {
    fn new(delegate: Delegate<'a>) -> Self {
        let Delegate { target, scopes, user, chain, hop, parent, posture, approval } = delegate;
        let super::User { issuer, subject, groups, acr, amr, auth_age: _ } = user;
        Self {
            target: AskedTarget::new(target, scopes),
            user: (issuer.into(), subject.into(), acr.map(Cow::from)),
            user_groups: groups.into(),
            user_amr: amr.into(),
            chain: chain.into_iter().flat_map(|chain| chain.iter()).map(|actor| Cow::Borrowed(&actor.id)).collect(),
            hop,
            parent: parent.map(|parent| (Cow::Borrowed(parent.target), Cow::Borrowed(parent.actor))),
            posture: posture.map(Cow::Borrowed),
            approval: approval.map(Cow::Borrowed),
        }
    }

    fn into_owned(self) -> AskedDelegate<'static> {
        let (issuer, subject, acr) = self.user;
        AskedDelegate {
            target: self.target.into_owned(),
            user: (owned(issuer), owned(subject), acr.map(owned)),
            user_groups: owned(self.user_groups),
            user_amr: owned(self.user_amr),
            chain: self.chain.into_iter().map(owned).collect(),
            hop: self.hop,
            parent: self.parent.map(|(target, actor)| (owned(target), owned(actor))),
            posture: self.posture.map(owned),
            approval: self.approval.map(owned),
        }
    }
}

fn owned<T: ToOwned + ?Sized>(value: Cow<'_, T>) -> Cow<'static, T> {
    Cow::Owned(value.into_owned())
}
