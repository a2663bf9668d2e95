//! That the user agreed: an approver says so, or the user's own token does.

use procura_token::{ApprovalToken, Consent, Resource, ScopeSet, UnixTime, WorkloadId};
use serde::Serialize;

use super::authority::Authority;
use super::request::Presented;
use super::{Exchange, ExchangeError};
use crate::{policy, trust};

/// What a user would have to agree to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingApproval {
    /// Who would act.
    pub agent: WorkloadId,
    /// Where.
    pub target: Resource,
    /// In what.
    pub scope: ScopeSet,
}

/// What shows that the user agreed to one actor, wherever it acts.
pub(super) struct Agreement {
    approval: Option<trust::Approval>,
    /// Whether `may_act` of the user's token names the actor.
    may_act: bool,
    /// What the consent claim of the user's token says of the actor.
    consents: Vec<Consent>,
}

impl Exchange {
    /// An approval must be of this user and for this actor. The user's token speaks for itself, and only where it is the
    /// subject: none of what it says of others is in the tokens made from it.
    pub(super) async fn verify_agreement(
        &self,
        presented: Option<&Presented>,
        authority: &Authority,
        actor: &WorkloadId,
        now: UnixTime,
    ) -> Result<Agreement, ExchangeError> {
        let approval = match presented {
            None => None,
            Some(presented) => {
                let approval = self.trust.verify_approval(presented.as_str(), now).await.map_err(ExchangeError::Approval)?;
                if approval.user != *authority.subject() {
                    return Err(ExchangeError::ApprovalUnfit("it is another user's"));
                }
                if approval.token.agent != *actor {
                    return Err(ExchangeError::ApprovalUnfit("it is for another agent than the one to act"));
                }
                Some(approval)
            }
        };
        let (may_act, consents) = match authority {
            Authority::User(user) => {
                let of_actor = user.token.consents().iter().filter(|consent| consent.agent == *actor);
                (user.token.names_actor(actor), of_actor.cloned().collect())
            }
            Authority::Parent(_) => (false, Vec::new()),
        };
        Ok(Agreement { approval, may_act, consents })
    }
}

impl Agreement {
    /// The approval that was presented.
    pub(super) fn token(&self) -> Option<&ApprovalToken> {
        self.approval.as_ref().map(|approval| &**approval.token)
    }

    /// What the user agreed to at `target`, and what shows it: `token`, `may_act`, `consent_claim`. Agreements add up.
    ///
    /// # Errors
    /// [`ExchangeError::ApprovalUnfit`] if the approval that was presented is for another target.
    pub(super) fn at(&self, target: &Resource) -> Result<Option<(policy::Approval, Vec<&'static str>)>, ExchangeError> {
        let token = self.token();
        if token.is_some_and(|token| token.target != *target) {
            return Err(ExchangeError::ApprovalUnfit("it is for another target"));
        }
        let by_token = token.map(|token| ("token", token.scope.as_ref()));
        let by_may_act = self.may_act.then_some(("may_act", None));
        let here = self.consents.iter().filter(|consent| consent.target.as_ref().is_none_or(|there| there == target));
        let by_claim = here.map(|consent| ("consent_claim", consent.scope.as_ref()));
        let (mut by, scopes): (Vec<_>, Vec<_>) = by_token.into_iter().chain(by_may_act).chain(by_claim).unzip();
        by.dedup();
        if by.is_empty() {
            return Ok(None);
        }
        // One that names no scope is of all.
        let scopes = scopes.into_iter().collect::<Option<Vec<&ScopeSet>>>();
        let scopes = scopes.map(|sets| sets.into_iter().flat_map(ScopeSet::iter).cloned().collect());
        Ok(Some((policy::Approval { scopes }, by)))
    }
}

#[cfg(test)]
mod tests {
    use procura_token::Scope;
    use proptest::prelude::*;

    use super::*;

    const TARGETS: [&str; 2] = ["https://api.example/a", "https://api.example/b"];

    fn scopes() -> impl Strategy<Value = Option<ScopeSet>> {
        let names = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..3);
        prop::option::of(names.prop_map(|names| names.join(" ").parse().unwrap()))
    }

    fn consents() -> impl Strategy<Value = Vec<Consent>> {
        let target = prop::option::of(prop::sample::select(TARGETS.to_vec()).prop_map(|uri| uri.parse().unwrap()));
        let agent = || "spiffe://prod.example/agent/planner".parse().unwrap();
        let consent = (target, scopes()).prop_map(move |(target, scope)| Consent { agent: agent(), target, scope });
        prop::collection::vec(consent, 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A scope counts as approved exactly if something that was shown names it at this target, or everything there.
        #[test]
        fn agreements_add_up_and_say_nothing_more(consents in consents(), may_act: bool, here in 0..2_usize) {
            let target: Resource = TARGETS[here].parse().unwrap();
            let agreement = Agreement { approval: None, may_act, consents: consents.clone() };
            let agreed = agreement.at(&target).unwrap();
            for name in ["a", "b", "c"] {
                let scope: Scope = name.parse().unwrap();
                let names = |it: &Consent| {
                    it.target.as_ref().is_none_or(|there| *there == target) && it.scope.as_ref().is_none_or(|all| all.contains(&scope))
                };
                let is_approved = agreed.as_ref().is_some_and(|(approval, _)| {
                    approval.scopes.as_ref().is_none_or(|all| all.contains(&scope))
                });
                prop_assert_eq!(is_approved, may_act || consents.iter().any(names));
            }
            prop_assert_eq!(agreed.is_some_and(|(_, by)| by.contains(&"may_act")), may_act);
        }
    }
}
