//! JWT-SVID: a workload's identity as a bearer JWT (SPIFFE JWT-SVID).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::present;
use crate::jws::Header;
use crate::verified::Kind;
use crate::window::verify_window;
use crate::{Algorithm, Audience, KeySet, ParseError, TokenId, UnixTime, Unverified, Verified, VerifyError, WorkloadId};

/// The claims of a JWT-SVID.
///
/// It is a bearer credential: whoever holds its text can present it. Nothing here says that the presenter is the workload.
#[derive(Clone, Debug)]
pub struct JwtSvid {
    id: WorkloadId,
    audience: Audience,
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
}

/// What a JWT-SVID is judged against.
#[derive(Clone, Copy, Debug)]
pub struct JwtSvidRules<'a> {
    /// Our issuer identifier: it must be the *only* audience (SPIFFE client authentication; RFC 7523bis section 4).
    pub audience: &'a str,
    /// Leeway on `exp` and `nbf`.
    pub skew: Duration,
}

impl JwtSvid {
    /// The workload: a `spiffe` identifier.
    pub const fn id(&self) -> &WorkloadId {
        &self.id
    }

    /// `exp`.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// `iat`, if it is there. It has no part in the judgement: SPIFFE gives it no meaning.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }
}

impl Unverified<JwtSvid> {
    /// The trust domain it claims to be from: it selects the keys, and proves nothing.
    pub fn trust_domain(&self) -> &str {
        self.claims.id.trust_domain()
    }

    /// Verifies algorithm, signature, audience and time at `now`, in this order.
    ///
    /// `keys` are the `jwt-svid` keys of [`Unverified::trust_domain`], and of no other trust domain. Not checked: whether
    /// the workload may do anything, `jti`, and `iss`, which SPIFFE gives no meaning.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, keys: &KeySet, rules: &JwtSvidRules<'_>, now: UnixTime) -> Result<Verified<JwtSvid>, VerifyError> {
        self.allow(Algorithm::SVID)?;
        self.verify_signature(keys)?;
        if self.claims.audience.sole() != Some(rules.audience) {
            return Err(VerifyError::Audience);
        }
        verify_window(self.claims.expires, self.claims.not_before, now, rules.skew)?;
        Ok(self.into_verified())
    }
}

impl Verified<JwtSvid> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        verify_window(self.expires, self.not_before, now, skew)
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    sub: WorkloadId,
    aud: Audience,
    exp: UnixTime,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    #[serde(default, deserialize_with = "crate::json::is_present", rename = "act")]
    has_actor: bool,
    #[serde(default, deserialize_with = "present")]
    iat: Option<UnixTime>,
}

impl Kind for JwtSvid {
    type Raw = Raw;

    /// `typ` is absent, `JWT` or `JOSE` (SPIFFE JWT-SVID section 2.3).
    fn is_named_by(header: &Header) -> bool {
        header.is_untyped(&["JWT", "JOSE"])
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        // Who acts for somebody else shows a delegation, not a credential of its own.
        if raw.has_actor {
            return Err(ParseError::value("`act`", "must not be in a workload's own credential"));
        }
        if !raw.sub.is_spiffe() {
            return Err(ParseError::value("`sub`", "not a SPIFFE ID"));
        }
        Ok(Self { id: raw.sub, audience: raw.aud, expires: raw.exp, not_before: raw.nbf, issued_at: raw.iat })
    }
}

/// What a JWT-SVID to be issued says.
#[derive(Clone, Debug, Serialize)]
pub struct NewJwtSvid<'a> {
    /// The workload.
    pub sub: &'a WorkloadId,
    /// Its one audience.
    pub aud: &'a str,
    /// When it was made.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its name: two of one second differ, where one may be used once.
    pub jti: TokenId,
}

#[cfg(feature = "sign")]
impl NewJwtSvid<'_> {
    /// Signs it. For a trust domain's own authority, such as the development one.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("JWT"), crate::signing::ShownKey::Name, self)
    }
}
