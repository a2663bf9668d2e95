//! Refusals, and what a client is told about them: the only place that maps facts to the wire.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use procura_token::{Scope, VerifyError};

use crate::{KeysError, ReplayError};

/// Why a request is refused. For logs: it names rules and never repeats a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No `Authorization` field.
    #[error("no credentials")]
    NoCredentials,
    /// Two `Authorization` fields, or a second token in the query.
    #[error("more than one token in the request")]
    SeveralTokens,
    /// An `Authorization` field of another scheme, `Bearer` included, or not of the form `DPoP <token>`.
    #[error("the `Authorization` field is not `DPoP` and one token")]
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
    /// The proof is not believed, or is not for this request, this token or this key.
    #[error("proof: {0}")]
    Proof(VerifyError),
    /// The proof carries no nonce, or not a recent one of this server.
    #[error("proof: no recent nonce of this server")]
    Nonce,
    /// The proof was used before.
    #[error("proof: used before")]
    Replayed,
    /// The token does not carry the scope that is needed.
    #[error("scope `{0}` is needed")]
    Scope(Scope),
    /// The issuer's keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The proof cannot be claimed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// A refused request: the cause for us, and the answer for the client.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Refusal {
    cause: Cause,
    algorithms: Option<Box<str>>,
    nonce: Option<String>,
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self { cause, algorithms: None, nonce: None }
    }
}

impl Refusal {
    pub(crate) fn new(cause: Cause, algorithms: Box<str>, nonce: Option<String>) -> Self {
        Self { cause, algorithms: Some(algorithms), nonce }
    }

    /// Why. Not for the client.
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.wire().0
    }

    /// The `error` of the answer (RFC 6750 section 3.1, RFC 9449 section 7.1); none when no credentials were sent, and
    /// none when the failure is ours.
    pub const fn error(&self) -> Option<&'static str> {
        self.wire().1
    }

    const fn wire(&self) -> (StatusCode, Option<&'static str>, &'static str) {
        match self.cause {
            Cause::NoCredentials => (StatusCode::UNAUTHORIZED, None, "a token and a proof are needed"),
            Cause::SeveralTokens => (StatusCode::BAD_REQUEST, Some("invalid_request"), "more than one token"),
            Cause::Scheme | Cause::Token(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token"), "the token is not accepted"),
            Cause::NoProof | Cause::SeveralProofs | Cause::Proof(_) | Cause::Replayed => {
                (StatusCode::UNAUTHORIZED, Some("invalid_dpop_proof"), "the proof is not accepted")
            }
            Cause::Nonce => (StatusCode::UNAUTHORIZED, Some("use_dpop_nonce"), "the proof needs a recent nonce"),
            Cause::Scope(_) => (StatusCode::FORBIDDEN, Some("insufficient_scope"), "the token does not permit this"),
            Cause::Keys(_) | Cause::Replay(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, None, "credentials cannot be verified at the moment")
            }
        }
    }

    /// The answer: status, challenge, nonce, and a problem (RFC 9457) as body.
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let (status, error, title) = self.wire();
        let name = error.unwrap_or(if status == StatusCode::UNAUTHORIZED { "no_credentials" } else { "unavailable" });
        let body =
            serde_json::json!({ "type": format!("urn:procura:problem:{name}"), "title": title, "status": status.as_u16() });
        let mut response = Response::new(B::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        } else if let Ok(challenge) = HeaderValue::try_from(self.challenge(error)) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(nonce) = self.nonce.as_ref().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert("dpop-nonce", nonce);
        }
        response
    }

    /// Scopes and algorithm names contain neither quote nor backslash, so nothing needs escaping.
    fn challenge(&self, error: Option<&str>) -> String {
        let mut parameters = Vec::new();
        if let Some(error) = error {
            parameters.push(format!("error=\"{error}\""));
        }
        if let Cause::Scope(scope) = &self.cause {
            parameters.push(format!("scope=\"{scope}\""));
        }
        let algorithms = self.algorithms.as_deref();
        if let Some(algorithms) = algorithms {
            parameters.push(format!("algs=\"{algorithms}\""));
        }
        format!("DPoP {}", parameters.join(", "))
    }
}

/// So that `?` in a function that answers with a response gives the refusal's answer.
impl<B: From<String>> From<Refusal> for Response<B> {
    fn from(refusal: Refusal) -> Self {
        refusal.to_response()
    }
}
