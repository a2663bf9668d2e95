//! Questions that were answered before, so that Cedar is asked once.

use core::time::Duration;

use procura_token::{Resource, ScopeSet, WorkloadId};
use quick_cache::sync::Cache;

use super::{Action, Credential, Decision, Delegate, Request};

/// How many answers are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 4096;

/// The answers of one policy set that reads nothing which is new in every request.
pub(super) struct Answered(Cache<Asked, Decision>);

impl Default for Answered {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Answered {
    /// The decision of `request`: from memory, or else from `decide`.
    pub(super) fn recall(&self, request: &Request<'_>, decide: impl FnOnce() -> Decision) -> Decision {
        let asked = Asked::new(request);
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
    groups: Vec<String>,
    credential: Credential,
    /// The hash over all that its platform says.
    platform: Option<[u8; 32]>,
    ttl: Option<Duration>,
    /// `None` asks for a WIT.
    delegate: Option<AskedDelegate>,
}

#[derive(PartialEq, Eq, Hash)]
struct AskedDelegate {
    target: Resource,
    target_scopes: ScopeSet,
    scopes: ScopeSet,
    /// Issuer, subject and authentication context class.
    user: (String, String, Option<String>),
    user_groups: Vec<String>,
    user_amr: Vec<String>,
    chain: Vec<WorkloadId>,
}

impl Asked {
    fn new(request: &Request<'_>) -> Self {
        let Request { workload, groups, credential, platform, action, ttl, time: _, source_ip: _ } = *request;
        let platform = platform.map(|platform| *platform.digest);
        let delegate = match action {
            Action::IssueWit => None,
            Action::Delegate(delegate) => Some(AskedDelegate::new(delegate)),
        };
        Self { workload: workload.clone(), groups: groups.to_vec(), credential, platform, ttl, delegate }
    }
}

impl AskedDelegate {
    fn new(Delegate { target, scopes, user, chain }: Delegate<'_>) -> Self {
        let super::User { issuer, subject, groups, acr, amr, auth_age: _ } = user;
        Self {
            target: target.resource.clone(),
            target_scopes: target.scopes.clone(),
            scopes: scopes.clone(),
            user: (issuer.to_owned(), subject.to_owned(), acr.map(str::to_owned)),
            user_groups: groups.to_vec(),
            user_amr: amr.to_vec(),
            chain: chain.into_iter().flat_map(|chain| chain.iter()).map(|actor| actor.id.clone()).collect(),
        }
    }
}
