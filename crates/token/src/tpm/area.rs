//! Public areas: what a key is and what it may do (TPM 2.0 Part 2 section 12.2).

use serde_json::json;

use super::hash::Hash;
use super::read::Reader;
use super::{TpmError, TpmName};
use crate::{Algorithm, Jwk, base64url};

// `TPM_ALG_ID`.
const RSA: u16 = 0x0001;
const AES: u16 = 0x0006;
const NULL: u16 = 0x0010;
const RSASSA: u16 = 0x0014;
const RSAPSS: u16 = 0x0016;
const ECDSA: u16 = 0x0018;
const ECC: u16 = 0x0023;
const CFB: u16 = 0x0043;

/// Of an RSA key whose exponent is not written.
const DEFAULT_EXPONENT: u32 = 65_537;

/// A public area that was read; what the key may do has not been judged.
pub(super) struct Area {
    /// What it should be, for errors.
    pub(super) what: &'static str,
    pub(super) name: TpmName,
    /// The hash function of its name.
    pub(super) hash: Hash,
    attributes: u32,
    /// Bits of the AES key under which it keeps its children, if it may have any.
    pub(super) symmetric_bits: Option<u16>,
    /// The one way it signs, if there is only one.
    pub(super) scheme: Option<Algorithm>,
    pub(super) jwk: Jwk,
}

/// `TPMA_OBJECT`, of which these count here: each with what is wrong if it is missing, and if it is there.
#[derive(Clone, Copy)]
pub(super) struct Attribute(u32, &'static str, &'static str);

impl Attribute {
    pub(super) const FIXED_TPM: Self = Self(1 << 1, "it may leave its TPM", "");
    pub(super) const FIXED_PARENT: Self = Self(1 << 4, "it may get another parent", "");
    pub(super) const SENSITIVE_DATA_ORIGIN: Self = Self(1 << 5, "it was not made by its TPM", "");
    pub(super) const RESTRICTED: Self = Self(1 << 16, "it is not restricted to what its TPM says", "it is restricted");
    pub(super) const DECRYPT: Self = Self(1 << 17, "it does not decrypt", "it decrypts");
    pub(super) const SIGN: Self = Self(1 << 18, "it does not sign", "it signs");

    /// The private part was made in this TPM and is nowhere else.
    pub(super) const RESIDENT: [Self; 3] = [Self::FIXED_TPM, Self::FIXED_PARENT, Self::SENSITIVE_DATA_ORIGIN];
}

impl Area {
    /// Reads a `TPM2B_PUBLIC`, as tpm2-tools write it: an RSA key, or one on P-256 or P-384.
    pub(super) fn parse(what: &'static str, bytes: &[u8]) -> Result<Self, TpmError> {
        let area = Reader::sole_buffer(what, bytes)?;
        let mut reader = Reader::new(what, area);
        let kind = reader.u16()?;
        let hash = Hash::of_id(reader.u16()?).ok_or(TpmError::Algorithm(what))?;
        let attributes = reader.u32()?;
        let _policy = reader.buffer()?;
        let symmetric_bits = symmetric(what, &mut reader)?;
        let scheme = scheme(what, &mut reader)?;
        let jwk = match kind {
            RSA => rsa(what, &mut reader)?,
            ECC => ecc(what, &mut reader)?,
            _ => return Err(TpmError::Algorithm(what)),
        };
        reader.end()?;
        Ok(Self { what, name: TpmName::of_area(hash, area), hash, attributes, symmetric_bits, scheme, jwk })
    }

    /// # Errors
    /// [`TpmError::Attribute`] for the first of `must` that is missing and the first of `must_not` that is there.
    pub(super) fn expect(&self, must: &[Attribute], must_not: &[Attribute]) -> Result<(), TpmError> {
        let has = |attribute: &Attribute| self.attributes & attribute.0 != 0;
        let missing = must.iter().find(|attribute| !has(attribute)).map(|attribute| attribute.1);
        let present = must_not.iter().find(|attribute| has(attribute)).map(|attribute| attribute.2);
        missing.or(present).map_or(Ok(()), |wrong| Err(TpmError::Attribute(self.what, wrong)))
    }
}

