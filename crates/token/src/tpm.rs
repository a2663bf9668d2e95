//! Keys that live in a TPM 2.0: what its chip says of them, and how to make sure which chip says it.
//!
//! A TPM holds keys that cannot leave it. An *attestation key* signs nothing but what its own TPM says. By it the TPM tells
//! that another key lives beside it: [`UnverifiedKeyAttestation::verify`] believes that, and makes a
//! [`VerifiedKeyAttestation`]. Whose TPM it is follows from the name of the attestation key, if that was enrolled; or from
//! the *endorsement key*, which every TPM has one of: [`EndorsementKey::make_credential`] encrypts a secret that the TPM
//! gives out only if it has both keys.
//!
//! Bytes are as the TPM has them: TCG's *TPM 2.0 Library*, Part 2 (structures) and Part 1 (names, credentials, key
//! derivation), revision 1.59. Structures are read to their last byte, and SHA-1 is nowhere accepted.
//!
//! What none of this says: which program or user of the machine uses the key, what the machine has booted, and that the maker
//! of the TPM vouches for it. Certificates of endorsement keys are for whoever enrols them.

mod area;
mod attest;
mod attestation;
mod credential;
mod endorsement;
mod error;
mod hash;
mod name;
mod read;
mod signature;

pub use attestation::{KeyAttestation, UnverifiedKeyAttestation, VerifiedKeyAttestation};
pub use credential::TpmCredential;
pub use endorsement::EndorsementKey;
pub use error::TpmError;
pub use name::TpmName;
