//! What swtpm said.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use procura_token::tpm::{KeyAttestation, TpmError, UnverifiedKeyAttestation, VerifiedKeyAttestation};
use serde::{Deserialize, Deserializer};

/// By the algorithm of the attestation key: `p256`, `p384`, `rsassa`, `rsapss`.
pub(crate) static RECORDED: LazyLock<BTreeMap<String, Recorded>> =
    LazyLock::new(|| serde_json::from_str(include_str!("recorded.json")).unwrap());

#[derive(Deserialize)]
pub(crate) struct Recorded {
    pub(crate) ak: Hex,
    pub(crate) ak_name: Hex,
    pub(crate) key: Hex,
    pub(crate) key_name: Hex,
    pub(crate) ek: Hex,
    pub(crate) ek_der: Hex,
    pub(crate) creation: Said,
    pub(crate) certify: Said,
}

#[derive(Deserialize)]
pub(crate) struct Said {
    pub(crate) qualifying: Hex,
    pub(crate) statement: Hex,
    pub(crate) signature: Hex,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Recorded {
    pub(crate) fn parts<'a>(&'a self, said: &'a Said) -> KeyAttestation<'a> {
        KeyAttestation {
            attestation_key: &self.ak.0,
            key: &self.key.0,
            statement: &said.statement.0,
            signature: &said.signature.0,
        }
    }
}

pub(crate) fn verify(parts: &KeyAttestation<'_>, qualifying: &[u8]) -> Result<VerifiedKeyAttestation, TpmError> {
    UnverifiedKeyAttestation::parse(parts)?.verify(qualifying)
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        Ok(Self((0..text.len()).step_by(2).map(byte).collect()))
    }
}
