//! Who is calling, for whom.

use procura_token::{AccessToken, ActorChain, Confirmation, Delegation, Scope, ScopeSet, Subject, TokenId, UnixTime, WorkloadId};

use crate::{Cause, Refusal};

/// The caller of one request, after everything was verified. A request extension behind [`GuardLayer`](crate::GuardLayer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose authority the request carries; of users `<issuer alias>:<subject at that issuer>`.
    pub subject: Subject,
    /// Who acts for the subject. Only the current actor counts for decisions; the others are history. Absent when a
    /// workload acts for itself.
    pub actors: Option<ActorChain>,
    /// What the token permits here. The guard decides nothing by it: see [`Caller::require`].
    pub scope: ScopeSet,
    /// The delegation the token belongs to; present exactly when `actors` is.
    pub delegation: Option<Delegation>,
    /// The workload that asked for the token.
    pub client_id: WorkloadId,
    /// The token's `jti`, for the application's own records.
    pub token_id: TokenId,
    /// When the token ends.
    pub expires: UnixTime,
    /// What the token is bound to, which the caller proved to have.
    pub binding: Confirmation,
}

impl Caller {
    pub(crate) fn new(token: &AccessToken) -> Self {
        Self {
            subject: token.sub.clone(),
            actors: token.act.clone(),
            scope: token.scope.clone(),
            delegation: token.delegation.clone(),
            client_id: token.client_id.clone(),
            token_id: token.jti.clone(),
            expires: token.exp,
            binding: token.cnf,
        }
    }

    /// Asks that the token carries `scope`.
    ///
    /// # Errors
    /// A [`Refusal`] that answers 403 `insufficient_scope` and names the scope (RFC 6750 section 3.1).
    pub fn require(&self, scope: &Scope) -> Result<(), Refusal> {
        if self.scope.contains(scope) { Ok(()) } else { Err(Refusal::from(Cause::Scope(scope.clone()))) }
    }
}
