//! Keys: ours are JWKs, a Biscuit's are octets.

use biscuit_auth::format::schema;
use procura_token::{Algorithm, Jwk, KeySet, ParseError, Thumbprint, VerifyError, VerifyingKey, base64url, parse_json};
use serde::Deserialize;

/// `Ed25519` and `SECP256R1` of Biscuit's `PublicKey`.
const ED25519: i32 = 0;
const SECP256R1: i32 = 1;

/// How a Biscuit writes a P-256 or Ed25519 key: a compressed point, or the 32 octets.
pub(crate) fn biscuit_key(jwk: &Jwk) -> Result<schema::PublicKey, ParseError> {
    #[derive(Deserialize)]
    struct Members {
        crv: Option<String>,
        x: Option<String>,
        y: Option<String>,
    }
    let Members { crv, x, y } = parse_json(jwk.canonical().as_bytes())?;
    let octets = |member: Option<String>| base64url::decode(member.unwrap_or_default());
    match crv.as_deref() {
        Some("Ed25519") => Ok(schema::PublicKey { algorithm: ED25519, key: octets(x)? }),
        Some("P-256") => {
            let sign = 2 | (octets(y)?.last().copied().unwrap_or_default() & 1);
            Ok(schema::PublicKey { algorithm: SECP256R1, key: [vec![sign], octets(x)?].concat() })
        }
        _ => Err(ParseError::Key("only P-256 and Ed25519 keys hold a Biscuit")),
    }
}

/// The key between two blocks. It is always Ed25519: a Biscuit would let everyone who appends a block choose.
pub(crate) fn next_key(key: &schema::PublicKey) -> Result<VerifyingKey, ParseError> {
    if key.algorithm != ED25519 {
        return Err(ParseError::Key("a key between blocks that is not Ed25519"));
    }
    let x = base64url::encode(&key.key);
    VerifyingKey::new(&Jwk::parse(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#).as_bytes())?)
}

/// Verifies a signature as Biscuit writes it: raw by Ed25519, in DER by P-256.
pub(crate) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    if key.fits(Algorithm::EdDsa) {
        return key.verify(Algorithm::EdDsa, message, signature);
    }
    let fixed = from_der(signature).ok_or(VerifyError::Signature)?;
    key.verify(Algorithm::Es256, message, &fixed)
}

/// `r` and `s` of `SEQUENCE { INTEGER, INTEGER }`, each minimal and not negative, 32 octets each.
fn from_der(der: &[u8]) -> Option<[u8; 64]> {
    let mut fixed = [0; 64];
    let (r, s) = fixed.split_at_mut(32);
    let [0x30, length, body @ ..] = der else { return None };
    if usize::from(*length) != body.len() {
        return None;
    }
    let rest = integer(body, r)?;
    integer(rest, s)?.is_empty().then_some(fixed)
}

fn integer<'a>(der: &'a [u8], out: &mut [u8]) -> Option<&'a [u8]> {
    let [0x02, length, rest @ ..] = der else { return None };
    let (octets, rest) = rest.split_at_checked(usize::from(*length))?;
    let is_negative = |octet: u8| octet >= 0x80;
    let magnitude = match octets {
        [] => return None,
        [first, ..] if is_negative(*first) => return None,
        [0, second, ..] if !is_negative(*second) => return None,
        [0, rest @ ..] if !rest.is_empty() => rest,
        _ => octets,
    };
    let start = out.len().checked_sub(magnitude.len())?;
    out.get_mut(start..)?.copy_from_slice(magnitude);
    Some(rest)
}

/// The other way round: what [`procura_token::Signer`] gives for ES256, in DER.
#[cfg(feature = "sign")]
pub(crate) fn to_der(fixed: &[u8]) -> Vec<u8> {
    fn integer(octets: &[u8]) -> Vec<u8> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count().min(octets.len().saturating_sub(1));
        let magnitude = octets.get(zeros..).unwrap_or_default();
        let sign: &[u8] = if magnitude.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
        let value = [sign, magnitude].concat();
        // At most 33 octets: one of length is enough.
        [vec![0x02, u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat()
    }
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap_or(u8::MAX)], body].concat()
}

/// The Ed25519 key of `keys` with this name.
pub(crate) fn root_key(keys: &KeySet, root_key_id: u32) -> Option<&VerifyingKey> {
    let is_it = |key: &&VerifyingKey| key.fits(Algorithm::EdDsa) && name(key.thumbprint()) == root_key_id;
    keys.iter().map(|(_, key)| key).find(is_it)
}

/// The name of a root key in a Biscuit, which has room for 32 bits: the first of its thumbprint.
pub(crate) fn name(thumbprint: Thumbprint) -> u32 {
    let [a, b, c, d, ..] = *thumbprint.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(all(test, feature = "sign"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_signature_survives_der(r in proptest::array::uniform32(0_u8..), s in proptest::array::uniform32(0_u8..), zeros in 0..32_usize) {
            let mut fixed = [r, s].concat();
            fixed.iter_mut().take(zeros).for_each(|byte| *byte = 0);
            prop_assert_eq!(from_der(&to_der(&fixed)).unwrap().to_vec(), fixed);
        }

        #[test]
        fn a_signature_has_one_spelling(der in proptest::collection::vec(prop_oneof![Just(0x30_u8), Just(2), Just(0), Just(1), Just(6), 0_u8..], 0..12)) {
            if let Some(fixed) = from_der(&der) {
                prop_assert_eq!(to_der(&fixed), der);
            }
        }
    }
}
