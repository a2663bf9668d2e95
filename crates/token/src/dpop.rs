//! DPoP proofs (RFC 9449): possession of a key, shown for one request.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::present;
use crate::jws::Header;
use crate::verified::Kind;
use crate::{
    Algorithm, Htu, Jwk, JwkConfirmation, ParseError, Thumbprint, TokenId, UnixTime, Unverified, Verified, VerifyError,
    VerifyingKey, access_token_hash,
};

/// The most bytes of a `nonce`.
const MAX_NONCE: usize = 512;

/// The claims of a DPoP proof.
#[derive(Clone, Debug)]
pub struct DpopProof {
    id: TokenId,
    method: String,
    uri: Htu,
    issued_at: UnixTime,
    access_token_hash: Option<String>,
    nonce: Option<String>,
}

/// How long a proof is fresh: a little into the past, less into the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The most that `iat` may lie behind now.
    pub age: Duration,
    /// The most that `iat` may lie ahead of now.
    pub ahead: Duration,
}

impl Default for Freshness {
    /// 60 seconds back, 5 seconds ahead.
    fn default() -> Self {
        Self { age: Duration::from_secs(60), ahead: Duration::from_secs(5) }
    }
}

/// What a proof is judged against.
#[derive(Clone, Copy, Debug)]
pub struct DpopRules<'a> {
    /// The method of this request, case-sensitive.
    pub method: &'a str,
    /// Our own URLs for this request, from configuration: never from `Host` or a forwarding header.
    pub uris: &'a [Htu],
    /// The access token presented beside the proof; `None` at a token endpoint, where `ath` is not looked at.
    pub access_token: Option<&'a str>,
    /// The algorithms accepted.
    pub algorithms: &'a [Algorithm],
    /// How long a proof is fresh.
    pub freshness: Freshness,
}

/// A proof that was verified, and the key it proved.
#[derive(Clone, Debug)]
pub struct VerifiedDpopProof {
    proof: Verified<DpopProof>,
    key: JwkConfirmation,
}

impl Unverified<DpopProof> {
    /// `nonce`, at most 512 bytes: chosen by whoever sent this.
    pub fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    /// Verifies algorithm, key, signature, `htm`, `htu`, freshness and `ath` (RFC 9449 section 4.3).
    ///
    /// Not checked, because each needs something this crate does not have: whether the proof was seen before
    /// ([`VerifiedDpopProof::replay_key`]), and whether its nonce is one we gave ([`VerifiedDpopProof::nonce`]).
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, rules: &DpopRules<'_>, now: UnixTime) -> Result<VerifiedDpopProof, VerifyError> {
        self.verify_with(rules, now, VerifyingKey::new)
    }

    /// [`verify`](Self::verify), where `ready` makes the key of the proof ready: as [`VerifyingKey::new`] does, but perhaps
    /// from memory, since clients sign many proofs with one key. Of that JWK only `alg` and what the key is made of count.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken; [`VerifyError::UnknownKey`] if `ready` gives another key.
    pub fn verify_with(
        mut self,
        rules: &DpopRules<'_>,
        now: UnixTime,
        ready: impl FnOnce(&Jwk) -> Result<VerifyingKey, ParseError>,
    ) -> Result<VerifiedDpopProof, VerifyError> {
        self.allow(rules.algorithms)?;
        let jwk = self.header.jwk.take().ok_or(VerifyError::UnknownKey)?;
        let key = ready(&jwk)?;
        if !key.is_made_of(&jwk) {
            return Err(VerifyError::UnknownKey);
        }
        self.verify_signature_with(&key)?;
        if self.claims.method != rules.method {
            return Err(VerifyError::Method);
        }
        if !rules.uris.contains(&self.claims.uri) {
            return Err(VerifyError::Uri);
        }
        self.claims.verify_freshness(rules.freshness, now)?;
        let expected = rules.access_token.map(access_token_hash);
        if expected.is_some() && self.claims.access_token_hash != expected {
            return Err(VerifyError::AccessTokenHash);
        }
        let algorithm = self.algorithm();
        let jwk = Jwk { algorithm: Some(algorithm), key_id: None, public_key_use: None, ..jwk };
        Ok(VerifiedDpopProof { proof: self.into_verified(), key: JwkConfirmation { jwk, algorithm, key } })
    }
}

