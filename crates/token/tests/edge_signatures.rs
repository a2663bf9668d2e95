//! Signatures and keys at the edges of their formats. p256 makes them: other code than what verifies.

#[path = "support/sample.rs"]
mod sample;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use procura_token::{
    Algorithm, DpopProof, DpopRules, Freshness, Htu, Jwk, JwkSet, KeySet, ParseError, Signer, Unverified, VerifyError,
    VerifyingKey, base64url,
};
use sample::{AGENT, EXP, Kind, NOW, URI, at, key, keys_of};
use serde_json::{Value, json};

/// The P-256 key of RFC 6979 appendix A.2.5.
const RFC6979_D: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
/// The order of the group.
const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn rfc6979_key() -> SigningKey {
    SigningKey::from_slice(&hex(RFC6979_D)).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)})
}

fn key_set(jwk: &Value) -> KeySet {
    KeySet::new(&JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap(), &[None])
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()))
}

fn svid_input() -> String {
    signing_input(&json!({"alg": "ES256"}), &json!({"aud": URI, "exp": EXP, "sub": AGENT}))
}

fn proof_input(jwk: &Value) -> String {
    let claims = json!({"jti": "proof-1", "htm": "POST", "htu": URI, "iat": NOW});
    signing_input(&json!({"alg": "ES256", "jwk": jwk, "typ": "dpop+jwt"}), &claims)
}

fn with_signature(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", base64url::encode(signature))
}

/// `n - s` for `s`: as good a signature to ECDSA, and not a second token to us.
fn mirrored(signature: &Signature) -> Signature {
    let (r, s) = signature.split_scalars();
    Signature::from_scalars(r, -s).unwrap()
}

#[test]
fn the_deterministic_signature_of_rfc_6979_verifies() {
    let signature = hex(concat!(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    ));
    let made: Signature = rfc6979_key().sign(b"sample");
    assert_eq!(made.to_bytes().as_slice(), signature);
    let key = VerifyingKey::new(&Jwk::parse(jwk(&rfc6979_key()).to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(key.verify(Algorithm::Es256, b"sample", &signature), Ok(()));
    assert_eq!(key.verify(Algorithm::Es256, b"sample ", &signature), Err(VerifyError::Signature));
}

#[test]
fn a_golden_token_verifies() {
    let golden = concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJhdWQiOiJodHRwczovL3N0cy5leGFtcGxlLyIsImV4cCI6MTgwMDAwMDYwMCwic3ViIjoic3BpZmZlOi8vcHJvZC5leGFtcGxlL2FnZW50L3BsYW5uZXIifQ.",
        "sHr8pMZvY8wwEMVJfWUw7l438FvbQQ1lYjAeq4o0WdKoTyUAglEOUfUV79St2q4IJg9IOPl38yg_P34LaY2tqA"
    );
    let input = svid_input();
    let signature: Signature = rfc6979_key().sign(input.as_bytes());
    assert_eq!(with_signature(&input, &signature.to_bytes()), golden);
    assert!(Kind::JwtSvid.judge(golden, &key_set(&jwk(&rfc6979_key())), NOW).is_ok());
}

#[test]
fn a_private_key_of_p256_signs_here_and_there() {
    let mut private = jwk(&rfc6979_key());
    private["d"] = base64url::encode(hex(RFC6979_D)).into();
    let ours = procura_token::SigningKey::from_jwk(private.to_string().as_bytes()).unwrap();
    let signature = Signature::from_slice(&ours.sign(b"message").unwrap()).unwrap();
    use p256::ecdsa::signature::Verifier as _;
    rfc6979_key().verifying_key().verify(b"message", &signature).unwrap();
    private["d"] = base64url::encode([1; 32]).into();
    assert!(procura_token::SigningKey::from_jwk(private.to_string().as_bytes()).is_err());
}

#[test]
fn a_mirrored_signature_does_not_make_a_second_token() {
    let input = svid_input();
    let keys = key_set(&jwk(&rfc6979_key()));
    let signature: Signature = rfc6979_key().sign(input.as_bytes());
    let (first, second) =
        (with_signature(&input, &signature.to_bytes()), with_signature(&input, &mirrored(&signature).to_bytes()));
    assert_ne!(first, second);
    assert_eq!(Kind::JwtSvid.judge(&first, &keys, NOW).unwrap(), Kind::JwtSvid.judge(&second, &keys, NOW).unwrap());
}

#[test]
fn a_mirrored_signature_does_not_make_a_second_proof() {
    let input = proof_input(&jwk(&rfc6979_key()));
    let signature: Signature = rfc6979_key().sign(input.as_bytes());
    let uris = [URI.parse::<Htu>().unwrap()];
    let freshness = Freshness::default();
    let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms: &[Algorithm::Es256], freshness };
    let verify = |signature: &Signature| {
        let text = with_signature(&input, &signature.to_bytes());
        Unverified::<DpopProof>::parse(&text).unwrap().verify(&rules, at(NOW)).unwrap()
    };
    assert_eq!(verify(&signature).replay_key(), verify(&mirrored(&signature)).replay_key());
}

