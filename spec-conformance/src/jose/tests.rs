use super::*;
use serde_json::json;

fn vectors(kind: &str) -> Value {
    let file = format!("{}/vectors/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn vector(id: &str) -> Value {
    let (kind, _) = id.split_once('/').unwrap();
    vectors(kind)["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

#[test]
fn thumbprint_of_the_published_key_is_the_published_one() {
    let vector = vector("thumbprint/rfc9449");
    assert_eq!(thumbprint(&vector["input"]["jwk"]), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn hmac_gives_the_known_answer_of_rfc_4231() {
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let hex: String = draft::hmac(b"Jefe", b"what do ya want for nothing?").iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn signatures_equal_those_of_the_other_library() {
    let keys: Value =
        serde_json::from_slice(&std::fs::read(format!("{}/vectors/keys.json", env!("CARGO_MANIFEST_DIR"))).unwrap()).unwrap();
    let token = vector("jwt-svid/good-es256")["input"]["token"].as_str().unwrap().to_owned();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let key = Key::from_jwk(&keys["issuer-es256"]).unwrap();
    assert_eq!(b64u(key.sign(message.as_bytes())), signature);
}

#[test]
fn a_good_vector_verifies_and_a_changed_one_does_not() {
    let good = vector("jwt-svid/good-es256");
    let bad = vector("jwt-svid/signature-flipped");
    let judge = |vector: &Value| verify(vector["input"]["token"].as_str().unwrap(), &vector["input"]["jwks"], &["jwt-svid"]);
    assert!(judge(&good).is_ok());
    assert!(judge(&bad).is_err());
}

#[test]
fn a_draft_verifies_with_its_own_key_and_keeps_odd_text() {
    let key = Key::generate();
    let mut draft = Draft::new(json!({"alg": "ES256", "kid": "a"}), json!({"sub": "x"}), key.clone());
    let mut jwk = key.public();
    jwk["kid"] = "a".into();
    assert!(verify(&draft.sign(), &json!({"keys": [jwk]}), &["sig"]).is_ok());
    draft.raw_claim("exp", "1e400");
    let token = draft.sign();
    let payload = unb64u(token.split('.').nth(1).unwrap()).unwrap();
    assert_eq!(payload, br#"{"sub":"x","exp":1e400}"#);
}

#[test]
fn a_private_jwk_comes_back_as_the_same_key() {
    let key = Key::generate();
    let again = Key::from_jwk(&key.private()).unwrap();
    assert_eq!(again.public(), key.public());
}

#[test]
fn a_mirrored_signature_is_another_and_verifies_too() {
    let good = vector("jwt-svid/good-es256");
    let token = good["input"]["token"].as_str().unwrap();
    let other = mirrored(token).unwrap();
    assert_ne!(token, other);
    assert!(verify(&other, &good["input"]["jwks"], &["jwt-svid"]).is_ok());
    assert_eq!(mirrored(&other).unwrap(), token);
}
