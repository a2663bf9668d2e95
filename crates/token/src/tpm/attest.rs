//! Statements of a TPM (TPM 2.0 Part 2 section 10.12).

use super::read::Reader;
use super::{TpmError, TpmName};

const WHAT: &str = "attestation";
/// `TPM_GENERATED_VALUE`: a restricted key signs no message of others that begins like this.
const MAGIC: [u8; 4] = *b"\xffTCG";
/// `TPM_ST_ATTEST_CERTIFY`: the key is loaded.
const CERTIFY: u16 = 0x8017;
/// `TPM_ST_ATTEST_CREATION`: the key was made by this TPM.
const CREATION: u16 = 0x801a;

/// What a `TPMS_ATTEST` says of a key: that it lives in the TPM whose key signs.
pub(super) struct Attest {
    /// What it was made for, in the words of whoever asked the TPM for it.
    pub(super) qualifying: Vec<u8>,
    /// Which key it is about.
    pub(super) subject: TpmName,
}

impl Attest {
    /// Reads what `TPM2_Certify` or `TPM2_CertifyCreation` says. Its clock, firmware version and the place of both keys in
    /// their hierarchies are read over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(WHAT, bytes);
        if reader.array()? != MAGIC {
            return Err(TpmError::Magic);
        }
        if !matches!(reader.u16()?, CERTIFY | CREATION) {
            return Err(TpmError::Kind);
        }
        let _qualified_signer = reader.buffer()?;
        let qualifying = reader.buffer()?.to_vec();
        let _clock_and_counters = reader.array::<16>()?;
        if !matches!(reader.array()?, [0 | 1]) {
            return Err(TpmError::Malformed(WHAT));
        }
        let _firmware = reader.array::<8>()?;
        let subject = TpmName::parse(WHAT, reader.buffer()?)?;
        let _qualified_name_or_creation_hash = reader.buffer()?;
        reader.end()?;
        Ok(Self { qualifying, subject })
    }
}
