//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037).

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer, de};

use crate::json::{object, present};
use crate::{Algorithm, ParseError, Thumbprint, base64url, json};

/// The most keys a set may have: beyond it the set is refused, not searched.
pub const MAX_KEYS: usize = 64;
/// The longest `kid`, in bytes.
pub const MAX_KEY_ID: usize = 256;
/// The fewest and the most bits an RSA modulus may have.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key: an EC point, an Ed25519 key or an RSA modulus and exponent, in canonical form.
///
/// It exists only if its parameters are canonical base64url of the right size and it carries no private or symmetric
/// part; whether a point lies on its curve is found out when it becomes a [`VerifyingKey`](crate::VerifyingKey).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Jwk {
    pub(crate) material: Material,
    /// `kid`, an opaque name; at most [`MAX_KEY_ID`] bytes.
    pub key_id: Option<String>,
    /// `alg`: the one algorithm this key is for.
    pub algorithm: Option<Algorithm>,
    /// `use`: `sig` in a JWK Set, `jwt-svid` or `wit-svid` in a SPIFFE bundle.
    pub public_key_use: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Material {
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: [u8; 32] },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Octets of one coordinate (RFC 7518 section 6.2.1.2).
    const fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn parse(name: &str) -> Result<Self, ParseError> {
        [Self::P256, Self::P384, Self::P521]
            .into_iter()
            .find(|curve| curve.name() == name)
            .ok_or(ParseError::Key("unknown curve"))
    }
}

impl Jwk {
    /// Parses one JWK.
    ///
    /// # Errors
    /// [`ParseError::PrivateKey`] if `d`, `p`, `q`, `dp`, `dq`, `qi`, `oth` or `k` is there or `kty` is `oct`;
    /// [`ParseError::Key`] and [`ParseError::Json`] for the rest.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        json::parse::<RawJwk>(json)?.try_into()
    }

    /// The same key for one use, as a JWK Set or a SPIFFE bundle publishes it.
    #[must_use]
    pub fn for_use(&self, public_key_use: &str) -> Self {
        Self { public_key_use: Some(public_key_use.to_owned()), ..self.clone() }
    }

    /// The same key for one algorithm and with nothing else said of it, as a token's `cnf` carries it.
    #[must_use]
    pub fn for_algorithm(&self, algorithm: Algorithm) -> Self {
        Self { algorithm: Some(algorithm), key_id: None, public_key_use: None, ..self.clone() }
    }

    /// The RFC 7638 SHA-256 thumbprint; `kid`, `use` and `alg` do not count.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_members(&self.canonical())
    }

    /// The required members alone, in the one form RFC 7638 section 3 gives them: what the thumbprint is the hash of.
    pub fn canonical(&self) -> String {
        let b64 = |bytes: &[u8]| base64url::encode(bytes);
        match &self.material {
            Material::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.name(), b64(x), b64(y))
            }
            Material::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x)),
            Material::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n)),
        }
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let b64 = |bytes: &[u8]| base64url::encode(bytes);
        match &self.material {
            Material::Ec { curve, x, y } => {
                map.serialize_entry("kty", "EC")?;
                map.serialize_entry("crv", curve.name())?;
                map.serialize_entry("x", &b64(x))?;
                map.serialize_entry("y", &b64(y))?;
            }
            Material::Ed25519 { x } => {
                map.serialize_entry("kty", "OKP")?;
                map.serialize_entry("crv", "Ed25519")?;
                map.serialize_entry("x", &b64(x))?;
            }
            Material::Rsa { n, e } => {
                map.serialize_entry("kty", "RSA")?;
                map.serialize_entry("n", &b64(n))?;
                map.serialize_entry("e", &b64(e))?;
            }
        }
        if let Some(kid) = &self.key_id {
            map.serialize_entry("kid", kid)?;
        }
        if let Some(algorithm) = self.algorithm {
            map.serialize_entry("alg", &algorithm)?;
        }
        if let Some(public_key_use) = &self.public_key_use {
            map.serialize_entry("use", public_key_use)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object::<D, RawJwk>(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

/// A JWK Set (RFC 7517 section 5) or SPIFFE bundle: the keys in it that can be used here.
///
/// Entries of unknown type, curve, algorithm or shape are left out, as the RFC and SPIFFE's bundle format ask; so are
/// private ones, which nobody should publish. The set keeps its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The usable keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// Parses a set of at most [`MAX_KEYS`] entries.
    ///
    /// # Errors
    /// [`ParseError`] if it is not a JSON object with an array `keys`, or has too many entries.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        struct RawSet {
            keys: Vec<serde_json::Value>,
        }
        let raw: RawSet = json::parse(json)?;
        if raw.keys.len() > MAX_KEYS {
            return Err(ParseError::value("`keys`", "more than 64 keys"));
        }
        let usable = |entry| serde_json::from_value::<Jwk>(unsigned(entry)).ok();
        Ok(Self { keys: raw.keys.into_iter().filter_map(usable).collect() })
    }
}

