//! Signatures of a TPM (TPM 2.0 Part 2 section 11.3).

use super::TpmError;
use super::area::{padded, signature_algorithm};
use super::read::Reader;
use crate::Algorithm;

const WHAT: &str = "signature";

/// A `TPMT_SIGNATURE`, its bytes as JOSE has them.
pub(super) struct Signature {
    pub(super) algorithm: Algorithm,
    pub(super) bytes: Vec<u8>,
}

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(WHAT, bytes);
        let algorithm = signature_algorithm(WHAT, reader.u16()?, reader.u16()?)?;
        let bytes = match algorithm {
            Algorithm::Es256 => point(&mut reader, 32)?,
            Algorithm::Es384 => point(&mut reader, 48)?,
            _ => reader.buffer()?.to_vec(),
        };
        reader.end()?;
        Ok(Self { algorithm, bytes })
    }
}

/// r and s, one behind the other.
fn point(reader: &mut Reader<'_>, length: usize) -> Result<Vec<u8>, TpmError> {
    let mut r = padded(WHAT, reader.buffer()?, length)?;
    r.extend(padded(WHAT, reader.buffer()?, length)?);
    Ok(r)
}
