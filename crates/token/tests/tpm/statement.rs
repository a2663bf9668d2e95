//! What is believed of recorded statements, and when no more.

use procura_token::tpm::{TpmError, TpmName};
use procura_token::{Algorithm, VerifyingKey};

use crate::recorded::{RECORDED, verify};

#[test]
fn a_tpm_is_believed_whatever_its_algorithms_and_whichever_way_it_was_asked() {
    assert_eq!(RECORDED.len(), 4);
    for (name, recorded) in RECORDED.iter() {
        for said in [&recorded.creation, &recorded.certify] {
            let verified = verify(&recorded.parts(said), &said.qualifying.0).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(verified.name().as_bytes(), recorded.key_name.0, "{name}");
            assert_eq!(verified.attestation_key().as_bytes(), recorded.ak_name.0, "{name}");
            let key = VerifyingKey::new(verified.key()).unwrap();
            let algorithms = [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256];
            assert!(algorithms.into_iter().any(|algorithm| key.fits(algorithm)), "{name}");
        }
    }
}

#[test]
fn another_occasion_another_key_or_another_attestation_key_is_refused() {
    let (one, other) = (&RECORDED["rsassa"], &RECORDED["rsapss"]);
    let parts = one.parts(&one.creation);
    assert_eq!(verify(&parts, b"other occasion").unwrap_err(), TpmError::Qualification);
    assert_eq!(verify(&parts, b"").unwrap_err(), TpmError::Qualification);
    let mut of_another = parts;
    of_another.key = &other.key.0;
    assert_eq!(verify(&of_another, b"occasion").unwrap_err(), TpmError::OtherKey);
    let mut by_another = parts;
    by_another.attestation_key = &other.ak.0;
    assert_eq!(verify(&by_another, b"occasion").unwrap_err(), TpmError::Scheme(Algorithm::Rs256));
    let mut signature = one.creation.signature.0.clone();
    signature.clone_from(&one.certify.signature.0);
    let mut with_another = parts;
    with_another.signature = &signature;
    assert_eq!(verify(&with_another, b"occasion").unwrap_err(), TpmError::Signature);
}

#[test]
fn the_two_keys_are_not_interchangeable() {
    for recorded in RECORDED.values() {
        let mut parts = recorded.parts(&recorded.creation);
        parts.key = &recorded.ak.0;
        assert_eq!(verify(&parts, b"occasion").unwrap_err(), TpmError::Attribute("attested key", "it is restricted"));
        parts.key = &recorded.ek.0;
        assert_eq!(verify(&parts, b"occasion").unwrap_err(), TpmError::Attribute("attested key", "it is restricted"));
        parts = recorded.parts(&recorded.creation);
        parts.attestation_key = &recorded.key.0;
        let error = verify(&parts, b"occasion").unwrap_err();
        assert_eq!(error, TpmError::Attribute("attestation key", "it is not restricted to what its TPM says"));
    }
}

#[test]
fn a_name_is_written_one_way() {
    let name: TpmName = "000bb616f3f5d06e6b70f08f1d4024e74a2564a21eae26d1d1af4c73e460ed34e296".parse().unwrap();
    assert_eq!(name.to_string().parse(), Ok(name.clone()));
    let text = name.to_string();
    for wrong in [
        text.to_uppercase(),
        text[2..].to_owned(),
        text[..66].to_owned(),
        text.clone() + "00",
        text.clone() + "0",
        format!("0x{text}"),
        text.replacen("000b", "0004", 1),
        text.replacen("000b", "000c", 1),
        String::new(),
        "\u{e9}".repeat(34),
    ] {
        assert!(wrong.parse::<TpmName>().is_err(), "{wrong}");
    }
}
