//! ID tokens: what an OpenID provider says of a user (OpenID Connect Core section 2).

use core::time::Duration;

use serde::{Deserialize, Serialize, de};

use crate::json::{present, present_object};
use crate::jws::Header;
use crate::verified::Kind;
use crate::window::verify_window;
use crate::{
    Algorithm, Audience, Issuer, KeySet, ParseError, ScopeSet, Subject, TokenId, UnixTime, Unverified, Verified, VerifyError,
    WorkloadId,
};

/// The most groups a token may name, and the most bytes of one.
const MAX_GROUPS: (usize, usize) = (256, 256);

/// The claims of an ID token that matter for delegation.
#[derive(Clone, Debug)]
pub struct IdToken {
    issuer: Issuer,
    subject: Subject,
    audience: Audience,
    authorized_party: Option<String>,
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued_at: UnixTime,
    authentication: Authentication,
    groups: Vec<String>,
    may_act: Option<MayAct>,
    scope: Option<ScopeSet>,
}

/// Who may act for the subject (RFC 8693 section 4.4). One that is not an object with a `sub` makes the token malformed.
#[derive(Clone, Debug, Deserialize)]
struct MayAct {
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

/// What an ID token is judged against.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenRules<'a> {
    /// The issuer whose keys are given: `iss` must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// Whom it may be meant for: one of these must be in `aud`.
    pub audiences: &'a [&'a str],
    /// The algorithms this issuer may sign with.
    pub algorithms: &'a [Algorithm],
    /// Leeway on `exp`, `nbf` and `iat`.
    pub skew: Duration,
}

impl IdToken {
    /// `iss`.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// `sub`: unique only together with [`IdToken::issuer`].
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// `aud`.
    pub const fn audience(&self) -> &Audience {
        &self.audience
    }

    /// `azp`.
    pub fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// `exp`.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// `iat`.
    pub const fn issued_at(&self) -> UnixTime {
        self.issued_at
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
        self.may_act
            .as_ref()
            .is_none_or(|may_act| may_act.sub == actor.as_str() && may_act.iss.as_deref().is_none_or(|iss| iss == actor.origin()))
    }

    /// `scope`: not a usual claim of ID tokens. Where an issuer sets it, nothing beyond it may be delegated.
    pub const fn scope(&self) -> Option<&ScopeSet> {
        self.scope.as_ref()
    }

    /// `groups`: not a registered claim, but what most providers call it. Empty when absent.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}

impl Unverified<IdToken> {
    /// The issuer it claims to be from: it selects the keys, and proves nothing.
    pub const fn issuer(&self) -> &Issuer {
        &self.claims.issuer
    }

    /// Verifies issuer, algorithm, signature, audience and time at `now`, in this order.
    ///
    /// Not checked: `nonce`, `at_hash` and `c_hash`, which bind a login flow this token is no longer part of; `azp`, where
    /// several audiences make it matter; and whether the user agreed to anything.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, keys: &KeySet, rules: &IdTokenRules<'_>, now: UnixTime) -> Result<Verified<IdToken>, VerifyError> {
        if self.claims.issuer != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        if !rules.audiences.iter().any(|audience| self.claims.audience.contains(audience)) {
            return Err(VerifyError::Audience);
        }
        self.claims.verify_time(now, rules.skew)?;
        Ok(self.into_verified())
    }
}

impl IdToken {
    fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        let from = self.not_before.map_or(self.issued_at, |nbf| nbf.max(self.issued_at));
        verify_window(self.expires, Some(from), now, skew)
    }
}

impl Verified<IdToken> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        IdToken::verify_time(self, now, skew)
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    iss: Issuer,
    sub: Subject,
    aud: Audience,
    #[serde(default, deserialize_with = "present")]
    azp: Option<String>,
    exp: UnixTime,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    iat: UnixTime,
    #[serde(flatten)]
    authentication: Authentication,
    #[serde(default, deserialize_with = "present")]
    groups: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present_object")]
    may_act: Option<MayAct>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<ScopeSet>,
    #[serde(default, deserialize_with = "present")]
    events: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    act: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    cnf: Option<de::IgnoredAny>,
}

impl Raw {
    /// Refuses what is no ID token though untyped, or one whose meaning would be lost: a logout token or another security
    /// event (RFC 8417 section 2.2), a delegation (RFC 8693 section 4.1), a token bound to a key (RFC 7800), and a JWT-SVID.
    fn verify_kind(&self) -> Result<(), ParseError> {
        let refused = [("`events`", self.events.is_some()), ("`act`", self.act.is_some()), ("`cnf`", self.cnf.is_some())];
        if let Some((name, _)) = refused.into_iter().find(|(_, is_there)| *is_there) {
            return Err(ParseError::value(name, "not accepted in an ID token"));
        }
        if self.sub.as_str().parse::<WorkloadId>().is_ok() {
            return Err(ParseError::value("`sub`", "a workload, not a user"));
        }
        Ok(())
    }
}

impl Kind for IdToken {
    type Raw = Raw;

    /// ID tokens are not typed; a `typ` that names another kind is refused.
    fn is_named_by(header: &Header) -> bool {
        header.is_untyped(&["JWT"])
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        raw.verify_kind()?;
        let groups = raw.groups.unwrap_or_default();
        if groups.len() > MAX_GROUPS.0 || groups.iter().any(|group| group.len() > MAX_GROUPS.1) {
            return Err(ParseError::value("`groups`", "more than 256 groups, or one longer than 256 bytes"));
        }
        Ok(Self {
            issuer: raw.iss,
            subject: raw.sub,
            audience: raw.aud,
            authorized_party: raw.azp,
            expires: raw.exp,
            not_before: raw.nbf,
            issued_at: raw.iat,
            authentication: raw.authentication,
            groups,
            may_act: raw.may_act,
            scope: raw.scope,
        })
    }
}

/// What an ID token to be issued says. For a development user issuer; Procura itself issues none.
#[derive(Clone, Debug, Serialize)]
pub struct NewIdToken<'a> {
    /// The issuer.
    pub iss: &'a Issuer,
    /// The user at that issuer.
    pub sub: &'a Subject,
    /// Whom it is for.
    pub aud: &'a str,
    /// When it was made.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its name.
    pub jti: TokenId,
    /// How the user authenticated.
    #[serde(flatten)]
    pub authentication: Authentication,
    /// The user's groups.
    pub groups: &'a [String],
    /// What the token is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'a ScopeSet>,
}

#[cfg(feature = "sign")]
impl NewIdToken<'_> {
    /// Signs it.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("JWT"), crate::signing::ShownKey::Name, self)
    }
}