/// An entry without the zero octet that some issuers publish before an RSA integer, as if it had a sign: RFC 7518 section
/// 6.3.1.1 says not to, and that some do. What remains is the key, with the one thumbprint it has.
fn unsigned(mut entry: serde_json::Value) -> serde_json::Value {
    for name in ["n", "e"] {
        if let Some(serde_json::Value::String(text)) = entry.get_mut(name)
            && let Ok(bytes) = base64url::decode(text.as_str())
            && let Some((0, rest)) = bytes.split_first()
        {
            *text = base64url::encode(rest);
        }
    }
    entry
}

#[derive(Deserialize)]
pub(crate) struct RawJwk {
    kty: String,
    #[serde(default, deserialize_with = "present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "present")]
    e: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "present", rename = "use")]
    public_key_use: Option<String>,
    // Present with any value at all, these make the key private or symmetric.
    #[serde(default, deserialize_with = "present")]
    d: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    p: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    q: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    dp: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    dq: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    qi: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    oth: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    k: Option<de::IgnoredAny>,
}

impl TryFrom<RawJwk> for Jwk {
    type Error = ParseError;

    fn try_from(raw: RawJwk) -> Result<Self, ParseError> {
        let secret = [&raw.d, &raw.p, &raw.q, &raw.dp, &raw.dq, &raw.qi, &raw.oth, &raw.k];
        if raw.kty == "oct" || secret.iter().any(|member| member.is_some()) {
            return Err(ParseError::PrivateKey);
        }
        if raw.kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KEY_ID) {
            return Err(ParseError::Key("`kid` is empty or too long"));
        }
        let required = |member: Option<String>| member.ok_or(ParseError::Key("a required member is missing"));
        let material = match raw.kty.as_str() {
            "EC" => ec(&required(raw.crv)?, &required(raw.x)?, &required(raw.y)?)?,
            "OKP" if required(raw.crv)? == "Ed25519" => ed25519(&required(raw.x)?)?,
            "RSA" => rsa(&required(raw.n)?, &required(raw.e)?)?,
            _ => return Err(ParseError::Key("unknown key type")),
        };
        let algorithm = raw.alg.as_deref().map(str::parse).transpose()?;
        Ok(Self { material, key_id: raw.kid, algorithm, public_key_use: raw.public_key_use })
    }
}

fn ec(curve: &str, x: &str, y: &str) -> Result<Material, ParseError> {
    let curve = Curve::parse(curve)?;
    let coordinate = |text: &str| match base64url::decode(text)? {
        bytes if bytes.len() == curve.coordinate() => Ok(bytes),
        _ => Err(ParseError::Key("a coordinate has the wrong length")),
    };
    Ok(Material::Ec { curve, x: coordinate(x)?, y: coordinate(y)? })
}

/// Refuses the points of small order, whose signatures anybody can make over anything, and second spellings of a point
/// (RFC 8032 section 5.1.3), which would give one key two thumbprints. The top bit is the sign of the other coordinate.
fn ed25519(x: &str) -> Result<Material, ParseError> {
    const ORDER_8: [[u8; 32]; 2] = [
        *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
        *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    ];
    let x: [u8; 32] = base64url::decode_array(x)?;
    let mut y = x;
    y[31] &= 0x7f;
    let is_zero_or_one = y[0] <= 1 && y[1..].iter().all(|byte| *byte == 0);
    // From p - 1, the point of order 2, upwards; p is 2^255 - 19.
    let is_p_minus_one_or_more = y[0] >= 0xec && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f;
    if is_zero_or_one || is_p_minus_one_or_more || ORDER_8.contains(&y) {
        return Err(ParseError::Key("a point of small order or not in canonical form"));
    }
    Ok(Material::Ed25519 { x })
}

