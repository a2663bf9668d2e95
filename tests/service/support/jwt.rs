//! Tokens with any content, as a careless or hostile issuer would make them too.

use procura_token::{Signer as _, SigningKey, base64url};
use serde_json::{Value, json};

use super::{ISSUER, now};

pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

/// A JWT-SVID of the workload `id` for the token endpoint, by `key`. Each differs from every other.
pub(crate) fn jwt_svid(key: &SigningKey, id: &str, lifetime: u64) -> String {
    let now = now();
    let header = json!({ "alg": "ES256", "kid": key.public_key().key_id, "typ": "JWT" });
    let unique = base64url::encode(procura_token::random_bytes::<12>());
    sign(key, &header, &json!({ "sub": id, "aud": [ISSUER], "iat": now, "exp": now + lifetime, "jti": unique }))
}

pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// The same token under the other valid ECDSA signature: (r, n - s) for (r, s).
pub(crate) fn malleate(token: &str) -> String {
    /// The order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = base64url::decode(signature).unwrap();
    let mut borrow = 0;
    for index in (0..32).rev() {
        let difference = i16::from(ORDER[index]) - i16::from(signature[32 + index]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + index] = difference.rem_euclid(256) as u8;
    }
    format!("{input}.{}", base64url::encode(signature))
}
