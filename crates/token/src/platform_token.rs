//! Platform tokens: what a CI system, a cloud or a cluster says of a workload it runs, in the shape of an OpenID Connect ID
//! token (OpenID Connect Core section 2).

mod claims;

use core::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use self::claims::Claims;
pub use self::claims::PlatformClaims;
use crate::jws::Header;
use crate::verified::Kind;
use crate::window::verify_window;
use crate::{Algorithm, Audience, Issuer, KeySet, ParseError, Subject, UnixTime, Unverified, Verified, VerifyError, WorkloadId};

/// The claims of a platform token, all of them: what they mean, the platform decides.
///
/// It is a bearer credential: whoever holds its text can present it. `sub` is the platform's name for the workload, often
/// made of names that can be given away again; nothing here says that it tells two workloads apart.
#[derive(Clone, Debug)]
pub struct PlatformToken {
    issuer: Issuer,
    audience: Audience,
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    claims: PlatformClaims,
}

/// What a platform token is judged against.
#[derive(Clone, Copy, Debug)]
pub struct PlatformTokenRules<'a> {
    /// The issuer whose keys are given: `iss` must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// Our names: one of these must be the *only* audience, so that no other service it was meant for can present it here.
    pub audiences: &'a [String],
    /// The algorithms this platform signs with.
    pub algorithms: &'a [Algorithm],
    /// Leeway on `exp`, `nbf` and `iat`.
    pub skew: Duration,
}

impl PlatformToken {
    /// `iss`.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// `aud`.
    pub const fn audience(&self) -> &Audience {
        &self.audience
    }

    /// `exp`.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// `iat`, if it is there.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// The later of `nbf` and `iat`, if there is one: before it the token is not valid.
    pub fn valid_from(&self) -> Option<UnixTime> {
        self.not_before.max(self.issued_at)
    }

    /// Every claim.
    pub const fn claims(&self) -> &PlatformClaims {
        &self.claims
    }
}

impl Unverified<PlatformToken> {
    /// The issuer it claims to be from: it selects the keys, and proves nothing.
    pub const fn issuer(&self) -> &Issuer {
        &self.claims.issuer
    }

    /// Verifies issuer, algorithm, signature, audience and time at `now`, in this order.
    ///
    /// Not checked: what its claims say, which no two platforms say alike, and `jti`, `nonce` and `azp`.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(
        self,
        keys: &KeySet,
        rules: &PlatformTokenRules<'_>,
        now: UnixTime,
    ) -> Result<Verified<PlatformToken>, VerifyError> {
        self.claims.verify_issuer(rules)?;
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        self.claims.verify_use(rules, now)?;
        Ok(self.into_verified())
    }

    /// What it says, believed because the platform itself was asked about this very text and said that it is good.
    ///
    /// Issuer, audience and time are judged as by [`Unverified::verify`]; the signature and its algorithm are not: the
    /// platform's answer is in their place, and whoever calls this has it.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn confirmed_by_its_platform(
        self,
        rules: &PlatformTokenRules<'_>,
        now: UnixTime,
    ) -> Result<Verified<PlatformToken>, VerifyError> {
        self.claims.verify_issuer(rules)?;
        self.claims.verify_use(rules, now)?;
        Ok(self.into_verified())
    }
}

impl PlatformToken {
    fn verify_issuer(&self, rules: &PlatformTokenRules<'_>) -> Result<(), VerifyError> {
        if self.issuer == *rules.issuer { Ok(()) } else { Err(VerifyError::Issuer) }
    }

    fn verify_use(&self, rules: &PlatformTokenRules<'_>, now: UnixTime) -> Result<(), VerifyError> {
        let is_ours = |sole| rules.audiences.iter().any(|audience| audience == sole);
        if !self.audience.sole().is_some_and(is_ours) {
            return Err(VerifyError::Audience);
        }
        verify_window(self.expires, self.valid_from(), now, rules.skew)
    }
}

impl Kind for PlatformToken {
    type Raw = Raw;

    /// Platforms do not type their tokens; a `typ` that names another kind is refused.
    fn is_named_by(header: &Header) -> bool {
        header.is_untyped(&["JWT", "JOSE"])
    }

    fn refine(Raw(claims): Raw) -> Result<Self, ParseError> {
        verify_kind(&claims)?;
        Ok(Self {
            issuer: required(&claims, "iss")?,
            audience: required(&claims, "aud")?,
            expires: required(&claims, "exp")?,
            not_before: optional(&claims, "nbf")?,
            issued_at: optional(&claims, "iat")?,
            claims,
        })
    }
}

/// Every member of the payload.
pub(crate) struct Raw(PlatformClaims);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Claims).map(Self)
    }
}

/// Refuses what is no platform token though untyped: a security event (RFC 8417 section 2.2), a delegation (RFC 8693 section
/// 4.1), a token bound to a key (RFC 7800), and a JWT-SVID, whose subject its trust domain names and no platform.
fn verify_kind(claims: &PlatformClaims) -> Result<(), ParseError> {
    for (name, shown) in [("events", "`events`"), ("act", "`act`"), ("cnf", "`cnf`")] {
        if claims.get(name).is_some() {
            return Err(ParseError::value(shown, "not accepted in a platform token"));
        }
    }
    if required::<Subject>(claims, "sub")?.as_str().parse::<WorkloadId>().is_ok() {
        return Err(ParseError::value("`sub`", "names a workload of a trust domain, not of a platform"));
    }
    Ok(())
}

fn required<T: DeserializeOwned>(claims: &PlatformClaims, name: &'static str) -> Result<T, ParseError> {
    optional(claims, name)?.ok_or_else(|| ParseError::Json(format!("missing field `{name}`")))
}

/// A claim that is there must be of its type: `null` is not "absent".
fn optional<T: DeserializeOwned>(claims: &PlatformClaims, name: &'static str) -> Result<Option<T>, ParseError> {
    let mistyped = |_| ParseError::Json(format!("`{name}` is not of its type"));
    claims.get(name).map(|value| T::deserialize(value).map_err(mistyped)).transpose()
}
