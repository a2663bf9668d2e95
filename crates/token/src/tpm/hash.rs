//! The hash functions of names and credentials, and the key derivation built on them.

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OaepAlgorithm};

/// `TPM_ALG_ID` of the accepted ones. SHA-1 is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    pub(super) const fn of_id(id: u16) -> Option<Self> {
        match id {
            0x000b => Some(Self::Sha256),
            0x000c => Some(Self::Sha384),
            _ => None,
        }
    }

    pub(super) const fn id(self) -> u16 {
        match self {
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
        }
    }

    /// Bytes of a digest.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    pub(super) fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
        };
        digest(algorithm, &parts.concat()).as_ref().to_vec()
    }

    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), &parts.concat()).as_ref().to_vec()
    }

    pub(super) const fn oaep(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
        }
    }

    /// KDFa (TPM 2.0 Part 1 section 11.4.10.2): at most one digest of key, which is what is needed here.
    pub(super) fn kdfa(self, key: &[u8], label: &str, context: &[u8], bytes: usize) -> Vec<u8> {
        let bits = (bytes as u32 * 8).to_be_bytes();
        let mut derived = self.hmac(key, &[&[0, 0, 0, 1], label.as_bytes(), &[0], context, &bits]);
        derived.truncate(bytes);
        derived
    }

    /// KDFe (TPM 2.0 Part 1 section 11.4.10.3): a whole digest, from the first coordinates of a shared point and of both
    /// public ones.
    pub(super) fn kdfe(self, shared: &[u8], label: &str, ephemeral: &[u8], fixed: &[u8]) -> Vec<u8> {
        self.digest(&[&[0, 0, 0, 1], shared, label.as_bytes(), &[0], ephemeral, fixed])
    }
}
