//! The key that every TPM is known by.

use core::fmt;

use aws_lc_rs::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};

use super::area::{Area, Attribute};
use super::hash::Hash;
use super::read::buffer;
use super::{TpmCredential, TpmError, TpmName};
use crate::jwk::{Curve, Material};
use crate::{der, random_bytes, sha256};

const WHAT: &str = "endorsement key";
/// What a seed is encrypted for, here (TPM 2.0 Part 1 section 24.4).
const LABEL: &str = "IDENTITY";

/// A TPM's endorsement key: it decrypts, for its own TPM alone, and never signs.
///
/// RSA of 2048 bits or more, P-256, or P-384, with AES in CFB mode and SHA-256 or SHA-384, as in TCG's EK templates.
#[derive(Clone)]
pub struct EndorsementKey {
    hash: Hash,
    symmetric_bits: u16,
    material: Material,
    subject_public_key_info: Vec<u8>,
    fingerprint: [u8; 32],
}

impl EndorsementKey {
    /// Reads a `TPM2B_PUBLIC`.
    ///
    /// # Errors
    /// [`TpmError`] if it is malformed, of another algorithm, or has not the attributes of an endorsement key.
    pub fn parse(bytes: &[u8]) -> Result<Self, TpmError> {
        let area = Area::parse(WHAT, bytes)?;
        area.expect(&Attribute::RESIDENT, &[Attribute::SIGN])?;
        area.expect(&[Attribute::RESTRICTED, Attribute::DECRYPT], &[])?;
        let (Some(symmetric_bits), None) = (area.symmetric_bits, area.scheme) else {
            return Err(TpmError::Algorithm(WHAT));
        };
        let subject_public_key_info = der::subject_public_key_info(&area.jwk.material);
        let fingerprint = sha256(&subject_public_key_info);
        Ok(Self { hash: area.hash, symmetric_bits, material: area.jwk.material, subject_public_key_info, fingerprint })
    }

    /// SHA-256 of its SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7): what stands in its certificate, and what
    /// `tpm2_readpublic -f der` writes.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Encrypts `secret` so that the TPM of this key gives it out if, and only if, a key called `name` is loaded there, private
    /// part included: `TPM2_MakeCredential` (TPM 2.0 Part 1 section 24, Part 3 section 12.6). Each call differs from every other.
    ///
    /// # Errors
    /// [`TpmError::Malformed`] for a key that is none: a point beside its curve.
    ///
    /// # Panics
    /// As [`random_bytes`].
    pub fn make_credential(&self, name: &TpmName, secret: &[u8; 32]) -> Result<TpmCredential, TpmError> {
        let (seed, encrypted_secret) = match &self.material {
            Material::Rsa { .. } => self.seed_by_rsa()?,
            Material::Ec { curve: Curve::P256, x, y } => self.seed_by_ecdh(&agreement::ECDH_P256, x, y)?,
            Material::Ec { curve: Curve::P384, x, y } => self.seed_by_ecdh(&agreement::ECDH_P384, x, y)?,
            _ => return Err(TpmError::Algorithm(WHAT)),
        };
        TpmCredential::seal((self.hash, self.symmetric_bits), &seed, name, secret, encrypted_secret)
    }

    /// A seed and how it is sent (Part 1 appendix B.10.4).
    fn seed_by_rsa(&self) -> Result<(Vec<u8>, Vec<u8>), TpmError> {
        let mut seed = random_bytes::<48>().to_vec();
        seed.truncate(self.hash.length());
        let unusable = |_| TpmError::Malformed(WHAT);
        let key = PublicEncryptingKey::from_der(&self.subject_public_key_info).map_err(|_| TpmError::Malformed(WHAT))?;
        let key = OaepPublicEncryptingKey::new(key).map_err(unusable)?;
        let mut encrypted = vec![0; key.ciphertext_size()];
        let label = [LABEL.as_bytes(), &[0]].concat();
        let encrypted = key.encrypt(self.hash.oaep(), &seed, &mut encrypted, Some(&label)).map_err(unusable)?;
        Ok((seed, encrypted.to_vec()))
    }

    /// A seed and how it is sent (Part 1 appendix C.6.4).
    fn seed_by_ecdh(&self, curve: &'static agreement::Algorithm, x: &[u8], y: &[u8]) -> Result<(Vec<u8>, Vec<u8>), TpmError> {
        let unusable = |_| TpmError::Malformed(WHAT);
        let ephemeral = EphemeralPrivateKey::generate(curve, &SystemRandom::new()).map_err(unusable)?;
        let point = ephemeral.compute_public_key().map_err(unusable)?;
        let (own_x, own_y) =
            point.as_ref().get(1..).and_then(|both| both.split_at_checked(x.len())).ok_or(TpmError::Malformed(WHAT))?;
        let theirs = UnparsedPublicKey::new(curve, [&[4], x, y].concat());
        let seed =
            agree_ephemeral(ephemeral, theirs, TpmError::Malformed(WHAT), |shared| Ok(self.hash.kdfe(shared, LABEL, own_x, x)))?;
        Ok((seed, [buffer(own_x), buffer(own_y)].concat()))
    }
}

/// Shows the fingerprint.
impl fmt::Debug for EndorsementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndorsementKey({})", crate::base64url::encode(self.fingerprint))
    }
}
