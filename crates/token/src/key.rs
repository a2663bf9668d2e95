//! Keys that verify, and sets of them.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
};

use crate::jwk::{Curve, Material};
use crate::{Algorithm, Jwk, JwkSet, ParseError, Thumbprint, VerifyError, der};

/// A public key ready to verify: its point is on its curve, its algorithm cannot be confused. Cheap to clone.
/// Two are equal when they are the same key for the same algorithms.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    inner: Inner,
    /// `alg` of the JWK: when it is there, the only algorithm this key is used with.
    only: Option<Algorithm>,
    thumbprint: Thumbprint,
}

#[derive(Clone, Debug)]
enum Inner {
    Ec(Curve, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    Rsa(Arc<RsaKey>),
}

/// One RSA key serves several algorithms unless `only` names one. It is made ready for each when first used with it: that
/// costs a third of a verification.
#[derive(Debug)]
struct RsaKey {
    pkcs1: Vec<u8>,
    ready: [OnceLock<ParsedPublicKey>; 6],
}

impl RsaKey {
    fn new(pkcs1: Vec<u8>) -> Self {
        Self { pkcs1, ready: [const { OnceLock::new() }; 6] }
    }

    fn for_algorithm(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        let (place, parameters) = rsa_parameters(algorithm)?;
        let ready = self.ready.get(place)?;
        match ready.get() {
            Some(key) => Some(key),
            None => {
                let key = ParsedPublicKey::new(parameters, &self.pkcs1).ok()?;
                Some(ready.get_or_init(|| key))
            }
        }
    }
}

impl VerifyingKey {
    /// Makes `jwk` ready.
    ///
    /// # Errors
    /// [`ParseError::Key`] for a point that is not on its curve, or an `alg` that does not fit the key.
    pub fn new(jwk: &Jwk) -> Result<Self, ParseError> {
        let unusable = |_| ParseError::Key(UNUSABLE);
        let inner = match &jwk.material {
            Material::Ec { curve, x, y } => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let parsed = match curve {
                    Curve::P256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
                    Curve::P384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
                    Curve::P521 => ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point),
                };
                Inner::Ec(*curve, parsed.map_err(unusable)?)
            }
            Material::Ed25519 { x } => Inner::Ed25519(ParsedPublicKey::new(&ED25519, x).map_err(unusable)?),
            Material::Rsa { n, e } => {
                let key = RsaKey::new(der::pkcs1(n, e));
                // With another `alg` it is refused below.
                let first = jwk.algorithm.filter(|algorithm| rsa_parameters(*algorithm).is_some()).unwrap_or(Algorithm::Rs256);
                key.for_algorithm(first).ok_or(ParseError::Key(UNUSABLE))?;
                Inner::Rsa(Arc::new(key))
            }
        };
        let key = Self { inner, only: jwk.algorithm, thumbprint: jwk.thumbprint() };
        match jwk.algorithm {
            Some(algorithm) if !key.fits(algorithm) => Err(ParseError::Key("`alg` does not fit the key")),
            _ => Ok(key),
        }
    }

    /// Whether it is what [`VerifyingKey::new`] makes of `jwk`.
    pub(crate) fn is_made_of(&self, jwk: &Jwk) -> bool {
        let is_same = match (&self.inner, &jwk.material) {
            (Inner::Ec(curve, key), Material::Ec { curve: named, x, y }) => {
                let point = key.as_ref().strip_prefix(&[4]).and_then(|point| point.strip_prefix(x.as_slice()));
                curve == named && point == Some(y)
            }
            (Inner::Ed25519(key), Material::Ed25519 { x }) => key.as_ref() == x,
            (Inner::Rsa(key), Material::Rsa { n, e }) => key.pkcs1 == der::pkcs1(n, e),
            _ => false,
        };
        is_same && self.only == jwk.algorithm
    }

    /// The RFC 7638 thumbprint.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Whether a signature by `algorithm` can be checked with this key (RFC 8725bis section 3.1).
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        let family = match &self.inner {
            Inner::Ec(Curve::P256, _) => algorithm == A::Es256,
            Inner::Ec(Curve::P384, _) => algorithm == A::Es384,
            Inner::Ec(Curve::P521, _) => algorithm == A::Es512,
            Inner::Ed25519(_) => matches!(algorithm, A::EdDsa | A::Ed25519),
            Inner::Rsa(_) => rsa_parameters(algorithm).is_some(),
        };
        let same =
            |only: A| only == algorithm || (matches!(only, A::EdDsa | A::Ed25519) && matches!(self.inner, Inner::Ed25519(_)));
        family && self.only.is_none_or(same)
    }

    /// The algorithms it verifies signatures of.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::DEFAULT.iter().copied().filter(|algorithm| self.fits(*algorithm))
    }

    /// Verifies `signature` by `algorithm` over `message`.
    ///
    /// # Errors
    /// [`VerifyError::KeyMismatch`] if the key is not for that algorithm, [`VerifyError::Signature`] if it does not verify.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        self.ready(algorithm)?.verify_sig(message, signature).map_err(|_| VerifyError::Signature)
    }

    /// [`VerifyingKey::verify`], for one who knows the SHA-256 hash of `message` already: most algorithms sign that.
    pub(crate) fn verify_hashed(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        sha256: &[u8; 32],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let key = self.ready(algorithm)?;
        let verified = match algorithm {
            Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => {
                Digest::import_less_safe(sha256, &SHA256).and_then(|digest| key.verify_digest_sig(&digest, signature))
            }
            _ => key.verify_sig(message, signature),
        };
        verified.map_err(|_| VerifyError::Signature)
    }

    fn ready(&self, algorithm: Algorithm) -> Result<&ParsedPublicKey, VerifyError> {
        let key = match &self.inner {
            _ if !self.fits(algorithm) => None,
            Inner::Ec(_, key) | Inner::Ed25519(key) => Some(key),
            Inner::Rsa(key) => key.for_algorithm(algorithm),
        };
        key.ok_or(VerifyError::KeyMismatch(algorithm))
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint && self.only == other.only
    }
}

