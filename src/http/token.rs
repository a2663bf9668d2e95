//! `POST /token`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{answer, error};
use crate::app::App;
use crate::exchange::Incoming;

/// RFC 8693 token exchange.
pub(super) async fn exchange(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) if is_form(&headers) => body,
        Ok(_) => return error::not_a_form(),
        Err(cause) => return error::no_body(cause.status()),
    };
    let now = app.now();
    let proofs: Vec<&[u8]> = headers.get_all("dpop").iter().map(http::HeaderValue::as_bytes).collect();
    let has_authorization = headers.contains_key(AUTHORIZATION);
    let incoming = Incoming { form: &body, proofs: &proofs, has_authorization, source: peer.ip() };
    let nonce = app.exchange().nonces.give(now);
    match app.exchange().exchange(incoming, now).await {
        Ok(issued) => answer::issued(&issued, &nonce),
        Err(cause) => error::refused(&cause, &headers, &nonce),
    }
}

/// Whether the body is `application/x-www-form-urlencoded`, with or without parameters.
fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
