//! What an OpenID issuer says of a user, whichever kind of token says it.

use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::consent::Consent;
use crate::json::{is_present, present, present_object};
use crate::window::verify_window;
use crate::{Audience, AuthorizationDetails, Issuer, ParseError, ScopeSet, Subject, UnixTime, VerifyError, WorkloadId};

/// The most groups a token may name, and the most bytes of one.
const MAX_GROUPS: (usize, usize) = (256, 256);

/// The claims about a user that matter for delegation.
#[derive(Clone, Debug)]
pub struct UserClaims {
    pub(crate) issuer: Issuer,
    pub(crate) subject: Subject,
    pub(crate) expires: UnixTime,
    /// The later of `nbf` and `iat`.
    pub(crate) begins: Option<UnixTime>,
    pub(crate) authentication: Authentication,
    /// Nothing if the claim is there and no list of names.
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) may_act: Option<MayAct>,
    pub(crate) scope: Option<ScopeSet>,
    /// Of the claim that the rules name.
    pub(crate) consents: Vec<Consent>,
    pub(crate) authorization_details: Option<AuthorizationDetails>,
}

/// Who may act for the subject (RFC 8693 section 4.4). One that is not an object with a `sub` makes the token malformed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MayAct {
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    sub: String,
}

/// How and when the user was authenticated: copied unchanged into every token made from this one (RFC 9068 section 2.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When the user authenticated.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    /// Authentication context class.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
}

impl UserClaims {
    /// `iss`.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// `sub`: unique only together with [`UserClaims::issuer`].
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// `exp`.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// `auth_time`, `acr` and `amr`.
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// Whether the token leaves `actor` free to act: `may_act` is absent, or names it.
    ///
    /// A workload identifier is unique by itself, so `may_act.iss` may be missing; if it is there it must be the actor's
    /// origin. That it is absent permits nothing: policy does.
    pub fn may_be_acted_for_by(&self, actor: &WorkloadId) -> bool {
        self.may_act.is_none() || self.names_actor(actor)
    }

    /// Whether `may_act` is there and names `actor`: the issuer says that this very workload may act for the user.
    pub fn names_actor(&self, actor: &WorkloadId) -> bool {
        let names =
            |may_act: &MayAct| may_act.sub == actor.as_str() && may_act.iss.as_deref().is_none_or(|iss| iss == actor.origin());
        self.may_act.as_ref().is_some_and(names)
    }

    /// Whom the user agreed to let act, by the claim that the rules named. Empty when absent, or where no claim is named.
    pub fn consents(&self) -> &[Consent] {
        &self.consents
    }

    /// What the token permits. Where there is one, nothing beyond it may be delegated.
    pub const fn scope(&self) -> Option<&ScopeSet> {
        self.scope.as_ref()
    }

    /// What the token permits besides, in more words (RFC 9396). Nothing if they cannot be read: other issuers' types may be
    /// richer than any that is delegated here.
    pub const fn authorization_details(&self) -> Option<&AuthorizationDetails> {
        self.authorization_details.as_ref()
    }

    /// The user's groups: `groups`, which is no registered claim but what most providers call it, or the claim that the
    /// rules named instead. Empty when absent.
    pub fn groups(&self) -> &[String] {
        self.groups.as_deref().unwrap_or_default()
    }

    pub(crate) fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        verify_window(self.expires, self.begins, now, skew)
    }
}

/// `groups` of any shape: whether it is the claim that counts is known later.
fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// `authorization_details` of any shape: what cannot be read permits nothing.
fn details<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AuthorizationDetails>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(Some(serde_json::from_value(value).unwrap_or_else(|_| AuthorizationDetails::nothing())))
}