/// RSA integers must be minimal (RFC 7518 section 6.3.1), so that one key has one thumbprint.
fn rsa(n: &str, e: &str) -> Result<Material, ParseError> {
    let integer = |text: &str| match base64url::decode(text)? {
        bytes if bytes.first().is_some_and(|first| *first != 0) => Ok(bytes),
        _ => Err(ParseError::Key("an RSA integer is not minimal")),
    };
    let (n, e) = (integer(n)?, integer(e)?);
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(ParseError::Key("an RSA modulus must have 2048 to 8192 bits"));
    }
    let exponent = e.iter().try_fold(0_u32, |sum, byte| sum.checked_mul(256).map(|sum| sum + u32::from(*byte)));
    if !exponent.is_some_and(|e| e >= 65_537 && e % 2 == 1) {
        return Err(ParseError::Key("an RSA exponent must be odd, at least 65537 and below 2^32"));
    }
    Ok(Material::Rsa { n, e })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 section 3.1.
    const RFC7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    /// The key of RFC 9449's examples.
    const RFC9449: &str = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;

    #[test]
    fn published_thumbprints_are_reproduced() {
        for (json, thumbprint) in
            [(RFC7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), (RFC9449, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")]
        {
            assert_eq!(Jwk::parse(json.as_bytes()).unwrap().thumbprint().to_string(), thumbprint);
        }
    }

    #[test]
    fn private_and_symmetric_keys_are_refused_whatever_the_member_holds() {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            for value in ["\"AA\"", "null", "[]"] {
                let json = RFC9449.replacen('{', &format!("{{\"{member}\":{value},"), 1);
                assert_eq!(Jwk::parse(json.as_bytes()), Err(ParseError::PrivateKey), "{json}");
            }
        }
        assert_eq!(Jwk::parse(br#"{"kty":"oct"}"#), Err(ParseError::PrivateKey));
    }

    #[test]
    fn a_set_keeps_what_it_can_use_and_is_bounded() {
        let set = format!(r#"{{"keys":[{RFC9449},{{"kty":"new"}},{{"kty":"oct","k":"AA"}},7,{RFC7638}]}}"#);
        assert_eq!(JwkSet::parse(set.as_bytes()).unwrap().keys.len(), 2);
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; MAX_KEYS + 1].join(","));
        assert!(JwkSet::parse(many.as_bytes()).is_err());
    }

    /// What Java's `BigInteger` makes of a modulus whose top bit is set, as the Jenkins plugin `oidc-provider` publishes it.
    #[test]
    fn a_published_modulus_may_have_one_zero_octet_too_many_and_a_proof_key_may_not() {
        let key = Jwk::parse(RFC7638.as_bytes()).unwrap();
        let published = |zeros: &[u8]| {
            let mut json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(RFC7638).unwrap();
            let n = base64url::decode(json.get("n").unwrap().as_str().unwrap()).unwrap();
            json.insert("n".to_owned(), base64url::encode([zeros, &n].concat()).into());
            serde_json::Value::Object(json)
        };
        let set = |zeros: &[u8]| JwkSet::parse(serde_json::json!({ "keys": [published(zeros)] }).to_string().as_bytes()).unwrap();
        assert_eq!(set(&[0]).keys, [key]);
        assert!(set(&[0, 0]).keys.is_empty());
        assert!(Jwk::parse(published(&[0]).to_string().as_bytes()).is_err());
    }

    #[test]
    fn a_key_survives_its_own_json() {
        let key = Jwk::parse(RFC7638.as_bytes()).unwrap();
        assert_eq!(Jwk::parse(&serde_json::to_vec(&key).unwrap()).unwrap(), key);
    }
}
