//! What a token is bound to: the `cnf` claim (RFC 7800).

use serde::{Deserialize, Serialize, de};

use crate::json::{object, present};
use crate::{Algorithm, CertificateThumbprint, Jwk, ParseError, Thumbprint, VerifyingKey};

/// `cnf` of an access token: what its holder proves to have, a key or a certificate. Exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Confirmation {
    /// `jkt`: the key that DPoP proofs are by (RFC 9449 section 6.1).
    #[serde(rename = "jkt")]
    Key(Thumbprint),
    /// `x5t#S256`: the client certificate of the mutual TLS connection (RFC 8705 section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(CertificateThumbprint),
}

impl From<Thumbprint> for Confirmation {
    fn from(key: Thumbprint) -> Self {
        Self::Key(key)
    }
}

impl From<CertificateThumbprint> for Confirmation {
    fn from(certificate: CertificateThumbprint) -> Self {
        Self::Certificate(certificate)
    }
}

/// `cnf` of a WIT: the whole public key, with the one algorithm proofs must use (WIMSE workload credentials section 5.1).
#[derive(Clone, Debug)]
pub struct JwkConfirmation {
    /// The key as it stood in the token, `alg` included.
    pub jwk: Jwk,
    /// `jwk.alg`.
    pub algorithm: Algorithm,
    /// The key, ready to verify proofs.
    pub key: VerifyingKey,
}

/// At most one of the members that name a key; members we do not know are ignored (RFC 7800 section 3.1).
#[derive(Deserialize)]
struct RawConfirmation {
    #[serde(default, deserialize_with = "present")]
    jkt: Option<Thumbprint>,
    #[serde(default, deserialize_with = "present")]
    jwk: Option<Jwk>,
    #[serde(default, deserialize_with = "present")]
    jwe: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jku: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present", rename = "x5t#S256")]
    x5t: Option<CertificateThumbprint>,
}

const fn several() -> ParseError {
    ParseError::value("`cnf`", "not exactly one confirmation of the expected kind")
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match object(deserializer)? {
            RawConfirmation { jkt: Some(jkt), x5t: None, jwk: None, jwe: None, jku: None, kid: None } => Ok(Self::Key(jkt)),
            RawConfirmation { jkt: None, x5t: Some(x5t), jwk: None, jwe: None, jku: None, kid: None } => {
                Ok(Self::Certificate(x5t))
            }
            _ => Err(de::Error::custom(several())),
        }
    }
}

impl<'de> Deserialize<'de> for JwkConfirmation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = object(deserializer)?;
        let RawConfirmation { jkt: None, jwk: Some(jwk), jwe: None, jku: None, kid: None, x5t: None } = raw else {
            return Err(de::Error::custom(several()));
        };
        Self::try_from(jwk).map_err(de::Error::custom)
    }
}

impl TryFrom<Jwk> for JwkConfirmation {
    type Error = ParseError;

    /// # Errors
    /// [`ParseError`] if the key has no `alg` or cannot be used.
    fn try_from(jwk: Jwk) -> Result<Self, ParseError> {
        let algorithm = jwk.algorithm.ok_or(ParseError::value("`cnf.jwk.alg`", "missing"))?;
        Ok(Self { key: VerifyingKey::new(&jwk)?, algorithm, jwk })
    }
}

impl Serialize for JwkConfirmation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut cnf = serializer.serialize_struct("cnf", 1)?;
        cnf.serialize_field("jwk", &self.jwk)?;
        cnf.end()
    }
}
