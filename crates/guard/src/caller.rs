//! Who is calling, for whom.

use core::fmt;
use std::sync::Arc;

use procura_token::{
    AccessToken, ActorChain, AuthorizationDetails, CertificateThumbprint, Delegation, Scope, ScopeSet, Subject, Thumbprint,
    TokenId, UnixTime, Verified, Wit, WorkloadId,
};

use crate::credentials::Attempt;
use crate::{Cause, Refusal};

/// The caller of one request, after everything was verified. A request extension behind [`GuardLayer`](crate::GuardLayer).
#[derive(Clone, Debug)]
pub struct Caller {
    /// The workload that calls: of its WIT if it showed one, else the one that asked for the token (`client_id`).
    pub workload: WorkloadId,
    /// By what it proved that.
    pub proved: Proved,
    /// What it may do here, and for whom: its access token. Absent when a workload shows a WIT and nothing else; it then acts
    /// in its own name and has no scopes.
    pub grant: Option<Grant>,
}

/// What a caller proved to hold, and in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proved {
    /// The token's key, by a DPoP proof for method and URI. Who the workload is, the token's issuer says.
    Dpop(Thumbprint),
    /// The certificate that the token is bound to, by the connection itself. Who the workload is, the token's issuer says.
    Certificate(CertificateThumbprint),
    /// The key of its own WIT, by a WPT for the URI.
    Wpt(Thumbprint),
    /// The key of its own WIT, by a signature over method, target, body and the fields that count.
    Signature(Thumbprint),
}

impl Proved {
    const fn attempt(self) -> Attempt {
        match self {
            Self::Dpop(_) => Attempt::Dpop,
            Self::Certificate(_) => Attempt::Bearer,
            Self::Wpt(_) => Attempt::Wpt,
            Self::Signature(_) => Attempt::Signature,
        }
    }
}

impl Caller {
    /// Of a token, whose binding was proved.
    pub(crate) fn of_token(token: Arc<Verified<AccessToken>>, proved: Proved) -> Self {
        Self { workload: token.client_id.clone(), proved, grant: Some(Grant(token)) }
    }

    /// Of a WIT that was proved, and a token if there is one: then it must be that workload's.
    pub(crate) fn of_wit(wit: &Wit, proved: Proved, token: Option<Arc<Verified<AccessToken>>>) -> Result<Self, Cause> {
        let is_its_own = |token: &AccessToken| {
            token.client_id == *wit.id() && token.act.as_ref().is_none_or(|act| act.current().id == *wit.id())
        };
        match token {
            Some(token) if !is_its_own(&token) => Err(Cause::Holder),
            token => Ok(Self { workload: wit.id().clone(), proved, grant: token.map(Grant) }),
        }
    }

    /// In whose name it calls. A workload that shows a WIT and no token calls in its own.
    pub fn acting(&self) -> Acting<'_> {
        self.grant.as_ref().map_or(Acting::ForItself, Grant::acting)
    }

    /// Asks that the caller's token carries `scope`, and gives what else the token says.
    ///
    /// # Errors
    /// A [`Refusal`] that answers 403 `insufficient_scope` and names the scope (RFC 6750 section 3.1), also if there is no
    /// token.
    pub fn require(&self, scope: &Scope) -> Result<&Grant, Refusal> {
        let grant = self.grant.as_ref().filter(|grant| grant.scope().contains(scope));
        grant.ok_or_else(|| Refusal::new(Cause::Scope(scope.clone()), self.proved.attempt()))
    }
}

/// In whose name a workload calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting<'a> {
    /// In its own: nobody asked it to, and nobody answers for it but its owner.
    ForItself,
    /// On behalf of somebody.
    For {
        /// The user, as `<issuer alias>:<subject at that issuer>`.
        subject: &'a Subject,
        /// Who acts. Only the current actor counts for decisions; the others are history.
        actors: &'a ActorChain,
        /// The delegation.
        delegation: &'a Delegation,
    },
}

/// What an access token says, after it was verified and its binding proved. Cheap to clone.
#[derive(Clone)]
pub struct Grant(Arc<Verified<AccessToken>>);

impl Grant {
    /// Whose authority the request carries; of users `<issuer alias>:<subject at that issuer>`.
    pub fn subject(&self) -> &Subject {
        &self.0.sub
    }

    /// In whose name the workload calls.
    pub fn acting(&self) -> Acting<'_> {
        match (&self.0.act, &self.0.delegation) {
            (Some(actors), Some(delegation)) => Acting::For { subject: &self.0.sub, actors, delegation },
            // A token has both or neither, or it would not have been verified.
            _ => Acting::ForItself,
        }
    }

    /// Who acts for the subject. Only the current actor counts for decisions; the others are history. Absent when a
    /// workload acts for itself.
    pub fn actors(&self) -> Option<&ActorChain> {
        self.0.act.as_ref()
    }

    /// What the token permits here. The guard decides nothing by it: see [`Caller::require`].
    pub fn scope(&self) -> &ScopeSet {
        &self.0.scope
    }

    /// What the token permits here in more words than a scope has (RFC 9396): each object some of it, within all that it limits.
    /// The guard decides nothing by it; the token was issued for this resource, so its locations are here.
    pub fn authorization_details(&self) -> Option<&AuthorizationDetails> {
        self.0.authorization_details.as_ref()
    }

    /// The delegation the token belongs to; present exactly when there are actors.
    pub fn delegation(&self) -> Option<&Delegation> {
        self.0.delegation.as_ref()
    }

    /// The workload that asked for the token.
    pub fn client_id(&self) -> &WorkloadId {
        &self.0.client_id
    }

    /// The token's `jti`, for the application's own records.
    pub fn token_id(&self) -> &TokenId {
        &self.0.jti
    }

    /// When the token ends.
    pub fn expires(&self) -> UnixTime {
        self.0.exp
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