#[test]
fn signatures_out_of_range_or_form_are_refused() {
    let input = svid_input();
    let keys = key_set(&jwk(&rfc6979_key()));
    let good: Signature = rfc6979_key().sign(input.as_bytes());
    let bytes = good.to_bytes().to_vec();
    let (r, s) = bytes.split_at(32);
    let (zero, n) = ([0; 32], hex(N));
    let cases: [(&str, Vec<u8>); 13] = [
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("both 0", vec![0; 64]),
        ("r = n", [&n, s].concat()),
        ("s = n", [r, &n].concat()),
        ("both n", [n.clone(), n.clone()].concat()),
        ("all ones", vec![0xff; 64]),
        ("swapped", [s, r].concat()),
        ("DER", good.to_der().as_bytes().to_vec()),
        ("63 octets", bytes[..63].to_vec()),
        ("65 octets", [&bytes[..], &[0]].concat()),
        ("65 octets, zero first", [&[0], &bytes[..]].concat()),
        ("96 octets, as for P-384", [&[0; 16], r, &[0; 16], s].concat()),
    ];
    assert!(Kind::JwtSvid.judge(&with_signature(&input, &bytes), &keys, NOW).is_ok());
    for (name, signature) in cases {
        let verdict = Kind::JwtSvid.judge(&with_signature(&input, &signature), &keys, NOW);
        assert_eq!(verdict, Err(VerifyError::Signature), "{name}");
    }
}

#[test]
fn points_that_are_on_no_curve_are_no_keys() {
    let good = jwk(&rfc6979_key());
    let p = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    let with = |member: &str, octets: &[u8]| {
        let mut jwk = good.clone();
        jwk[member] = base64url::encode(octets).into();
        jwk
    };
    let mut infinity = with("x", &[0; 32]);
    infinity["y"] = base64url::encode([0; 32]).into();
    let y_of_x = with("y", &base64url::decode(good["x"].as_str().unwrap()).unwrap());
    for jwk in [infinity, y_of_x, with("y", &[1; 32]), with("x", &[0; 32]), with("x", &p), with("y", &p), with("y", &[0xff; 32])]
    {
        let parsed = Jwk::parse(jwk.to_string().as_bytes()).unwrap();
        assert!(matches!(VerifyingKey::new(&parsed), Err(ParseError::Key(_))), "{jwk}");
        let signature: Signature = rfc6979_key().sign(proof_input(&jwk).as_bytes());
        let proof = with_signature(&proof_input(&jwk), &signature.to_bytes());
        let verdict = Kind::Dpop.judge(&proof, &KeySet::default(), NOW);
        assert!(matches!(verdict, Err(VerifyError::Malformed(ParseError::Key(_)))), "{verdict:?}");
    }
    for (member, octets) in [("x", &[][..]), ("x", &[0; 31]), ("y", &[0; 33]), ("x", &[4; 65])] {
        assert!(Jwk::parse(with(member, octets).to_string().as_bytes()).is_err(), "{member} {}", octets.len());
    }
}

/// With such a key `S = 0` and `R` the neutral point are a signature over anything: a proof would prove nothing.
#[test]
fn ed25519_keys_of_small_order_are_no_keys() {
    let mut points: Vec<[u8; 32]> = Vec::new();
    let little = |first: u8, rest: u8, last: u8| {
        let mut point = [rest; 32];
        (point[0], point[31]) = (first, last);
        point
    };
    points.extend([little(0, 0, 0), little(1, 0, 0), little(0xec, 0xff, 0x7f)]);
    for order_8 in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        points.push(hex(order_8).try_into().unwrap());
    }
    // Second spellings: y = p, y = p + 1, and the largest there are.
    points.extend([little(0xed, 0xff, 0x7f), little(0xee, 0xff, 0x7f), little(0xff, 0xff, 0x7f)]);
    for mut point in points {
        for sign in [0, 0x80] {
            point[31] = (point[31] & 0x7f) | sign;
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(point)});
            let mut forged = vec![0; 64];
            forged[0] = 1;
            let claims = json!({"jti": "1", "htm": "POST", "htu": URI, "iat": NOW});
            let input = signing_input(&json!({"alg": "EdDSA", "jwk": jwk, "typ": "dpop+jwt"}), &claims);
            let verdict = Kind::Dpop.judge(&with_signature(&input, &forged), &KeySet::default(), NOW);
            assert!(matches!(verdict, Err(VerifyError::Malformed(ParseError::Key(_)))), "{jwk}: {verdict:?}");
        }
    }
}

#[test]
fn an_ed25519_signature_has_one_spelling() {
    const L: [u8; 32] = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10";
    let signer = key(Algorithm::Ed25519);
    let token = Kind::IdToken.issue(&signer);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = base64url::decode(signature).unwrap();
    assert!(Kind::IdToken.judge(&with_signature(input, &signature), &keys_of(&signer), NOW).is_ok());
    let mut carry = 0_u16;
    for (octet, add) in signature[32..].iter_mut().zip(L) {
        carry += u16::from(*octet) + u16::from(add);
        *octet = carry as u8;
        carry >>= 8;
    }
    let verdict = Kind::IdToken.judge(&with_signature(input, &signature), &keys_of(&signer), NOW);
    assert_eq!(verdict, Err(VerifyError::Signature));
}