/// Every claim that some kind of token of an OpenID issuer is judged by. Each kind says which it cannot do without.
#[derive(Deserialize)]
pub(crate) struct RawUserClaims {
    #[serde(default, deserialize_with = "present")]
    pub(crate) iss: Option<Issuer>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<Subject>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) azp: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) client_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<UnixTime>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) iat: Option<UnixTime>,
    #[serde(default, deserialize_with = "present")]
    auth_time: Option<UnixTime>,
    #[serde(default, deserialize_with = "present")]
    acr: Option<String>,
    #[serde(default, deserialize_with = "present")]
    amr: Option<Vec<String>>,
    #[serde(default = "no_groups", deserialize_with = "groups")]
    groups: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present_object")]
    may_act: Option<MayAct>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<ScopeSet>,
    #[serde(default, deserialize_with = "details")]
    authorization_details: Option<AuthorizationDetails>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) cnf: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "is_present")]
    events: bool,
    #[serde(default, deserialize_with = "is_present")]
    act: bool,
    #[serde(default, deserialize_with = "is_present")]
    nonce: bool,
    #[serde(default, deserialize_with = "is_present")]
    at_hash: bool,
    #[serde(default, deserialize_with = "is_present")]
    c_hash: bool,
    /// What Keycloak calls the kind of its tokens.
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    /// What Amazon Cognito calls it.
    #[serde(default, deserialize_with = "present")]
    token_use: Option<String>,
    /// Of an introspection response.
    #[serde(default, deserialize_with = "present")]
    pub(crate) token_type: Option<String>,
}

/// The names that some issuers have for a kind of token: in `typ` and in `token_use` of the payload.
pub(crate) struct SaidKind {
    pub(crate) typ: &'static [&'static str],
    pub(crate) token_use: &'static str,
}

impl RawUserClaims {
    /// Refuses what is no token of a user, or one whose meaning would be lost: a logout token or another security event (RFC
    /// 8417 section 2.2), a delegation (RFC 8693 section 4.1), a JWT-SVID, and what says of itself that it is another kind.
    pub(crate) fn verify_kind(&self, said: &SaidKind) -> Result<(), ParseError> {
        if self.events {
            return Err(ParseError::value("`events`", "not accepted in a user's token"));
        }
        if self.act {
            return Err(ParseError::value("`act`", "a token that somebody acts with already is not delegated further"));
        }
        if self.typ.as_deref().is_some_and(|typ| !said.typ.contains(&typ)) {
            return Err(ParseError::value("`typ` of the claims", "names another kind of token"));
        }
        if self.token_use.as_deref().is_some_and(|token_use| token_use != said.token_use) {
            return Err(ParseError::value("`token_use`", "names another kind of token"));
        }
        Ok(())
    }

    /// Whether a claim is there that ID tokens alone have.
    pub(crate) const fn is_of_a_login(&self) -> bool {
        self.nonce || self.at_hash || self.c_hash
    }

    /// What is said of the user, by `issuer` if the claims name none.
    pub(crate) fn user(self, issuer: Option<&Issuer>) -> Result<UserClaims, ParseError> {
        let subject = self.sub.ok_or_else(|| missing("sub"))?;
        if subject.as_str().parse::<WorkloadId>().is_ok() {
            return Err(ParseError::value("`sub`", "a workload, not a user"));
        }
        Ok(UserClaims {
            issuer: self.iss.or_else(|| issuer.cloned()).ok_or_else(|| missing("iss"))?,
            subject,
            expires: self.exp.ok_or_else(|| missing("exp"))?,
            begins: self.nbf.max(self.iat),
            authentication: Authentication { auth_time: self.auth_time, acr: self.acr, amr: self.amr },
            groups: self.groups.map(bounded).transpose()?,
            may_act: self.may_act,
            scope: self.scope,
            consents: Vec::new(),
            authorization_details: self.authorization_details,
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what serde takes as the default of the member")]
const fn no_groups() -> Option<Vec<String>> {
    Some(Vec::new())
}

pub(crate) fn missing(name: &str) -> ParseError {
    ParseError::Json(format!("missing field `{name}`"))
}

pub(crate) fn bounded(groups: Vec<String>) -> Result<Vec<String>, ParseError> {
    if groups.len() > MAX_GROUPS.0 || groups.iter().any(|group| group.len() > MAX_GROUPS.1) {
        return Err(ParseError::value("`groups`", "more than 256 groups, or one longer than 256 bytes"));
    }
    Ok(groups)
}
