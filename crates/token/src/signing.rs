//! Keys that sign, and the tokens they make.

use core::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

use crate::jwk::{Curve, Material};
use crate::{Algorithm, Jwk, ParseError, base64url, json};

/// The signer could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key could not be used")]
pub struct SignError;

/// Something that signs: a key in memory here, a KMS or HSM elsewhere.
pub trait Signer: Send + Sync {
    /// The algorithm of its signatures.
    fn algorithm(&self) -> Algorithm;
    /// The public key, with `kid` and `alg`.
    fn public_key(&self) -> &Jwk;
    /// Signs `message`; the result has the JWS form of [`Signer::algorithm`].
    ///
    /// # Errors
    /// [`SignError`] if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A private key in memory, for ES256 or Ed25519. It is never printed.
pub struct SigningKey {
    pair: Pair,
    public: Jwk,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a new key for ES256, or Ed25519 under either of its names. Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// [`ParseError::Algorithm`] for any other algorithm.
    pub fn generate(algorithm: Algorithm) -> Result<Self, ParseError> {
        let made = |_| ParseError::Key("the key could not be made");
        let pair = match algorithm {
            Algorithm::Es256 => Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(made)?),
            Algorithm::EdDsa | Algorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(made)?),
            _ => return Err(ParseError::Algorithm),
        };
        Self::new(pair, algorithm, None)
    }

    /// Reads what a key file holds: a private JWK, or PKCS#8 in PEM (`-----BEGIN PRIVATE KEY-----`).
    ///
    /// # Errors
    /// [`ParseError`] if it is neither, or a key that does not sign.
    pub fn from_text(text: &[u8]) -> Result<Self, ParseError> {
        const NEITHER: ParseError = ParseError::Key("neither a private JWK nor PKCS#8 in PEM");
        if text.trim_ascii_start().first() == Some(&b'{') {
            return Self::from_jwk(text);
        }
        let pem = core::str::from_utf8(text).map_err(|_| NEITHER)?;
        let (_, after) = pem.split_once("-----BEGIN PRIVATE KEY-----").ok_or(NEITHER)?;
        let (body, _) = after.split_once("-----END PRIVATE KEY-----").ok_or(NEITHER)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).map_err(|_| NEITHER)?;
        Self::from_pkcs8(&der)
    }

    /// Reads an unencrypted PKCS#8 private key in DER (RFC 5958): P-256 or Ed25519.
    ///
    /// # Errors
    /// [`ParseError::Key`] if it is neither.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, ParseError> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Self::new(Pair::Es256(pair), Algorithm::Es256, None);
        }
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| ParseError::Key("not a P-256 or Ed25519 key in PKCS#8"))?;
        Self::new(Pair::Ed25519(pair), Algorithm::EdDsa, None)
    }

    /// Reads a private JWK (RFC 7518 section 6.2.2, RFC 8037): P-256 or Ed25519. Without `kid` it gets its thumbprint.
    ///
    /// # Errors
    /// [`ParseError`] if it is not such a key, or its private and public parts do not belong together.
    pub fn from_jwk(text: &[u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        struct Private {
            d: String,
        }
        let d = base64url::decode(json::parse::<Private>(text)?.d)?;
        let mut members: serde_json::Map<String, serde_json::Value> = json::parse(text)?;
        members.remove("d");
        let public: Jwk = serde_json::from_value(members.into()).map_err(|_| ParseError::Key("not a supported private key"))?;
        // An `alg` that is not this key's would name, in every header, an algorithm the signature is not by.
        crate::VerifyingKey::new(&public)?;
        let mismatch = |_| ParseError::Key("the private part does not belong to the public one");
        let (pair, algorithm) = match &public.material {
            Material::Ec { curve: Curve::P256, x, y } => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &point);
                (Pair::Es256(pair.map_err(mismatch)?), Algorithm::Es256)
            }
            Material::Ed25519 { x } => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&d, x).map_err(mismatch)?;
                (Pair::Ed25519(pair), public.algorithm.unwrap_or(Algorithm::EdDsa))
            }
            _ => return Err(ParseError::Key("only P-256 and Ed25519 keys sign")),
        };
        Self::new(pair, algorithm, public.key_id)
    }

    /// The private JWK: what a key file holds. Treat it as the secret it is.
    ///
    /// # Errors
    /// [`SignError`] if the key does not let itself be exported.
    pub fn to_private_jwk(&self) -> Result<String, SignError> {
        use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
        #[derive(Serialize)]
        struct Private<'a> {
            #[serde(flatten)]
            public: &'a Jwk,
            d: String,
        }
        let d = match &self.pair {
            Pair::Es256(pair) => {
                let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| SignError)?;
                base64url::encode(d.as_ref())
            }
            Pair::Ed25519(pair) => {
                let seed = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|_| SignError)?;
                base64url::encode(seed.as_ref())
            }
        };
        serde_json::to_string_pretty(&Private { public: &self.public, d }).map_err(|_| SignError)
    }

    fn new(pair: Pair, algorithm: Algorithm, key_id: Option<String>) -> Result<Self, ParseError> {
        let material = match &pair {
            Pair::Es256(pair) => match pair.public_key().as_ref().split_at_checked(33) {
                Some(([4, x @ ..], y)) => Material::Ec { curve: Curve::P256, x: x.to_vec(), y: y.to_vec() },
                _ => return Err(ParseError::Key("the public key is not an uncompressed point")),
            },
            Pair::Ed25519(pair) => {
                let x = pair.public_key().as_ref().try_into().map_err(|_| ParseError::Key("not 32 octets"))?;
                Material::Ed25519 { x }
            }
        };
        let mut public = Jwk { material, key_id, algorithm: Some(algorithm), public_key_use: None };
        if public.key_id.is_none() {
            public.key_id = Some(public.thumbprint().to_string());
        }
        Ok(Self { pair, public })
    }
}

