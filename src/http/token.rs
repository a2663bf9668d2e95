//! `POST /token`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;

use super::{answer, error};
use crate::app::App;
use crate::exchange::Incoming;

/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024;

/// RFC 8693 token exchange.
pub(super) async fn exchange(State(app): State<Arc<App>>, Extension(peer): Extension<SocketAddr>, request: Request) -> Response {
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    let Some(form) = read(body).await else { return error::no_body() };
    if !is_form(&headers) {
        return error::not_a_form();
    }
    let now = app.now();
    let proofs: Vec<&[u8]> = headers.get_all("dpop").iter().map(http::HeaderValue::as_bytes).collect();
    let has_authorization = headers.contains_key(AUTHORIZATION);
    let incoming = Incoming {
        form: &form,
        proofs: &proofs,
        has_authorization,
        method: method.as_str(),
        target: uri.path_and_query().map_or("/", PathAndQuery::as_str),
        headers: &headers,
        certificate: Ok(None),
        source: peer.ip(),
    };
    let nonce = app.exchange().nonces.give(now);
    match app.exchange().exchange(incoming, now).await {
        Ok(issued) => answer::issued(&issued, &nonce),
        Err(cause) => error::refused(&cause, &headers, &nonce),
    }
}

/// The form, or nothing if it is too long or broke off. What is too long is received and dropped, up to the limit of all
/// bodies: a client that is still sending would not see the answer.
async fn read(mut body: Body) -> Option<Bytes> {
    let mut form = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        length += data.len();
        if length <= MAX_FORM {
            form.extend_from_slice(&data);
        }
    }
    (length <= MAX_FORM).then(|| form.into())
}

/// Whether the body is `application/x-www-form-urlencoded`, with or without parameters.
fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
