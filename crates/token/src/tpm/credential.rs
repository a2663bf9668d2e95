//! Secrets that only one TPM gives out.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::hash::Hash;
use super::read::buffer;
use super::{TpmError, TpmName};

/// An encrypted secret, for `TPM2_ActivateCredential`.
#[derive(Clone, Debug)]
pub struct TpmCredential {
    /// The encrypted secret and its integrity, a `TPM2B_ID_OBJECT`.
    pub id_object: Vec<u8>,
    /// The seed of both, encrypted for the endorsement key: a `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Vec<u8>,
}

impl TpmCredential {
    /// Encrypts, then authenticates together with the name (TPM 2.0 Part 1 section 24.4 and 24.5).
    pub(super) fn seal(
        (hash, symmetric_bits): (Hash, u16),
        seed: &[u8],
        name: &TpmName,
        secret: &[u8; 32],
        encrypted_secret: Vec<u8>,
    ) -> Result<Self, TpmError> {
        let key = hash.kdfa(seed, "STORAGE", name.as_bytes(), usize::from(symmetric_bits / 8));
        let encrypted = encrypt(&key, buffer(secret)).ok_or(TpmError::Malformed("credential"))?;
        let integrity = hash.hmac(&hash.kdfa(seed, "INTEGRITY", &[], hash.length()), &[&encrypted, name.as_bytes()]);
        let id_object = buffer(&[buffer(&integrity), encrypted].concat());
        Ok(Self { id_object, encrypted_secret: buffer(&encrypted_secret) })
    }
}

/// AES in CFB mode. The initialization vector is zero, as the key is used once.
fn encrypt(key: &[u8], mut text: Vec<u8>) -> Option<Vec<u8>> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let key = EncryptingKey::cfb128(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(text)
}