impl Signer for SigningKey {
    fn algorithm(&self) -> Algorithm {
        // `new` always sets it; ES256 is what a key without one would be.
        self.public.algorithm.unwrap_or(Algorithm::Es256)
    }

    fn public_key(&self) -> &Jwk {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Es256(pair) => Ok(pair.sign(&SystemRandom::new(), message).map_err(|_| SignError)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// Shows the public key only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// What a header says of the key it is signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShownKey {
    /// `kid`: the verifier has the key.
    Name,
    /// `jwk`: a DPoP proof brings its key.
    Whole,
    /// Nothing: a WPT's key stands in the WIT.
    Nothing,
}

/// The bytes of a usual token.
const USUAL: usize = 1024;

/// Signs `claims` under a header of `typ`, the signer's `alg`, and what is to be shown of its key.
pub(crate) fn sign(
    signer: &dyn Signer,
    typ: Option<&str>,
    shown: ShownKey,
    claims: &impl Serialize,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        typ: Option<&'a str>,
        alg: Algorithm,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        jwk: Option<Jwk>,
    }
    let public = signer.public_key();
    let bare = || Jwk { key_id: None, algorithm: None, public_key_use: None, ..public.clone() };
    let header = Header {
        typ,
        alg: signer.algorithm(),
        kid: public.key_id.as_deref().filter(|_| shown == ShownKey::Name),
        jwk: (shown == ShownKey::Whole).then(bare),
    };
    let (mut token, mut json) = (String::with_capacity(USUAL), Vec::with_capacity(USUAL));
    serde_json::to_writer(&mut json, &header).map_err(|_| SignError)?;
    base64url::append(&json, &mut token);
    token.push('.');
    json.clear();
    serde_json::to_writer(&mut json, claims).map_err(|_| SignError)?;
    base64url::append(&json, &mut token);
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    base64url::append(signature, &mut token);
    Ok(token)
}
