//! Two types for two states of trust.

use core::fmt;
use core::ops::Deref;

use serde::de::DeserializeOwned;

use crate::jws::{Header, Jws};
use crate::{Algorithm, KeySet, ParseError, VerifyError, VerifyingKey, base64url, json, sha256};

/// A token that is well formed and not believed: its signature and claims have not been judged.
///
/// It shows only what is needed to pick the keys to judge it by: `alg`, `kid`, and for each kind the claim that names the
/// authority. Everything else appears when it becomes [`Verified`].
pub struct Unverified<T> {
    pub(crate) header: Header,
    pub(crate) claims: T,
    signing_input: String,
    /// SHA-256 of the signing input.
    fingerprint: [u8; 32],
    signature: Vec<u8>,
}

/// A token that was verified: by the right keys, under the rules of its kind, at one instant.
///
/// Only `verify` makes one. Time goes on: who keeps it asks its kind's `verify_time` before using it again.
#[derive(Clone)]
pub struct Verified<T> {
    claims: T,
    algorithm: Algorithm,
    fingerprint: [u8; 32],
}

/// A kind of token: how its claims are read and which `typ` it has. Sealed: the kinds are this crate's.
pub(crate) trait Kind: Sized {
    /// The shape of the payload.
    type Raw: DeserializeOwned;
    /// Whether the header carries the key the token is judged by: DPoP proofs alone.
    const CARRIES_KEY: bool = false;

    /// Refuses a `typ` that names another kind.
    fn is_named_by(header: &Header) -> bool;

    /// Makes checked claims from well-shaped ones.
    fn refine(raw: Self::Raw) -> Result<Self, ParseError>;
}

#[expect(private_bounds, reason = "the kinds of tokens are a closed list")]
impl<T: Kind> Unverified<T> {
    /// Parses one token in compact serialization, at most [`MAX_TOKEN`](crate::MAX_TOKEN) bytes.
    ///
    /// # Errors
    /// [`ParseError`] for everything that can be wrong before a key is looked at: serialization, header, `typ`, JSON,
    /// missing or mistyped claims.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let Jws { header, payload, signing_input, signature } = Jws::parse(text, T::CARRIES_KEY)?;
        if !T::is_named_by(&header) {
            return Err(ParseError::Typ);
        }
        let claims = T::refine(json::parse(&payload)?)?;
        let fingerprint = sha256(signing_input.as_bytes());
        Ok(Self { header, claims, signing_input: signing_input.to_owned(), fingerprint, signature })
    }
}

impl<T> Unverified<T> {
    /// `alg` of the header.
    pub const fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// `kid` of the header: a name chosen by whoever sent this.
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// The claims as JSON, decoded again.
    pub(crate) fn payload(&self) -> Result<Vec<u8>, ParseError> {
        base64url::decode(self.signing_input.split_once('.').ok_or(ParseError::NotCompact)?.1)
    }

    pub(crate) fn allow(&self, algorithms: &[Algorithm]) -> Result<(), VerifyError> {
        match algorithms.contains(&self.header.algorithm) {
            true => Ok(()),
            false => Err(VerifyError::AlgorithmNotAllowed(self.header.algorithm)),
        }
    }

    pub(crate) fn verify_signature_with(&self, key: &VerifyingKey) -> Result<(), VerifyError> {
        key.verify_hashed(self.header.algorithm, self.signing_input.as_bytes(), &self.fingerprint, &self.signature)
    }

    pub(crate) fn verify_signature(&self, keys: &KeySet) -> Result<(), VerifyError> {
        self.verify_signature_with(keys.select(self.key_id(), self.header.algorithm)?)
    }

    /// The one place where trust begins: callers have verified signature, claims and time.
    pub(crate) fn into_verified(self) -> Verified<T> {
        Verified { claims: self.claims, algorithm: self.header.algorithm, fingerprint: self.fingerprint }
    }
}

impl<T> Verified<T> {
    /// The algorithm it was signed with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// SHA-256 of what was signed: header and payload without the signature.
    ///
    /// One statement has one fingerprint, however often and however malleably it was signed; so this, not a hash of the
    /// whole text, names a token in a store.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.claims
    }
}

/// Shows the kind and the algorithm, no claim.
impl<T> fmt::Debug for Unverified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({}, {})", core::any::type_name::<T>(), self.header.algorithm)
    }
}

/// Shows the claims: no kind holds a secret among them.
impl<T: fmt::Debug> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.claims).finish()
    }
}