/// `TPMT_SYM_DEF_OBJECT`: none, or AES in CFB mode.
fn symmetric(what: &'static str, reader: &mut Reader<'_>) -> Result<Option<u16>, TpmError> {
    match reader.u16()? {
        NULL => Ok(None),
        AES => match (reader.u16()?, reader.u16()?) {
            (bits @ (128 | 256), CFB) => Ok(Some(bits)),
            _ => Err(TpmError::Algorithm(what)),
        },
        _ => Err(TpmError::Algorithm(what)),
    }
}

/// `TPMT_RSA_SCHEME` or `TPMT_ECC_SCHEME`: none, or a way of signing.
fn scheme(what: &'static str, reader: &mut Reader<'_>) -> Result<Option<Algorithm>, TpmError> {
    match reader.u16()? {
        NULL => Ok(None),
        scheme => signature_algorithm(what, scheme, reader.u16()?).map(Some),
    }
}

/// What JOSE calls a way of signing and its hash function.
pub(super) fn signature_algorithm(what: &'static str, scheme: u16, hash: u16) -> Result<Algorithm, TpmError> {
    match (scheme, Hash::of_id(hash)) {
        (RSASSA, Some(Hash::Sha256)) => Ok(Algorithm::Rs256),
        (RSASSA, Some(Hash::Sha384)) => Ok(Algorithm::Rs384),
        (RSAPSS, Some(Hash::Sha256)) => Ok(Algorithm::Ps256),
        (RSAPSS, Some(Hash::Sha384)) => Ok(Algorithm::Ps384),
        (ECDSA, Some(Hash::Sha256)) => Ok(Algorithm::Es256),
        (ECDSA, Some(Hash::Sha384)) => Ok(Algorithm::Es384),
        _ => Err(TpmError::Algorithm(what)),
    }
}

/// The rest of `TPMS_RSA_PARMS`, and the modulus.
fn rsa(what: &'static str, reader: &mut Reader<'_>) -> Result<Jwk, TpmError> {
    let bits = reader.u16()?;
    let exponent = match reader.u32()? {
        0 => DEFAULT_EXPONENT,
        exponent => exponent,
    };
    let modulus = reader.buffer()?;
    if modulus.len() * 8 != usize::from(bits) {
        return Err(TpmError::Malformed(what));
    }
    let exponent: Vec<u8> = exponent.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    key(what, &json!({ "kty": "RSA", "n": base64url::encode(modulus), "e": base64url::encode(exponent) }))
}

/// The rest of `TPMS_ECC_PARMS`, and the point.
fn ecc(what: &'static str, reader: &mut Reader<'_>) -> Result<Jwk, TpmError> {
    let (curve, length) = match reader.u16()? {
        0x0003 => ("P-256", 32),
        0x0004 => ("P-384", 48),
        _ => return Err(TpmError::Algorithm(what)),
    };
    if reader.u16()? != NULL {
        return Err(TpmError::Algorithm(what));
    }
    let mut coordinate = || Ok(base64url::encode(padded(what, reader.buffer()?, length)?));
    let (x, y) = (coordinate()?, coordinate()?);
    key(what, &json!({ "kty": "EC", "crv": curve, "x": x, "y": y }))
}

/// An integer in `length` bytes: some TPMs leave leading zeros out.
pub(super) fn padded(what: &'static str, integer: &[u8], length: usize) -> Result<Vec<u8>, TpmError> {
    let missing = length.checked_sub(integer.len()).ok_or(TpmError::Malformed(what))?;
    Ok([vec![0; missing].as_slice(), integer].concat())
}

fn key(what: &'static str, members: &serde_json::Value) -> Result<Jwk, TpmError> {
    Jwk::parse(members.to_string().as_bytes()).map_err(|cause| TpmError::Key(what, cause))
}
