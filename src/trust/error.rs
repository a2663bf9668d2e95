//! Why a credential is not believed, or an authority cannot be asked.

use std::sync::Arc;

use procura_token::{CertificateError, ParseError, VerifyError};

use super::PlatformError;
use super::disabled::{DisabledFileError, Tombstone};

/// Why a credential is not believed, or an authority's keys cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The credential itself is wrong.
    #[error(transparent)]
    Credential(#[from] VerifyError),
    /// The certificate is wrong, or no authority of its trust domain issued it.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The credential is its platform's, and nobody's here.
    #[error("platform: {0}")]
    Platform(#[from] PlatformError),
    /// The credential is of a kind that is made for a nonce of ours, and the proof beside it names none.
    #[error("the proof has no nonce that the credential could have been made for")]
    NonceMissing,
    /// Its trust domain is not configured.
    #[error("the trust domain is not one we believe")]
    UnknownTrustDomain,
    /// Its issuer is not configured.
    #[error("the issuer is not one we believe")]
    UnknownIssuer,
    /// It is all right, and whoever it is from or of is disabled.
    #[error("{0}")]
    Disabled(Arc<Tombstone>),
    /// The list of the disabled cannot be used.
    #[error("{0}")]
    DisabledFile(Arc<DisabledFileError>),
    /// An approval or a posture by somebody who may not speak of whom it speaks of.
    #[error("its issuer may not speak of them")]
    Unentitled,
    /// Its issuer's tokens of this kind are not accepted.
    #[error("tokens of this kind are not accepted from its issuer")]
    TokenKind,
    /// An access token that is neither meant for the caller nor was made for it.
    #[error("it is neither meant for the caller nor made for it")]
    Stranger,
    /// An access token of which every issuer that was asked says that it is not active.
    #[error("no issuer says that it is active")]
    Inactive,
    /// An issuer could not be asked about an access token.
    #[error("{issuer} could not be asked about it: {cause}")]
    Introspection {
        /// Who.
        issuer: String,
        /// What went wrong.
        cause: String,
    },
    /// The keys of a configured authority cannot be had.
    #[error("the keys of {authority} cannot be had: {cause}")]
    Keys {
        /// Whose keys.
        authority: String,
        /// What went wrong.
        cause: String,
    },
}

impl From<ParseError> for TrustError {
    fn from(error: ParseError) -> Self {
        Self::Credential(error.into())
    }
}

impl From<DisabledFileError> for TrustError {
    fn from(error: DisabledFileError) -> Self {
        Self::DisabledFile(Arc::new(error))
    }
}

impl TrustError {
    pub(super) fn introspection(issuer: &str, cause: &str) -> Self {
        Self::Introspection { issuer: issuer.to_owned(), cause: cause.to_owned() }
    }

    /// Whether the fault is ours (keys or answers that cannot be had), so that trying again later may help.
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Keys { .. } | Self::Introspection { .. })
    }
}