const UNUSABLE: &str = "not a point on the curve, or not a usable key";

/// A number for each, from 0, and what it demands of a key.
fn rsa_parameters(algorithm: Algorithm) -> Option<(usize, &'static RsaParameters)> {
    Some(match algorithm {
        Algorithm::Rs256 => (0, &RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => (1, &RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => (2, &RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => (3, &RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => (4, &RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => (5, &RSA_PSS_2048_8192_SHA512),
        _ => return None,
    })
}

/// The keys of one issuer or one trust domain, for one use. Sets of different issuers are never pooled (RFC 8725bis
/// section 3.8, SPIFFE federation section 4.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeySet {
    keys: Vec<(Option<String>, VerifyingKey)>,
}

impl KeySet {
    /// The keys of `set` whose `use` is one of `uses`, where `None` stands for keys without a `use`.
    ///
    /// Keys that turn out to be unusable are left out.
    pub fn new(set: &JwkSet, uses: &[Option<&str>]) -> Self {
        let wanted = set.keys.iter().filter(|jwk| uses.contains(&jwk.public_key_use.as_deref()));
        Self { keys: wanted.filter_map(|jwk| Some((jwk.key_id.clone(), VerifyingKey::new(jwk).ok()?))).collect() }
    }

    /// Whether there is no key at all: then nothing is believed.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Adds the keys of `other`. For two uses of *one* authority; never for two authorities.
    pub fn extend(&mut self, other: &Self) {
        self.keys.extend_from_slice(&other.keys);
    }

    /// The keys, each with its `kid`.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &VerifyingKey)> {
        self.keys.iter().map(|(kid, key)| (kid.as_deref(), key))
    }

    /// Whether some key has this `kid`.
    pub fn knows(&self, key_id: Option<&str>) -> bool {
        key_id.is_none_or(|wanted| self.keys.iter().any(|(kid, _)| kid.as_deref() == Some(wanted)))
    }

    /// The key for a token: the one with its `kid`, or, for a token without `kid`, the only one there is.
    ///
    /// Keys of different types may share a `kid` (RFC 7517 section 4.5): then `algorithm` tells them apart. The same key twice
    /// is one key.
    ///
    /// # Errors
    /// [`VerifyError::UnknownKey`] if there is none or the choice is ambiguous, [`VerifyError::KeyMismatch`] if it is
    /// not for `algorithm`.
    pub(crate) fn select(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, VerifyError> {
        let named = || self.keys.iter().filter(|(kid, _)| key_id.is_none() || kid.as_deref() == key_id).map(|(_, key)| key);
        let count = named().count();
        let mut fitting = named().filter(|key| key.fits(algorithm));
        let first = fitting.next();
        let other = fitting.find(|key| first.is_some_and(|first| first.thumbprint != key.thumbprint));
        match (first, other) {
            (Some(key), None) if count == 1 || key_id.is_some() => Ok(key),
            (None, _) if count == 1 || (count > 1 && key_id.is_some()) => Err(VerifyError::KeyMismatch(algorithm)),
            _ => Err(VerifyError::UnknownKey),
        }
    }
}
