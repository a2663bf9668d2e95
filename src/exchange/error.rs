//! Why nothing was issued: facts for log and audit. What the client is told is decided elsewhere.

use procura_token::{DetailError, ParseError, SignError, VerifyError};

use super::{CertificateFieldError, MissingApproval};
use crate::audit::AuditError;
use crate::store::{StoreError, UseKind};
use crate::trust::TrustError;

/// Why a request got no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The form is not well formed, or lacks a parameter.
    #[error("request: {0}")]
    Request(&'static str),
    /// A parameter is not of its syntax.
    #[error("parameter `{0}`: {1}")]
    Parameter(&'static str, ParseError),
    /// `grant_type` is another grant.
    #[error("the grant type is not supported")]
    GrantType,
    /// The caller did not authenticate.
    #[error("caller: {0}")]
    CallerUnknown(&'static str),
    /// The caller's credential is not believed.
    #[error("caller: {0}")]
    Caller(#[source] TrustError),
    /// The caller's certificate came in header fields that are not believed.
    #[error("caller: certificate in a header field: {0}")]
    CertificateField(#[source] CertificateFieldError),
    /// The caller's WIT is malformed, or the WPT or the signature by its key is not believed.
    #[error("caller: {0}")]
    CallerProof(#[source] VerifyError),
    /// The caller's proof was used before.
    #[error("caller: the {0} was used before")]
    CallerReplayed(UseKind),
    /// The store's memory begins after the caller's proof may have been made: whether it was used before, nobody knows.
    #[error("caller: the {0} may be older than the memory of the store")]
    Forgotten(UseKind),
    /// There is no proof, or more than one.
    #[error("proof: {0}")]
    ProofMissing(&'static str),
    /// The proof is not believed.
    #[error("proof: {0}")]
    Proof(#[source] VerifyError),
    /// The proof is believed and does not fit the request.
    #[error("proof: {0}")]
    ProofUnfit(&'static str),
    /// Another workload has a WIT for the key.
    #[error("proof: the key belongs to another workload")]
    KeyHeldByAnother,
    /// The proof lacks a nonce of ours, or has an old one.
    #[error("proof: the nonce is missing or not one given lately")]
    Nonce,
    /// The proof was used before.
    #[error("proof: it was used before")]
    ProofReplayed,
    /// The caller wants a signed answer, and we issue no WITs, not even to ourselves, in its trust domain.
    #[error("a signed answer is wanted, and nobody here can sign one for that trust domain")]
    NobodySigns,
    /// The subject token is not believed.
    #[error("subject token: {0}")]
    Subject(#[source] TrustError),
    /// The subject token is believed and does not fit the request.
    #[error("subject token: {0}")]
    SubjectUnfit(&'static str),
    /// The actor token is not believed.
    #[error("actor token: {0}")]
    Actor(#[source] TrustError),
    /// The actor token is believed and does not fit the request.
    #[error("actor token: {0}")]
    ActorUnfit(&'static str),
    /// The approval is not believed.
    #[error("approval: {0}")]
    Approval(#[source] TrustError),
    /// The approval is believed and does not fit the request.
    #[error("approval: {0}")]
    ApprovalUnfit(&'static str),
    /// Policy would grant what was asked if the user agreed to it.
    #[error("approval: the user has not agreed to `{}` at {} for {}", .0.scope, .0.target, .0.agent)]
    ApprovalMissing(MissingApproval),
    /// The posture is not believed.
    #[error("posture: {0}")]
    Posture(#[source] TrustError),
    /// The posture is believed and does not fit the request.
    #[error("posture: {0}")]
    PostureUnfit(&'static str),
    /// The target is unknown, or not one target, or policy grants the caller nothing there.
    #[error("target: {0}")]
    Target(&'static str),
    /// Policy grants none of the scopes asked for.
    #[error("scope: policy grants none of what was asked")]
    Scope,
    /// The scope parameter is not of its syntax.
    #[error("scope: {0}")]
    ScopeSyntax(#[source] ParseError),
    /// The parameter `authorization_details` is not of its syntax.
    #[error("authorization details: {0}")]
    DetailSyntax(#[source] ParseError),
    /// Authorization details are not of their type, or wider than the subject token.
    #[error("authorization details: {0}")]
    Detail(#[source] DetailError),
    /// Authorization details are about other locations than the target.
    #[error("authorization details: one has no location at the target")]
    DetailElsewhere,
    /// Policy does not grant every one of the authorization details.
    #[error("authorization details: policy does not grant all of them")]
    DetailDenied,
    /// Policy does not let this caller have this kind of token.
    #[error("policy does not allow this caller that token")]
    CallerUnauthorized,
    /// The delegation this would continue has ended.
    #[error("the delegation has ended")]
    Ended,
    /// The delegation was revoked.
    #[error("the delegation was revoked")]
    Revoked,
    /// Nothing is known of the delegation this would continue: its record has expired, or the store lost its memory.
    #[error("the delegation is not on record")]
    DelegationUnknown,
    /// The store cannot be asked.
    #[error("store: {0}")]
    Store(#[source] StoreError),
    /// The token could not be signed.
    #[error("signing: {0}")]
    Sign(#[from] SignError),
    /// The event could not be made durable.
    #[error("audit: {0}")]
    Audit(#[source] AuditError),
}

impl ExchangeError {
    /// The error code a client gets: RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 9449 section 5.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Caller(error) | Self::Subject(error) | Self::Actor(error) | Self::Approval(error) | Self::Posture(error)
                if error.is_ours() =>
            {
                "temporarily_unavailable"
            }
            Self::Request(_) | Self::Parameter(..) | Self::NobodySigns => "invalid_request",
            Self::GrantType => "unsupported_grant_type",
            Self::CallerUnknown(_)
            | Self::Caller(_)
            | Self::CallerProof(_)
            | Self::CallerReplayed(_)
            | Self::CertificateField(_) => "invalid_client",
            Self::ProofMissing(_) | Self::Proof(_) | Self::ProofUnfit(_) | Self::ProofReplayed | Self::KeyHeldByAnother => {
                "invalid_dpop_proof"
            }
            Self::Nonce => "use_dpop_nonce",
            Self::Subject(_)
            | Self::SubjectUnfit(_)
            | Self::Actor(_)
            | Self::ActorUnfit(_)
            | Self::Ended
            | Self::Revoked
            | Self::DelegationUnknown
            | Self::Approval(_)
            | Self::ApprovalUnfit(_)
            | Self::Posture(_)
            | Self::PostureUnfit(_) => "invalid_request",
            Self::ApprovalMissing(_) => "consent_required",
            Self::Target(_) => "invalid_target",
            Self::Scope | Self::ScopeSyntax(_) => "invalid_scope",
            Self::DetailSyntax(_) | Self::Detail(_) | Self::DetailElsewhere | Self::DetailDenied => {
                "invalid_authorization_details"
            }
            Self::CallerUnauthorized => "unauthorized_client",
            Self::Forgotten(_) | Self::Store(_) | Self::Audit(_) => "temporarily_unavailable",
            Self::Sign(_) => "server_error",
        }
    }
}
