//! Nothing said in a TPM's name makes a reader panic, and what is believed is about the one key that it names.
//!
//! The first byte of the input says what the rest is: `A` the four parts of an attestation, each behind its length in two bytes;
//! `S` a public area and a statement, which is then signed by an attestation key, so that the fuzzer gets past the
//! signature; `E` an endorsement key.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::tpm::{EndorsementKey, KeyAttestation, TpmName, UnverifiedKeyAttestation, VerifiedKeyAttestation};
use procura_token::{Signer, SigningKey, base64url, sha256};

/// A published test key.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","d":"6vVFqRQTGdCB_G7HTkS_t-5SOMajVWr6t3WBEtm4c0Q","x":"a_U802Q0A30pS4OkOziRsWxQiIdLTnkHgsd5AapWa8s","y":"l2d8q9sa9bIWyhXY3DBiisN_e9-LVd9v7eHvkCgrkOI"}"#;
const OCCASION: &[u8] = b"occasion";
/// Fixed TPM, fixed parent, made there; and what a signing key must not be.
const MUST: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 18;
const MUST_NOT: u32 = 1 << 16 | 1 << 17;

struct Signing {
    signer: SigningKey,
    area: Vec<u8>,
}

static AK: LazyLock<Signing> = LazyLock::new(|| {
    let signer = SigningKey::from_jwk(KEY.as_bytes()).expect("a good key");
    let jwk = serde_json::to_value(signer.public_key()).expect("a key is JSON");
    let coordinate = |name: &str| base64url::decode(jwk[name].as_str().unwrap_or_default()).expect("canonical");
    // ECC, SHA-256, a restricted signing key, no policy, no children, ECDSA with SHA-256, P-256, no derivation.
    let head = [0, 0x23, 0, 0x0b, 0, 5, 0, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10];
    let content = [&head[..], &buffer(&coordinate("x")), &buffer(&coordinate("y"))].concat();
    Signing { signer, area: buffer(&content) }
});

fn buffer(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

/// The first buffer in `bytes`, its length included or not, and the rest.
fn first(bytes: &[u8], with_length: bool) -> Option<(&[u8], &[u8])> {
    let (length, content) = bytes.split_first_chunk()?;
    let end = 2 + usize::from(u16::from_be_bytes(*length));
    content.get(..end - 2).map(|content| (if with_length { &bytes[..end] } else { content }, &bytes[end..]))
}

fn judge(parts: &KeyAttestation<'_>) -> Option<VerifiedKeyAttestation> {
    let unverified = UnverifiedKeyAttestation::parse(parts).ok()?;
    let name = unverified.attestation_key().clone();
    let verified = unverified.verify(OCCASION).ok()?;
    assert_eq!(*verified.attestation_key(), name);
    assert_eq!(verified.name().to_string().parse::<TpmName>().as_ref(), Ok(verified.name()));
    let area = &parts.key[2..];
    let attributes = u32::from_be_bytes([area[4], area[5], area[6], area[7]]);
    assert_eq!((attributes & MUST, attributes & MUST_NOT), (MUST, 0));
    if verified.name().as_bytes()[..2] == [0, 0x0b] {
        assert_eq!(verified.name().as_bytes()[2..], sha256(area));
    }
    let contains = |part: &[u8]| parts.statement.windows(part.len()).any(|window| window == part);
    assert!(parts.statement.starts_with(b"\xffTCG") && contains(OCCASION) && contains(verified.name().as_bytes()));
    Some(verified)
}

fn sent(rest: &[u8]) -> Option<VerifiedKeyAttestation> {
    let (attestation_key, rest) = first(rest, false)?;
    let (key, rest) = first(rest, false)?;
    let (statement, rest) = first(rest, false)?;
    let (signature, _) = first(rest, false)?;
    judge(&KeyAttestation { attestation_key, key, statement, signature })
}

fn signed(rest: &[u8]) -> Option<VerifiedKeyAttestation> {
    let (key, statement) = first(rest, true)?;
    let raw = AK.signer.sign(statement).expect("the key signs");
    let (r, s) = raw.split_at(32);
    let signature = [&[0, 0x18, 0, 0x0b][..], &buffer(r), &buffer(s)].concat();
    judge(&KeyAttestation { attestation_key: &AK.area, key, statement, signature: &signature })
}

fn endorse(rest: &[u8]) {
    let Ok(key) = EndorsementKey::parse(rest) else { return };
    let name = "000bb616f3f5d06e6b70f08f1d4024e74a2564a21eae26d1d1af4c73e460ed34e296".parse().expect("a name");
    let Ok(credential) = key.make_credential(&name, &[7; 32]) else { return };
    for bytes in [credential.id_object, credential.encrypted_secret] {
        assert!(first(&bytes, true).is_some_and(|(whole, rest)| whole == bytes && rest.is_empty()));
    }
}

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'A', rest)) => _ = sent(rest),
        Some((b'S', rest)) => _ = signed(rest),
        Some((b'E', rest)) => endorse(rest),
        _ => {}
    }
});
