//! Why a statement about a key in a TPM is not believed.

use crate::{Algorithm, ParseError};

/// Why bytes are no statement of a TPM, or one that is not believed. For logs: it repeats nothing of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TpmError {
    /// The structure ends too early, bytes follow it, or one of its values does not exist.
    #[error("{0}: not the structure it should be")]
    Malformed(&'static str),
    /// An algorithm that is unknown, weak, or not for this purpose: SHA-1 always.
    #[error("{0}: an algorithm that is not accepted")]
    Algorithm(&'static str),
    /// The key is of the right shape and cannot be used.
    #[error("{0}: {1}")]
    Key(&'static str, #[source] ParseError),
    /// The key may do what it must not, or need not do what it must: one of its attributes.
    #[error("{0}: {1}")]
    Attribute(&'static str, &'static str),
    /// The statement was not made by a TPM: it lacks the mark that a restricted key signs nothing without.
    #[error("the statement is not one that a TPM makes")]
    Magic,
    /// The statement is about something else than a key that lives in the TPM.
    #[error("the statement does not certify a key")]
    Kind,
    /// The statement is about another key.
    #[error("the statement is about another key")]
    OtherKey,
    /// The statement was made for somebody else, or at another time.
    #[error("the statement was made for another occasion")]
    Qualification,
    /// The signature is by another algorithm than the attestation key's.
    #[error("the attestation key does not sign by {0}")]
    Scheme(Algorithm),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}