impl DpopProof {
    fn verify_freshness(&self, freshness: Freshness, now: UnixTime) -> Result<(), VerifyError> {
        let iat = self.issued_at;
        if now > iat + freshness.age {
            return Err(VerifyError::Stale { iat, now });
        }
        if iat > now + freshness.ahead {
            return Err(VerifyError::NotYetValid { from: iat, now });
        }
        Ok(())
    }
}

impl VerifiedDpopProof {
    /// The thumbprint of the key proved.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.key.key.thumbprint()
    }

    /// The key proved, in the form a WIT's `cnf` takes.
    pub const fn key(&self) -> &JwkConfirmation {
        &self.key
    }

    /// Gives up the proof for the key it proved.
    pub fn into_key(self) -> JwkConfirmation {
        self.key
    }

    /// `nonce`, at most 512 bytes.
    pub fn nonce(&self) -> Option<&str> {
        self.proof.nonce.as_deref()
    }

    /// `jti`.
    pub fn id(&self) -> &TokenId {
        &self.proof.id
    }

    /// What names this proof in a replay store: SHA-256 over thumbprint, a zero byte and `jti`.
    ///
    /// Per key, so that no client can use up another's `jti`; without `htu`, so that no spelling of a URI makes a second
    /// use look like a first one.
    pub fn replay_key(&self) -> [u8; 32] {
        self.thumbprint().replay_key(&self.proof.id)
    }

    /// `iat`: the instant at which the proof was made. A store that has forgotten what was before it cannot tell whether the
    /// proof is new, unless its nonce does. It is the maker's word, as for the other proofs.
    pub fn made_since(&self) -> UnixTime {
        self.proof.issued_at
    }

    /// Until when the proof would be accepted by clocks up to `skew` apart, and one second more: how long a store must
    /// remember it.
    pub fn replay_until(&self, freshness: Freshness, skew: Duration) -> UnixTime {
        self.proof.issued_at + freshness.age + skew + Duration::from_secs(1)
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    jti: TokenId,
    htm: String,
    htu: String,
    #[serde(deserialize_with = "crate::time::integer_date")]
    iat: UnixTime,
    #[serde(default, deserialize_with = "present")]
    ath: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nonce: Option<String>,
}

impl Kind for DpopProof {
    type Raw = Raw;
    const CARRIES_KEY: bool = true;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed("dpop+jwt")
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        if raw.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return Err(ParseError::value("`nonce`", "longer than 512 bytes"));
        }
        Ok(Self {
            id: raw.jti,
            method: raw.htm,
            uri: raw.htu.parse()?,
            issued_at: raw.iat,
            access_token_hash: raw.ath,
            nonce: raw.nonce,
        })
    }
}

/// What a proof to be made says.
#[derive(Clone, Debug, Serialize)]
pub struct NewDpopProof<'a> {
    /// Its name, new for every request, retries included.
    pub jti: TokenId,
    /// The method of the request.
    pub htm: &'a str,
    /// The URI of the request, without query and fragment.
    pub htu: &'a Htu,
    /// When it is made.
    pub iat: UnixTime,
    /// [`access_token_hash`] of the token sent beside it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ath: Option<String>,
    /// The newest nonce of the server it is for, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
}

#[cfg(feature = "sign")]
impl NewDpopProof<'_> {
    /// Signs it; the header carries the signer's public key.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn sign(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("dpop+jwt"), crate::signing::ShownKey::Whole, self)
    }
}
