//! Which key a token is bound to: the `cnf` claim (RFC 7800).

use serde::{Deserialize, Serialize, de};

use crate::json::{object, present};
use crate::{Algorithm, Jwk, ParseError, Thumbprint, VerifyingKey};

/// `cnf` of an access token: the thumbprint of the key its holder proves with DPoP (RFC 9449 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JktConfirmation {
    /// The RFC 7638 thumbprint.
    pub jkt: Thumbprint,
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
    x5t: Option<de::IgnoredAny>,
}

const fn several() -> ParseError {
    ParseError::value("`cnf`", "not exactly one confirmation of the expected kind")
}

impl<'de> Deserialize<'de> for JktConfirmation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match object(deserializer)? {
            RawConfirmation { jkt: Some(jkt), jwk: None, jwe: None, jku: None, kid: None, x5t: None } => Ok(Self { jkt }),
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
