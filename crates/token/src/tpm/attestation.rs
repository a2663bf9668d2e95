//! That a key lives in a TPM.

use core::fmt;

use super::area::{Area, Attribute};
use super::attest::Attest;
use super::signature::Signature;
use super::{TpmError, TpmName};
use crate::{Jwk, VerifyingKey};

/// What is sent to show that a key lives in a TPM: four structures, as the TPM and tpm2-tools write them.
#[derive(Clone, Copy, Debug)]
pub struct KeyAttestation<'a> {
    /// The attestation key, a `TPM2B_PUBLIC`.
    pub attestation_key: &'a [u8],
    /// The key that is attested, a `TPM2B_PUBLIC`.
    pub key: &'a [u8],
    /// What the TPM says, a `TPMS_ATTEST` of `TPM2_Certify` or `TPM2_CertifyCreation`.
    pub statement: &'a [u8],
    /// The attestation key's signature over it, a `TPMT_SIGNATURE`.
    pub signature: &'a [u8],
}

/// A key and the statement about it, well formed and not believed.
pub struct UnverifiedKeyAttestation {
    attestation_key: AttestationKey,
    key: Area,
    attest: Attest,
    statement: Vec<u8>,
    signature: Signature,
}

/// A key that lives in the TPM of a certain attestation key: it was made there, cannot leave, and signs.
#[derive(Clone, Debug)]
pub struct VerifiedKeyAttestation {
    attestation_key: TpmName,
    key: Jwk,
    name: TpmName,
}

/// A key that signs what its own TPM says, and nothing else of that look.
pub(super) struct AttestationKey {
    pub(super) name: TpmName,
    algorithm: crate::Algorithm,
    key: VerifyingKey,
}

impl AttestationKey {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TpmError> {
        const WHAT: &str = "attestation key";
        let area = Area::parse(WHAT, bytes)?;
        area.expect(&Attribute::RESIDENT, &[Attribute::DECRYPT])?;
        area.expect(&[Attribute::RESTRICTED, Attribute::SIGN], &[])?;
        let algorithm = area.scheme.ok_or(TpmError::Algorithm(WHAT))?;
        let key = VerifyingKey::new(&area.jwk).map_err(|cause| TpmError::Key(WHAT, cause))?;
        if !key.fits(algorithm) {
            return Err(TpmError::Algorithm(WHAT));
        }
        Ok(Self { name: area.name, algorithm, key })
    }
}

impl UnverifiedKeyAttestation {
    /// Reads all parts, and asks of both keys that their attributes make them what they should be: made in their TPM and
    /// unable to leave it; the attestation key restricted to what its TPM says, the other one signing whatever it is given.
    ///
    /// # Errors
    /// [`TpmError`] for everything that can be wrong before a signature is looked at.
    pub fn parse(parts: &KeyAttestation<'_>) -> Result<Self, TpmError> {
        let key = Area::parse("attested key", parts.key)?;
        key.expect(&Attribute::RESIDENT, &[Attribute::RESTRICTED, Attribute::DECRYPT])?;
        key.expect(&[Attribute::SIGN], &[])?;
        Ok(Self {
            attestation_key: AttestationKey::parse(parts.attestation_key)?,
            key,
            attest: Attest::parse(parts.statement)?,
            statement: parts.statement.to_vec(),
            signature: Signature::parse(parts.signature)?,
        })
    }

    /// The name of the attestation key: what is looked up to know whose TPM this is.
    pub const fn attestation_key(&self) -> &TpmName {
        &self.attestation_key.name
    }

    /// Believes that the key lives in the attestation key's TPM, if that key signed so, for an occasion that
    /// `qualifying_data` names.
    ///
    /// Does not ask whose TPM it is: a program can make up an attestation key. So the name of the attestation key must be one
    /// that was enrolled, or be shown to belong to an [`EndorsementKey`](super::EndorsementKey) that was.
    ///
    /// # Errors
    /// [`TpmError`] names the first rule that is broken.
    pub fn verify(self, qualifying_data: &[u8]) -> Result<VerifiedKeyAttestation, TpmError> {
        if self.signature.algorithm != self.attestation_key.algorithm {
            return Err(TpmError::Scheme(self.signature.algorithm));
        }
        if self.attest.subject != self.key.name {
            return Err(TpmError::OtherKey);
        }
        if self.attest.qualifying != qualifying_data {
            return Err(TpmError::Qualification);
        }
        let verified = self.attestation_key.key.verify(self.signature.algorithm, &self.statement, &self.signature.bytes);
        verified.map_err(|_| TpmError::Signature)?;
        Ok(VerifiedKeyAttestation { attestation_key: self.attestation_key.name, key: self.key.jwk, name: self.key.name })
    }
}

impl VerifiedKeyAttestation {
    /// The name of the attestation key, which says whose TPM this is.
    pub const fn attestation_key(&self) -> &TpmName {
        &self.attestation_key
    }

    /// The key that lives in that TPM.
    pub const fn key(&self) -> &Jwk {
        &self.key
    }

    /// The name of that key.
    pub const fn name(&self) -> &TpmName {
        &self.name
    }
}

/// Shows the names of both keys.
impl fmt::Debug for UnverifiedKeyAttestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedKeyAttestation({} by {})", self.key.name, self.attestation_key.name)
    }
}
