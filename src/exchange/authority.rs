//! By what right somebody acts: a user's own token, or a delegation that goes on.

use procura_token::{
    AccessToken, ActorChain, Authentication, AuthorizationDetails, Delegation, DelegationId, Resource, ScopeSet, Subject,
    TokenId, UnixTime,
};

use super::ExchangeError;
use crate::trust::UserToken;

/// The authority that a subject token carries. Nobody gets more than is in it.
pub(super) enum Authority {
    /// A user's token: a delegation begins, or is asked for again.
    User(Box<User>),
    /// A delegation of ours: it goes on.
    Parent(Box<Parent>),
}

/// The user on whose behalf the caller wants to act.
pub(super) struct User {
    pub(super) token: UserToken,
    /// The user in our namespace.
    pub(super) subject: Subject,
    /// What stands for the issuer there.
    pub(super) issuer_alias: String,
    /// Until when the user's token may be acted on.
    pub(super) limit: UnixTime,
}

/// What a delegation is when it reaches its next hop.
pub(super) struct Parent {
    /// The user in our namespace: `<issuer alias>:<subject there>`.
    pub(super) subject: Subject,
    pub(super) groups: Vec<String>,
    pub(super) authentication: Authentication,
    pub(super) target: Resource,
    pub(super) scope: ScopeSet,
    pub(super) details: Option<AuthorizationDetails>,
    /// Everybody who acted so far.
    pub(super) chain: ActorChain,
    pub(super) id: DelegationId,
    /// The deadline of the whole delegation.
    pub(super) until: UnixTime,
    /// The end of the token that was presented.
    pub(super) expires: UnixTime,
    /// The name of that token.
    pub(super) jti: TokenId,
}

impl Parent {
    /// What a token of ours says, which was verified.
    ///
    /// # Errors
    /// If it is none of a delegation: a workload's own.
    pub(super) fn of(token: &AccessToken) -> Result<Self, ExchangeError> {
        let (Some(chain), Some(Delegation { id, until, .. })) = (&token.act, &token.delegation) else {
            return Err(ExchangeError::SubjectUnfit("it acts for nobody, so nobody can act on with it"));
        };
        let groups = token.groups.clone();
        Ok(Self {
            subject: token.sub.clone(),
            groups: groups.ok_or(ExchangeError::SubjectUnfit("it does not say which groups its user is in"))?,
            authentication: token.authentication.clone(),
            target: token.aud.clone(),
            scope: token.scope.clone(),
            details: token.authorization_details.clone(),
            chain: chain.clone(),
            id: id.clone(),
            until: *until,
            expires: token.exp,
            jti: token.jti.clone(),
        })
    }

    /// The issuer's alias and the user's name there: an alias has no colon.
    pub(super) fn user_name(&self) -> (&str, &str) {
        self.subject.as_str().split_once(':').unwrap_or(("", self.subject.as_str()))
    }
}

impl Authority {
    /// Whose it is, in our namespace.
    pub(super) fn subject(&self) -> &Subject {
        match self {
            Self::User(user) => &user.subject,
            Self::Parent(parent) => &parent.subject,
        }
    }

    /// The most it permits, if it says so.
    pub(super) fn scope(&self) -> Option<&ScopeSet> {
        match self {
            Self::User(user) => user.token.scope(),
            Self::Parent(parent) => Some(&parent.scope),
        }
    }

    /// Until when it may be acted on.
    pub(super) fn limit(&self) -> UnixTime {
        match self {
            Self::User(user) => user.limit,
            Self::Parent(parent) => parent.expires.min(parent.until),
        }
    }

    pub(super) fn groups(&self) -> &[String] {
        match self {
            Self::User(user) => user.token.groups(),
            Self::Parent(parent) => &parent.groups,
        }
    }

    pub(super) fn authentication(&self) -> &Authentication {
        match self {
            Self::User(user) => user.token.authentication(),
            Self::Parent(parent) => &parent.authentication,
        }
    }

    /// Who acted before, if somebody did.
    pub(super) fn chain(&self) -> Option<&ActorChain> {
        match self {
            Self::User(_) => None,
            Self::Parent(parent) => Some(&parent.chain),
        }
    }

    /// The issuer's alias and the user's name there.
    pub(super) fn user_name(&self) -> (&str, &str) {
        match self {
            Self::User(user) => (&user.issuer_alias, user.token.subject().as_str()),
            Self::Parent(parent) => parent.user_name(),
        }
    }
}
