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
