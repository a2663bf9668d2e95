//! Refusals on the wire: facts become codes, statuses and constant texts. Causes stay in log and audit.

use std::any::Any;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use procura_token::WORKLOAD_IDENTITY_TOKEN;
use serde::Serialize;

use super::answer;
use crate::exchange::{ExchangeError, MissingApproval};

/// RFC 6749 section 5.2.
#[derive(Serialize)]
struct OauthError<'a> {
    error: &'static str,
    error_description: &'static str,
    /// A private member: what the user would have to approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    procura_approval_required: Option<&'a MissingApproval>,
}

impl OauthError<'_> {
    const fn new(error: &'static str, error_description: &'static str) -> Self {
        Self { error, error_description, procura_approval_required: None }
    }
}

/// The answer to a refused exchange.
pub(super) fn refused(cause: &ExchangeError, request: &HeaderMap, nonce: &str) -> Response {
    let code = cause.code();
    let (status, description) = wire(code);
    match code {
        // Every client meets this once in a while: it is how nonces are given.
        "use_dpop_nonce" => tracing::debug!(%cause, code, "exchange refused"),
        _ if status.is_server_error() => tracing::error!(%cause, code, "exchange failed"),
        _ => tracing::info!(%cause, code, "exchange refused"),
    }
    let procura_approval_required = match cause {
        ExchangeError::ApprovalMissing(missing) => Some(missing),
        _ => None,
    };
    let mut response = answer::json(status, &OauthError { procura_approval_required, ..OauthError::new(code, description) });
    match code {
        "use_dpop_nonce" => answer::give_nonce(&mut response, nonce),
        "temporarily_unavailable" => _ = response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1")),
        "invalid_client" => challenge(&mut response, request),
        _ => {}
    }
    response
}

/// Status and public text of each code. The texts are the same for every cause, so that they tell nothing to a prober.
const fn wire(code: &'static str) -> (StatusCode, &'static str) {
    let bad = StatusCode::BAD_REQUEST;
    match code.as_bytes() {
        b"invalid_client" => (StatusCode::UNAUTHORIZED, "the client could not be authenticated"),
        b"invalid_dpop_proof" => (bad, "the DPoP proof is missing or not acceptable"),
        b"use_dpop_nonce" => (bad, "make the DPoP proof with the nonce of this answer"),
        b"invalid_scope" => (bad, "the scope is malformed, or none of it can be granted"),
        b"invalid_authorization_details" => (bad, "the authorization details are malformed, or cannot all be granted"),
        b"invalid_target" => (bad, "the target is missing, unknown, more than one, or not for this client"),
        b"consent_required" => (bad, "the user has to approve this agent, target and scope first"),
        b"unauthorized_client" => (bad, "this client may not have this token"),
        b"unsupported_grant_type" => (bad, "the grant type is not supported"),
        b"temporarily_unavailable" => (StatusCode::SERVICE_UNAVAILABLE, "try again with a new DPoP proof"),
        b"server_error" => (StatusCode::INTERNAL_SERVER_ERROR, "the request could not be served"),
        _ => (bad, "the request is malformed, or a token in it is not acceptable"),
    }
}

/// RFC 6749 section 5.2: who tried the `Authorization` header learns which scheme is the way; so does who sent a WIT (WIMSE
/// WPT section 3).
fn challenge(response: &mut Response, request: &HeaderMap) {
    let attempt = request.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let scheme = attempt.map(|value| value.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_lowercase());
    let challenge = match scheme.as_deref() {
        _ if request.contains_key(WORKLOAD_IDENTITY_TOKEN) => "WPT",
        None => return,
        Some(b"wpt") => "WPT",
        Some(b"bearer") => "Bearer realm=\"procura\"",
        Some(b"dpop") => "DPoP realm=\"procura\"",
        Some(_) => "Basic realm=\"procura\"",
    };
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
}

/// The answer was to be signed and could not be.
pub(super) fn unsigned() -> Response {
    let (status, description) = wire("server_error");
    answer::json(status, &OauthError::new("server_error", description))
}

/// The body of a `POST` is something else than a form.
pub(super) fn not_a_form() -> Response {
    invalid_request(StatusCode::BAD_REQUEST, "the body must be application/x-www-form-urlencoded")
}

/// The body of a `POST` is too large, or did not arrive.
pub(super) fn no_body() -> Response {
    invalid_request(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB, or ended early")
}

fn invalid_request(status: StatusCode, description: &'static str) -> Response {
    answer::json(status, &OauthError::new("invalid_request", description))
}

/// Any method but POST at the token endpoint.
pub(super) async fn only_post() -> Response {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "this endpoint answers POST only");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

/// No such endpoint.
pub(super) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here; /.well-known/oauth-authorization-server lists the endpoints")
}

/// Too much to do just now.
pub(super) fn overloaded(detail: &'static str) -> Response {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A defect: the request ends, the service goes on.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request met a defect of this program");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be served")
}

/// An RFC 9457 problem document.
pub(super) fn problem(status: StatusCode, detail: &'static str) -> Response {
    #[derive(Serialize)]
    struct Problem {
        title: &'static str,
        status: u16,
        detail: &'static str,
    }
    let problem = Problem { title: status.canonical_reason().unwrap_or("error"), status: status.as_u16(), detail };
    let mut response = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
