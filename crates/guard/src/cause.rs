//! Why a request is refused, and what a client is told of it: the only place that maps facts to the wire.

use http::StatusCode;
use procura_token::{Scope, VerifyError};

use crate::credentials::Attempt;
use crate::{KeysError, ReplayError};

/// Why a request is refused. For logs: it names rules and never repeats a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No `Authorization` field, and nothing else that could stand for one.
    #[error("no credentials")]
    NoCredentials,
    /// Two `Authorization` fields, a second token in the query, or one in a field where nothing proves it.
    #[error("more than one token in the request")]
    SeveralTokens,
    /// An `Authorization` field of a scheme that is not accepted, or not of the form `<scheme> <token>`.
    #[error("the `Authorization` field is not an accepted scheme and one token")]
    Scheme,
    /// No `DPoP` field.
    #[error("no proof")]
    NoProof,
    /// Two `DPoP` fields.
    #[error("more than one proof in the request")]
    SeveralProofs,
    /// The token is not believed.
    #[error("token: {0}")]
    Token(VerifyError),
    /// The token is that of another workload than the one that calls.
    #[error("token: another workload's than the WIT")]
    Holder,
    /// A certificate-bound token over a connection without a client certificate.
    #[error("no client certificate on this connection")]
    NoCertificate,
    /// The proof is not believed, or is not for this request, this token or this key.
    #[error("proof: {0}")]
    Proof(VerifyError),
    /// The proof carries no nonce, or not a recent one of this server.
    #[error("proof: no recent nonce of this server")]
    Nonce,
    /// The proof was used before, or could have been before the replay store's memory began.
    #[error("proof: used before, or older than the replay store's memory")]
    Replayed,
    /// A proof of a WIT, and no WIT.
    #[error("no WIT")]
    NoWit,
    /// The WIT is not believed.
    #[error("WIT: {0}")]
    Wit(VerifyError),
    /// The WIT is of a trust domain that is not configured.
    #[error("WIT: of a trust domain that is not trusted")]
    TrustDomain,
    /// A WIT, and nothing that proves its key in an accepted way.
    #[error("no proof of the WIT's key")]
    NoWorkloadProof,
    /// Two proofs of the WIT's key, in different ways.
    #[error("more than one proof of the WIT's key")]
    SeveralWorkloadProofs,
    /// The WPT is not believed, or is not for this request, this WIT or these tokens.
    #[error("WPT: {0}")]
    Wpt(VerifyError),
    /// The WPT was used before, or could have been before the replay store's memory began.
    #[error("WPT: used before, or older than the replay store's memory")]
    WptReplayed,
    /// The message signature is not believed, is not for us, or does not cover this message.
    #[error("message signature: {0}")]
    Signature(VerifyError),
    /// The nonce of the message signature was used before, or could have been before the replay store's memory began.
    #[error("message signature: used before, or older than the replay store's memory")]
    SignatureReplayed,
    /// A signed request's body could not be read to its end.
    #[error("the body cannot be read")]
    Body,
    /// A signed request's body has more bytes than are read.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLong {
        /// The most that are read.
        limit: usize,
    },
    /// A message signature where nobody can read the body: see [`Guard::verify`](crate::Guard::verify).
    #[error("a message signature can be verified by the layer only")]
    NoBody,
    /// The response must be signed and cannot be: no key, an expired WIT, or a body that is too long.
    #[error("the response cannot be signed")]
    Unsigned,
    /// The token does not carry the scope that is needed.
    #[error("scope `{0}` is needed")]
    Scope(Scope),
    /// The keys of the issuer or the trust domain cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The proof cannot be claimed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// What a client is told: the status, a name that does not change, and a title.
pub(crate) struct Wire(pub(crate) StatusCode, pub(crate) &'static str, pub(crate) &'static str);

impl Cause {
    pub(crate) const fn wire(&self, attempt: Attempt) -> Wire {
        // WIMSE WPT section 2.1 wants 401 and a challenge; WIMSE HTTP signature section 3.5 and wpt-01 advise against them.
        let of_wit = match attempt {
            Attempt::Wpt => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        match self {
            Self::NoCredentials => Wire(StatusCode::UNAUTHORIZED, "no_credentials", "a token and a proof are needed"),
            Self::SeveralTokens => Wire(StatusCode::BAD_REQUEST, "invalid_request", "more than one token"),
            Self::SeveralWorkloadProofs => Wire(StatusCode::BAD_REQUEST, "invalid_request", "more than one proof"),
            Self::Body => Wire(StatusCode::BAD_REQUEST, "invalid_request", "the body cannot be read"),
            Self::Scheme | Self::Token(_) | Self::Holder | Self::NoCertificate => {
                Wire(StatusCode::UNAUTHORIZED, "invalid_token", "the token is not accepted")
            }
            Self::NoProof | Self::SeveralProofs | Self::Proof(_) | Self::Replayed => {
                Wire(StatusCode::UNAUTHORIZED, "invalid_dpop_proof", "the proof is not accepted")
            }
            Self::Nonce => Wire(StatusCode::UNAUTHORIZED, "use_dpop_nonce", "the proof needs a recent nonce"),
            Self::NoWit | Self::Wit(_) | Self::TrustDomain => Wire(of_wit, "invalid_wit", "the WIT is not accepted"),
            Self::NoWorkloadProof => Wire(of_wit, "no_workload_proof", "a WIT needs a proof of its key"),
            Self::Wpt(_) | Self::WptReplayed => Wire(of_wit, "invalid_wpt", "the WPT is not accepted"),
            Self::Signature(_) | Self::SignatureReplayed => {
                Wire(of_wit, "invalid_signature", "the message signature is not accepted")
            }
            Self::BodyTooLong { .. } => {
                Wire(StatusCode::PAYLOAD_TOO_LARGE, "content_too_large", "the body is too long to be verified")
            }
            Self::NoBody => Wire(StatusCode::NOT_IMPLEMENTED, "not_implemented", "message signatures are not verified here"),
            Self::Unsigned => Wire(StatusCode::NOT_IMPLEMENTED, "unsigned_response", "the response cannot be signed"),
            Self::Scope(_) => Wire(StatusCode::FORBIDDEN, "insufficient_scope", "the token does not permit this"),
            Self::Keys(_) | Self::Replay(_) => {
                Wire(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "credentials cannot be verified at the moment")
            }
        }
    }

    /// Whether it is about a token and its DPoP proof, also where they stand beside a message signature.
    pub(crate) const fn is_of_dpop(&self) -> bool {
        matches!(
            self,
            Self::Token(_)
                | Self::Holder
                | Self::Scheme
                | Self::Scope(_)
                | Self::NoProof
                | Self::SeveralProofs
                | Self::Proof(_)
                | Self::Nonce
                | Self::Replayed
        )
    }
}
