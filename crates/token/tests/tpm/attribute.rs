//! What each field of a structure is asked.

use procura_token::tpm::TpmError;

use crate::written::{DECRYPT, RESIDENT, RESTRICTED, SIGN, Scene};

const AK: &str = "attestation key";
const KEY: &str = "attested key";

#[test]
fn what_is_written_here_is_believed_before_it_is_changed() {
    assert_eq!(Scene::new().judge(), Ok(()));
    // Any policy, no scheme, and attributes that say nothing of this: who may use the key is the machine's business.
    let free = Scene::with(|scene| {
        scene.key.policy = vec![7; 32];
        scene.key.scheme = vec![0, 0x10];
        scene.key.attributes |= 1 << 2 | 1 << 6 | 1 << 7 | 1 << 10;
    });
    assert_eq!(free.judge(), Ok(()));
}

#[test]
fn a_key_that_lacks_an_attribute_or_has_one_too_many_is_refused() {
    let leave = "it may leave its TPM";
    let parent = "it may get another parent";
    let made = "it was not made by its TPM";
    for (bits, cause) in [(1 << 1, leave), (1 << 4, parent), (1 << 5, made), (SIGN, "it does not sign")] {
        let of_key = Scene::with(|scene| scene.key.attributes = (RESIDENT | SIGN) & !bits);
        assert_eq!(of_key.judge(), Err(TpmError::Attribute(KEY, cause)));
        let of_ak = Scene::with(|scene| scene.ak.attributes = (RESIDENT | RESTRICTED | SIGN) & !bits);
        assert_eq!(of_ak.judge(), Err(TpmError::Attribute(AK, cause)));
    }
    let restricted = Scene::with(|scene| scene.key.attributes |= RESTRICTED);
    assert_eq!(restricted.judge(), Err(TpmError::Attribute(KEY, "it is restricted")));
    let free = Scene::with(|scene| scene.ak.attributes &= !RESTRICTED);
    assert_eq!(free.judge(), Err(TpmError::Attribute(AK, "it is not restricted to what its TPM says")));
    let decrypting = Scene::with(|scene| scene.key.attributes |= DECRYPT);
    assert_eq!(decrypting.judge(), Err(TpmError::Attribute(KEY, "it decrypts")));
    let decrypting = Scene::with(|scene| scene.ak.attributes |= DECRYPT);
    assert_eq!(decrypting.judge(), Err(TpmError::Attribute(AK, "it decrypts")));
}

#[test]
fn other_algorithms_and_sha_1_first_of_all_are_refused() {
    fn change(change: impl FnOnce(&mut Scene)) -> TpmError {
        Scene::with(change).judge().unwrap_err()
    }
    assert_eq!(change(|scene| scene.key.name_hash = 4), TpmError::Algorithm(KEY));
    assert_eq!(change(|scene| scene.ak.name_hash = 4), TpmError::Algorithm(AK));
    assert_eq!(change(|scene| scene.ak.scheme = vec![0, 0x18, 0, 4]), TpmError::Algorithm(AK));
    assert_eq!(change(|scene| scene.ak.scheme = vec![0, 0x10]), TpmError::Algorithm(AK));
    // ECDAA, and a scheme for the other curve.
    assert_eq!(change(|scene| scene.ak.scheme = vec![0, 0x1a, 0, 0x0b, 0, 0]), TpmError::Algorithm(AK));
    assert_eq!(change(|scene| scene.ak.scheme = vec![0, 0x18, 0, 0x0c]), TpmError::Algorithm(AK));
    assert_eq!(change(|scene| scene.scheme = [0, 0x18, 0, 4]), TpmError::Algorithm("signature"));
    assert_eq!(change(|scene| scene.key.kind = 8), TpmError::Algorithm(KEY));
    assert_eq!(change(|scene| scene.key.curve = 5), TpmError::Algorithm(KEY));
    assert_eq!(change(|scene| scene.key.kdf = 0x20), TpmError::Algorithm(KEY));
    assert_eq!(change(|scene| scene.key.symmetric = vec![0, 6, 0, 128, 0, 0x42]), TpmError::Algorithm(KEY));
    assert_eq!(change(|scene| scene.key.symmetric = vec![0, 6, 0, 64, 0, 0x43]), TpmError::Algorithm(KEY));
}

#[test]
fn a_statement_that_no_tpm_makes_of_a_key_is_refused() {
    let foreign = Scene::with(|scene| scene.statement.magic = 0xff54_4346);
    assert_eq!(foreign.judge(), Err(TpmError::Magic));
    // A quote of registers, the time, and the audit of a session are no statements about a key.
    for kind in [0x8014, 0x8016, 0x8018, 0x8019, 0x801c] {
        let other = Scene::with(|scene| scene.statement.kind = kind);
        assert_eq!(other.judge(), Err(TpmError::Kind), "{kind:x}");
    }
    let unsafe_clock = Scene::with(|scene| scene.statement.safe = 0);
    assert_eq!(unsafe_clock.judge(), Ok(()));
    let no_boolean = Scene::with(|scene| scene.statement.safe = 2);
    assert_eq!(no_boolean.judge(), Err(TpmError::Malformed("attestation")));
    let tail = Scene::with(|scene| scene.statement.tail = vec![0]);
    assert_eq!(tail.judge(), Err(TpmError::Malformed("attestation")));
}

#[test]
fn a_coordinate_may_lack_leading_zeros_and_nothing_else() {
    let mut scene = Scene::new();
    scene.key.point[0] = vec![7; 31];
    scene.statement.subject = scene.key.name();
    assert_eq!(scene.judge(), Ok(()));
    scene.key.point[0] = vec![7; 33];
    scene.statement.subject = scene.key.name();
    assert_eq!(scene.judge(), Err(TpmError::Malformed(KEY)));
    let beside_the_curve = Scene::with(|scene| scene.ak.point[1] = vec![7; 32]);
    assert!(matches!(beside_the_curve.judge(), Err(TpmError::Key(AK, _))));
}
