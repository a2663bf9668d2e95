//! A key that parses has one spelling and one thumbprint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use procura_token::{Jwk, JwkSet, KeySet, MAX_KEYS, Signer, SigningKey, VerifyingKey};

fn stays_itself(key: &Jwk) {
    let text = serde_json::to_vec(key).expect("a key is JSON");
    let again = Jwk::parse(&text).expect("what was written can be read");
    assert_eq!(&again, key);
    assert_eq!(again.thumbprint(), key.thumbprint());
    if let Ok(ready) = VerifyingKey::new(key) {
        assert_eq!(ready.thumbprint(), key.thumbprint());
        assert!(key.algorithm.is_none_or(|algorithm| ready.fits(algorithm)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = Jwk::parse(bytes) {
        stays_itself(&key);
    }
    if let Ok(set) = JwkSet::parse(bytes) {
        assert!(set.keys.len() <= MAX_KEYS);
        set.keys.iter().for_each(stays_itself);
        let keys = KeySet::new(&set, &[None, Some("sig")]);
        assert!(!set.keys.is_empty() || keys.is_empty());
    }
    if let Ok(key) = SigningKey::from_jwk(bytes) {
        assert!(Jwk::parse(bytes).is_err(), "a private key is no public one");
        let signature = key.sign(b"message").expect("the key signs");
        let public = VerifyingKey::new(key.public_key()).expect("a good public key");
        assert_eq!(public.verify(key.algorithm(), b"message", &signature), Ok(()));
        let again = SigningKey::from_jwk(key.to_private_jwk().expect("exported").as_bytes()).expect("read again");
        assert_eq!(again.public_key(), key.public_key());
    }
    if let Ok(key) = SigningKey::from_pkcs8(bytes) {
        stays_itself(key.public_key());
    }
});
