//! Workload Identity Tokens (draft-ietf-wimse-workload-creds section 5, SPIFFE WIT-SVID).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::present;
use crate::jws::Header;
use crate::verified::Kind;
use crate::window::verify_window;
use crate::{Algorithm, JwkConfirmation, KeySet, ParseError, TokenId, UnixTime, Unverified, Verified, VerifyError, WorkloadId};

/// The claims of a WIT: who the workload is, and the key that only it holds.
///
/// A WIT is worth nothing without a proof by [`Wit::confirmation`]'s key in the same request; verifying that proof is the
/// caller's next step, not this type's.
#[derive(Clone, Debug)]
pub struct Wit {
    id: WorkloadId,
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    confirmation: JwkConfirmation,
}

impl Wit {
    /// The workload.
    pub const fn id(&self) -> &WorkloadId {
        &self.id
    }

    /// `exp`.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// The key a presenter must prove, and the algorithm the proof must use.
    pub const fn confirmation(&self) -> &JwkConfirmation {
        &self.confirmation
    }
}

/// How far ahead `iat` of a WIT that is not a WIT-SVID may be. WIT-SVIDs give `iat` no such meaning.
const MAX_AHEAD: Duration = Duration::from_secs(300);

impl Unverified<Wit> {
    /// The trust domain it claims to be from. It proves nothing.
    pub fn trust_domain(&self) -> &str {
        self.claims.id.trust_domain()
    }

    /// The scheme and trust domain it claims to be from: they select the keys, and prove nothing.
    ///
    /// `spiffe://a.test` and `wimse://a.test` are two namespaces: who may speak for one need not speak for the other.
    pub fn origin(&self) -> &str {
        self.claims.id.origin()
    }

    /// Verifies algorithm, signature and time at `now`.
    ///
    /// `keys` are the WIT keys trusted for [`Unverified::origin`], and for no other. For a SPIFFE ID the stricter
    /// rules of WIT-SVID hold as well: `kid` present, no EdDSA. Not checked: possession of the key, and `iss`.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, keys: &KeySet, skew: Duration, now: UnixTime) -> Result<Verified<Wit>, VerifyError> {
        if self.claims.id.is_spiffe() {
            self.allow(Algorithm::SVID)?;
            self.key_id().ok_or(VerifyError::UnknownKey)?;
        }
        self.verify_signature(keys)?;
        verify_window(self.claims.expires, self.claims.not_before, now, skew)?;
        match self.claims.issued_at {
            Some(from) if !self.claims.id.is_spiffe() && now + MAX_AHEAD < from => Err(VerifyError::NotYetValid { from, now }),
            _ => Ok(self.into_verified()),
        }
    }
}

impl Verified<Wit> {
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
    exp: UnixTime,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    #[serde(default, deserialize_with = "crate::json::is_present", rename = "act")]
    has_actor: bool,
    #[serde(default, deserialize_with = "present")]
    iat: Option<UnixTime>,
    cnf: JwkConfirmation,
    #[serde(default, deserialize_with = "crate::json::is_present", rename = "aud")]
    has_audience: bool,
}

impl Kind for Wit {
    type Raw = Raw;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed("wit+jwt")
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        // Who acts for somebody else shows a delegation, not a credential of its own.
        if raw.has_actor {
            return Err(ParseError::value("`act`", "must not be in a workload's own credential"));
        }
        if raw.sub.is_spiffe() && raw.has_audience {
            return Err(ParseError::value("`aud`", "must not be in a WIT-SVID"));
        }
        if raw.sub.is_spiffe() && !Algorithm::SVID.contains(&raw.cnf.algorithm) {
            return Err(ParseError::value("`cnf.jwk.alg`", "not an algorithm of WIT-SVIDs"));
        }
        Ok(Self { id: raw.sub, expires: raw.exp, not_before: raw.nbf, issued_at: raw.iat, confirmation: raw.cnf })
    }
}

/// What a WIT to be issued says. It satisfies WIT and WIT-SVID: no `aud`, and an `iss` that no OIDC discovery finds.
#[derive(Clone, Debug, Serialize)]
pub struct NewWit<'a> {
    /// Who issued it, for audit only: `spiffe://<trust domain>/…`.
    pub iss: String,
    /// The workload.
    pub sub: &'a WorkloadId,
    /// When it was made.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its name.
    pub jti: TokenId,
    /// The workload's key.
    pub cnf: &'a JwkConfirmation,
}

#[cfg(feature = "sign")]
impl NewWit<'_> {
    /// Signs it.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("wit+jwt"), crate::signing::ShownKey::Name, self)
    }
}
