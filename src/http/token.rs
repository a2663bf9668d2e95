//! `POST /token`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;

use procura_token::RequestHead;

use super::server::Connection;
use super::{Shared, answer, certificate, error};
use crate::app::Stopwatch;
use crate::exchange::{Answer, Incoming};

/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024;

/// RFC 8693 token exchange.
pub(super) async fn exchange(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let Shared { app, settings, meter } = &*shared;
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    let Some(form) = read(body).await else { return error::no_body() };
    if !is_form(&headers) {
        return error::not_a_form();
    }
    let certificate = certificate::of_request(&connection, &headers, settings.proxy.as_ref());
    let (now, watch) = (app.now(), Stopwatch::start());
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let incoming = Incoming {
        form: &form,
        method: method.as_str(),
        target,
        headers: &headers,
        certificate: certificate.as_ref().map(Option::as_deref).map_err(|cause| *cause),
        source: connection.address(),
    };
    let Answer { outcome, signer } = app.exchange().exchange(incoming, now).await;
    meter.count(&outcome, watch.elapsed());
    // After the exchange: it may have found out that the store's memory has begun anew.
    let nonce = app.exchange().nonce(now);
    let response = match outcome {
        Ok(issued) => answer::issued(&issued, &nonce),
        Err(cause) => error::refused(&cause, &headers, &nonce),
    };
    match signer {
        None => response,
        Some(signer) => {
            let head = RequestHead { method: method.as_str(), target, headers: &headers };
            answer::signed(app.exchange(), &signer, response, &head, now).await
        }
    }
}

/// The form, or nothing if it is too long or broke off. What is too long is received and dropped, up to the limit of all
/// bodies: a client that is still sending would not see the answer.
pub(super) async fn read(mut body: Body) -> Option<Bytes> {
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
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
