//! The delegation token: an RFC 9068 access token with `act`, bound to a key.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::{parse as parse_json, present, present_object};
use crate::jws::{Header, Jws};
use crate::verified::Kind;
use crate::window::verify_window;
use crate::{
    ActorChain, Algorithm, Authentication, AuthorizationDetails, Confirmation, Issuer, KeySet, ParseError, Resource, ScopeSet,
    Subject, TokenId, UnixTime, Unverified, Verified, VerifyError, WorkloadId,
};

/// The claims of an access token of this service: "agent X on behalf of user Y, for this, until then".
///
/// Always bound by `cnf` to a key or to a certificate; without one, or with both, it does not parse. RFC 9068 requires `iss`, `exp`, `aud`, `sub`,
/// `client_id`, `iat` and `jti`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessToken {
    /// Who issued it.
    pub iss: Issuer,
    /// Whose authority it carries: a user's, or the workload's own.
    pub sub: Subject,
    /// The one target it is for.
    pub aud: Resource,
    /// The workload that asked for it.
    pub client_id: WorkloadId,
    /// When it was issued.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its name.
    pub jti: TokenId,
    /// What it permits at its target.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// What it permits there besides, in more words (RFC 9396 section 9.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<AuthorizationDetails>,
    /// Who acts; absent in a token that a workload holds for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<ActorChain>,
    /// What the current actor proves to have.
    pub cnf: Confirmation,
    /// The delegation it belongs to; present exactly when `act` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation: Option<Delegation>,
    /// How the user authenticated, as the user's own token said.
    #[serde(flatten)]
    pub authentication: Authentication,
    /// The user's groups, as the user's own token said (RFC 9068 section 2.2.3.1), for the policies that decide on later
    /// hops. Absent if they are too many for a token: then it goes no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
}

/// The private claim `delegation`: one thing that audit, revocation and inventory can speak of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Fixed at the first exchange, inherited by every hop.
    pub id: DelegationId,
    /// The deadline, fixed with `id`: no token of this delegation outlives it.
    pub until: UnixTime,
    /// `jti` of the token this one was made from.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub parent: Option<TokenId>,
}

/// The name of a delegation.
pub type DelegationId = TokenId;

/// What an access token is judged against.
#[derive(Clone, Copy, Debug)]
pub struct AccessTokenRules<'a> {
    /// The issuer whose keys are given.
    pub issuer: &'a Issuer,
    /// The resource that judges: `aud` must be equal, byte for byte.
    pub audience: &'a Resource,
    /// The algorithms this issuer may sign with.
    pub algorithms: &'a [Algorithm],
    /// Leeway on `exp` and `iat`.
    pub skew: Duration,
}

impl AccessToken {
    /// Whether `text` is a JWS that says it is from `issuer`, whatever else is wrong with it. It proves nothing: it says who
    /// is to judge it.
    pub fn claims_issuer(text: &str, issuer: &Issuer) -> bool {
        #[derive(Deserialize)]
        struct Claimed {
            iss: Issuer,
        }
        let payload = Jws::parse(text, false).map(|jws| jws.payload);
        payload.and_then(|payload| parse_json::<Claimed>(&payload)).is_ok_and(|claimed| claimed.iss == *issuer)
    }
}

impl Unverified<AccessToken> {
    /// The issuer it claims to be from.
    pub const fn issuer(&self) -> &Issuer {
        &self.claims.iss
    }

    /// Verifies issuer, algorithm, signature, audience and time at `now` (RFC 9068 section 4).
    ///
    /// Not checked: possession of what `cnf` names (see [`Verified::verify_binding`]), scope, and revocation.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(
        self,
        keys: &KeySet,
        rules: &AccessTokenRules<'_>,
        now: UnixTime,
    ) -> Result<Verified<AccessToken>, VerifyError> {
        if self.claims.iss != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        if self.claims.aud != *rules.audience {
            return Err(VerifyError::Audience);
        }
        verify_window(self.claims.exp, Some(self.claims.iat), now, rules.skew)?;
        Ok(self.into_verified())
    }

    /// Verifies it as the subject token of another exchange, by the keys and the name of its own issuer (RFC 8693 section
    /// 2.1).
    ///
    /// Not checked: whom it is meant for, which the issuer judges by who presents it; possession of what `cnf` names; and
    /// revocation.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify_as_subject(
        self,
        keys: &KeySet,
        issuer: &Issuer,
        skew: Duration,
        now: UnixTime,
    ) -> Result<Verified<AccessToken>, VerifyError> {
        if self.claims.iss != *issuer {
            return Err(VerifyError::Issuer);
        }
        self.verify_signature(keys)?;
        verify_window(self.claims.exp, Some(self.claims.iat), now, skew)?;
        Ok(self.into_verified())
    }
}

impl Verified<AccessToken> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        verify_window(self.exp, Some(self.iat), now, skew)
    }

    /// Whether the token is bound to what was `proved`: the [`Thumbprint`](crate::Thumbprint) of a key by which a proof
    /// was verified, or the [`CertificateThumbprint`](crate::CertificateThumbprint) of the certificate with which the
    /// peer authenticated this connection. A token that is bound to the one is not satisfied by the other.
    ///
    /// # Errors
    /// [`VerifyError::Binding`] if it is bound to anything else.
    pub fn verify_binding(&self, proved: impl Into<Confirmation>) -> Result<(), VerifyError> {
        if self.cnf == proved.into() { Ok(()) } else { Err(VerifyError::Binding) }
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    iss: Issuer,
    sub: Subject,
    aud: crate::Audience,
    client_id: WorkloadId,
    iat: UnixTime,
    exp: UnixTime,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    jti: TokenId,
    #[serde(default)]
    scope: ScopeSet,
    #[serde(default, deserialize_with = "present")]
    authorization_details: Option<AuthorizationDetails>,
    #[serde(default, deserialize_with = "present")]
    act: Option<ActorChain>,
    cnf: Confirmation,
    #[serde(default, deserialize_with = "present_object")]
    delegation: Option<Delegation>,
    #[serde(flatten)]
    authentication: Authentication,
    #[serde(default, deserialize_with = "present")]
    groups: Option<Vec<String>>,
}

impl Kind for AccessToken {
    type Raw = Raw;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed("at+jwt")
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        let aud = raw.aud.sole().ok_or(ParseError::value("`aud`", "not exactly one target"))?.parse()?;
        // This service writes no `nbf`; one that is not later than `iat` says nothing that `iat` does not.
        if raw.nbf.is_some_and(|nbf| nbf > raw.iat) {
            return Err(ParseError::value("`nbf`", "later than `iat`"));
        }
        if raw.act.is_some() != raw.delegation.is_some() {
            return Err(ParseError::value("`act`", "`act` and `delegation` come together"));
        }
        // Who acts for another says so; a token that names a user and nobody who acts would be the user's own.
        if raw.act.is_none() && raw.sub.as_str() != raw.client_id.as_str() {
            return Err(ParseError::value("`sub`", "not the workload's own name, and nobody acts"));
        }
        Ok(Self {
            iss: raw.iss,
            sub: raw.sub,
            aud,
            client_id: raw.client_id,
            iat: raw.iat,
            exp: raw.exp,
            jti: raw.jti,
            scope: raw.scope,
            authorization_details: raw.authorization_details,
            act: raw.act,
            cnf: raw.cnf,
            delegation: raw.delegation,
            authentication: raw.authentication,
            groups: raw.groups,
        })
    }
}

#[cfg(feature = "sign")]
impl AccessToken {
    /// Signs it.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("at+jwt"), crate::signing::ShownKey::Name, self)
    }
}
