//! Successful answers of the token endpoint (RFC 6749 section 5.1, RFC 8693 section 2.2.1).

use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Collected};
use procura_token::{AuthorizationDetails, Confirmation, RequestHead, Resource, ScopeSet, TokenType, UnixTime};
use serde::Serialize;

use super::error;
use crate::exchange::{AnswerSigner, Exchange, Issued};

/// The bytes of a usual answer.
const USUAL: usize = 2048;

#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a ScopeSet>,
    /// What the token is for (draft-skokan-oauth-resource-response): who asked by another name learns its URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<[&'a Resource; 1]>,
    /// RFC 9396 section 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<&'a AuthorizationDetails>,
    /// The binding of a token that `token_type` says nothing about (draft-mcguinness-oauth-token-exchange-cnf).
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// 200 with the token, and the nonce for the next proof.
pub(super) fn issued(issued: &Issued, nonce: &str) -> Response {
    // A certificate-bound token goes by the name of a bearer's and is none (RFC 8705 section 3).
    let (token_type, says_binding) = match (issued.kind, issued.confirmation) {
        (TokenType::AccessToken, Confirmation::Key(_)) => ("DPoP", true),
        (TokenType::AccessToken, Confirmation::Certificate(_)) => ("Bearer", false),
        _ => ("N_A", false),
    };
    let body = Body {
        access_token: &issued.token,
        issued_token_type: issued.kind.as_str(),
        token_type,
        expires_in: issued.expires_in.as_secs(),
        scope: issued.scope.as_ref(),
        resource: issued.target.as_ref().map(|target| [target]),
        authorization_details: issued.details.as_ref(),
        cnf: (!says_binding).then_some(issued.confirmation),
    };
    let mut response = json(StatusCode::OK, &body);
    give_nonce(&mut response, nonce);
    response
}

/// A JSON answer that no cache keeps.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut text = Vec::with_capacity(USUAL);
    // A struct of strings and numbers always has a JSON text; the empty body of the impossible case carries its status.
    if serde_json::to_writer(&mut text, body).is_err() {
        text.clear();
    }
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// The response with our WIT and our signature, or an error in its place: who wanted it signed must not get it bare.
pub(super) async fn signed(
    exchange: &Exchange,
    signer: &AnswerSigner,
    response: Response,
    request: &RequestHead<'_>,
    now: UnixTime,
) -> Response {
    let (mut parts, body) = response.into_parts();
    // Bodies made here are in memory: collecting one cannot fail, and an empty one would not match what was said.
    let Ok(body) = body.collect().await.map(Collected::to_bytes) else { return error::unsigned() };
    match exchange.sign(signer, (parts.status.as_u16(), &mut parts.headers), request, &body, now) {
        Ok(()) => Response::from_parts(parts, body.into()),
        Err(cause) => {
            tracing::error!(%cause, "an answer could not be signed");
            error::unsigned()
        }
    }
}

/// Adds the one `DPoP-Nonce` field (RFC 9449 section 8).
pub(super) fn give_nonce(response: &mut Response, nonce: &str) {
    if let Ok(nonce) = HeaderValue::from_str(nonce) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
}
