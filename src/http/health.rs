//! Is it alive, can it serve, and does it have too much to do?

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{answer, error};
use crate::app::App;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// 200 as long as the process answers.
pub(super) async fn healthz() -> Response {
    answer::json(StatusCode::OK, &Health { status: "ok" })
}

/// 200 when a token could be issued now, else 503.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.ready().await {
        Ok(()) => answer::json(StatusCode::OK, &Health { status: "ready" }),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            answer::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "not ready" })
        }
    }
}

/// Turns requests away when too many are worked on already.
pub(super) async fn shed(State(slots): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.try_acquire() else {
        let mut response = error::problem(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once; try again shortly");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    };
    next.run(request).await
}
