//! Why there is no token.

use core::fmt;
use core::time::Duration;

use procura_token::{ParseError, SignError};

use crate::{ClockOffset, RequiredApproval, WitProofError};

/// Why an exchange gave no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The server wants a nonce in the proof, and gave it: ask again with a new proof.
    #[error("the server wants a nonce in the proof")]
    NonceWanted {
        /// The nonce, if the answer carried exactly one.
        nonce: Option<String>,
    },
    /// The server refused, in the words of OAuth.
    #[error("the server refused: {error}{}", hint(clock.as_ref()))]
    Refused {
        /// Its answer.
        error: OAuthError,
        /// When it refused a proof or the caller, and its clock and ours differ by more than a minute: by how much.
        clock: Option<ClockOffset>,
    },
    /// The user has to approve first. Have him asked, and ask again with
    /// [`ExchangeRequest::approval_token`](crate::ExchangeRequest::approval_token).
    #[error("the user has to approve {0}")]
    ApprovalRequired(RequiredApproval),
    /// The server cannot decide at the moment.
    #[error("the server is unavailable")]
    Unavailable {
        /// How long to wait before asking again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The token would not be bound as asked for: it is thrown away (RFC 9449 section 5).
    #[error("the server gave a token of type `{token_type}`, which is not bound as asked for")]
    Downgraded {
        /// `token_type` of the answer.
        token_type: String,
    },
    /// The token, or the server, says that it is bound to another key or certificate than ours.
    #[error("the server bound the token to another key or certificate")]
    Binding,
    /// `issued_token_type` is not what was asked for.
    #[error("the server issued `{issued_token_type}`, which was not asked for")]
    OtherKind {
        /// What it said.
        issued_token_type: String,
    },
    /// The server says that the token is for something else, or for more than one thing.
    #[error("the server gave a token for `{resource}`, which was not asked for")]
    OtherResource {
        /// What it said.
        resource: String,
    },
    /// More scope than was asked for, or authorization details of a type that was not.
    #[error("the server granted more than was asked for")]
    Widened,
    /// An answer that is not what RFC 8693 section 2.2 or RFC 6749 section 5.2 describe.
    #[error("status {status} with an answer that cannot be read: {cause}")]
    Malformed {
        /// The status.
        status: u16,
        /// What is wrong.
        cause: ParseError,
    },
    /// The token endpoint or a credential cannot stand in a request.
    #[error("the request cannot be made: {0}")]
    Request(ParseError),
    /// The caller's WIT cannot be proved.
    #[error(transparent)]
    Proof(#[from] WitProofError),
    /// The key could not sign the proof.
    #[error(transparent)]
    Sign(#[from] SignError),
}

pub(crate) fn hint(clock: Option<&ClockOffset>) -> String {
    clock.map(|offset| format!(" ({offset})")).unwrap_or_default()
}

/// An OAuth error answer (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// `error`.
    pub code: ErrorCode,
    /// `error_description`, for people: at most 300 characters, others than printable ASCII replaced.
    pub description: Option<String>,
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{}: {description}", self.code),
            None => self.code.fmt(f),
        }
    }
}

/// The codes a token endpoint answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request, or its subject or actor token, is not acceptable (RFC 8693 section 2.2.2).
    InvalidRequest,
    /// The caller is not authenticated.
    InvalidClient,
    /// The grant is not acceptable.
    InvalidGrant,
    /// The caller may not do this.
    UnauthorizedClient,
    /// The server does not know this grant.
    UnsupportedGrantType,
    /// Nothing of the scope is granted.
    InvalidScope,
    /// The resource or audience is unknown or refused (RFC 8707).
    InvalidTarget,
    /// The authorization details are unknown, malformed or refused (RFC 9396).
    InvalidAuthorizationDetails,
    /// The proof is not accepted (RFC 9449).
    InvalidDpopProof,
    /// The proof needs a nonce (RFC 9449).
    UseDpopNonce,
    /// The user has to approve first. A server that says of what makes it [`ExchangeError::ApprovalRequired`].
    ConsentRequired,
    /// The server cannot decide at the moment.
    TemporarilyUnavailable,
    /// Another code; at most 100 characters.
    Other(String),
}

impl ErrorCode {
    const ALL: [Self; 12] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::InvalidAuthorizationDetails,
        Self::InvalidDpopProof,
        Self::UseDpopNonce,
        Self::ConsentRequired,
        Self::TemporarilyUnavailable,
    ];

    /// Reads a code; one that is not known becomes [`ErrorCode::Other`].
    pub fn parse(code: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str() == code).unwrap_or_else(|| Self::Other(printable(code, 100)))
    }

    /// The code on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::ConsentRequired => "consent_required",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A server's text, safe for a terminal and a log.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|letter| if matches!(letter, ' '..='~') { letter } else { '?' }).collect()
}
