//! Names of keys.

use core::fmt;
use core::str::FromStr;

use super::TpmError;
use super::attestation::AttestationKey;
use super::hash::Hash;
use super::read::Reader;
use crate::ParseError;

/// The name of a key in a TPM: a hash function and the hash of the key's public area, attributes included (TPM 2.0 Part 1
/// section 16). Whoever knows it knows what the key may do. Written in lower-case hexadecimal, as `tpm2_readpublic` prints
/// it: `000b…`, 68 characters for SHA-256.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TpmName(Vec<u8>);

impl TpmName {
    pub(super) fn of_area(hash: Hash, area: &[u8]) -> Self {
        Self([hash.id().to_be_bytes().as_slice(), &hash.digest(&[area])].concat())
    }

    /// The name of the attestation key whose public area `bytes` are, a `TPM2B_PUBLIC`.
    ///
    /// # Errors
    /// [`TpmError`] if it is malformed or has not the attributes of an attestation key.
    pub fn of_attestation_key(bytes: &[u8]) -> Result<Self, TpmError> {
        AttestationKey::parse(bytes).map(|key| key.name)
    }

    /// Reads the name of a key whose hash function is accepted.
    pub(super) fn parse(what: &'static str, bytes: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(what, bytes);
        let hash = Hash::of_id(reader.u16()?).ok_or(TpmError::Algorithm(what))?;
        if bytes.len() != 2 + hash.length() {
            return Err(TpmError::Malformed(what));
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes: two for the hash function, and the hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TpmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TpmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TpmName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = ParseError::value("TPM name", "not a SHA-256 or SHA-384 name in lower-case hexadecimal");
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(wrong) };
        let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        bytes.and_then(|bytes| Self::parse("name", &bytes).ok()).ok_or(wrong)
    }
}
