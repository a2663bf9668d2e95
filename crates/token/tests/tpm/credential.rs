//! Endorsement keys. That a TPM opens what is made for it, and for nothing else, is shown with one in the service's tests.

use procura_token::sha256;
use procura_token::tpm::{EndorsementKey, TpmError, TpmName, UnverifiedKeyAttestation};

use crate::recorded::{RECORDED, Recorded};
use crate::written::{DECRYPT, RESIDENT, RESTRICTED, SIGN, Scene};

fn name(recorded: &Recorded) -> TpmName {
    UnverifiedKeyAttestation::parse(&recorded.parts(&recorded.creation)).unwrap().attestation_key().clone()
}

#[test]
fn an_endorsement_key_is_known_by_the_hash_that_its_certificate_would_have() {
    for (algorithm, recorded) in RECORDED.iter() {
        let key = EndorsementKey::parse(&recorded.ek.0).unwrap();
        assert_eq!(*key.fingerprint(), sha256(&recorded.ek_der.0), "{algorithm}");
    }
}

#[test]
fn each_credential_differs_and_has_the_shape_a_tpm_expects() {
    for (algorithm, recorded) in RECORDED.iter() {
        let (key, name) = (EndorsementKey::parse(&recorded.ek.0).unwrap(), name(recorded));
        let (one, other) = (key.make_credential(&name, &[7; 32]).unwrap(), key.make_credential(&name, &[7; 32]).unwrap());
        assert_ne!(one.encrypted_secret, other.encrypted_secret, "{algorithm}");
        assert_ne!(one.id_object, other.id_object, "{algorithm}");
        for bytes in [&one.id_object, &one.encrypted_secret] {
            assert_eq!(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), bytes.len() - 2, "{algorithm}");
        }
        assert!(one.id_object.windows(8).all(|window| window != [7; 8]), "{algorithm}");
    }
}

#[test]
fn a_key_that_is_no_endorsement_key_is_refused() {
    const EK: &str = "endorsement key";
    for recorded in RECORDED.values() {
        assert_eq!(EndorsementKey::parse(&recorded.ak.0).unwrap_err(), TpmError::Attribute(EK, "it signs"));
        assert_eq!(EndorsementKey::parse(&recorded.ek.0[1..]).unwrap_err(), TpmError::Malformed(EK));
    }
    let parse = |attributes: u32, symmetric: &[u8], scheme: &[u8]| {
        let mut area = Scene::new().ak;
        (area.attributes, area.symmetric, area.scheme) = (attributes, symmetric.to_vec(), scheme.to_vec());
        EndorsementKey::parse(&area.bytes()).map(|_| ())
    };
    let (good, aes, null) = (RESIDENT | RESTRICTED | DECRYPT, &[0, 6, 0, 128, 0, 0x43], &[0, 0x10]);
    assert_eq!(parse(good, aes, null), Ok(()));
    assert_eq!(parse(good | SIGN, aes, null), Err(TpmError::Attribute(EK, "it signs")));
    assert_eq!(parse(good & !2, aes, null), Err(TpmError::Attribute(EK, "it may leave its TPM")));
    let unrestricted = TpmError::Attribute(EK, "it is not restricted to what its TPM says");
    assert_eq!(parse(good & !RESTRICTED, aes, null), Err(unrestricted));
    assert_eq!(parse(good, null, null), Err(TpmError::Algorithm(EK)));
    assert_eq!(parse(good, aes, &[0, 0x18, 0, 0x0b]), Err(TpmError::Algorithm(EK)));
}

#[test]
fn a_point_beside_the_curve_gets_no_credential() {
    let mut area = Scene::new().ak;
    area.attributes = RESIDENT | RESTRICTED | DECRYPT;
    (area.symmetric, area.scheme) = (vec![0, 6, 0, 128, 0, 0x43], vec![0, 0x10]);
    area.point[1] = vec![7; 32];
    let key = EndorsementKey::parse(&area.bytes()).unwrap();
    let name = name(&RECORDED["p256"]);
    assert_eq!(key.make_credential(&name, &[7; 32]).unwrap_err(), TpmError::Malformed("endorsement key"));
}
