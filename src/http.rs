//! The wire: routes, headers, statuses. The only room that names axum.

mod answer;
mod discovery;
mod error;
mod health;
mod server;
mod tls;
mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

pub use server::{Server, ServerError, ServerSettings};
pub use tls::{TlsError, TlsSettings};

use crate::app::App;

/// The most bytes of a body that are received at all. Endpoints read less.
const MAX_BODY: usize = 1024 * 1024;

/// All endpoints of the public listener. Beyond `max_requests` at once the answer is 503; so it is after `request_timeout`.
pub fn router(app: Arc<App>, max_requests: usize, request_timeout: Duration) -> Router {
    let base = discovery::base_path(app.issuer());
    let load = health::Load { slots: Arc::new(Semaphore::new(max_requests)), timeout: request_timeout };
    Router::new()
        .route(&format!("{base}/token"), post(token::exchange).fallback(error::only_post))
        .route(&format!("{base}/jwks.json"), get(discovery::jwks))
        .route(&format!("{base}/spiffe/bundle"), get(discovery::bundle))
        .route(&format!("{}{base}", discovery::WELL_KNOWN), get(discovery::metadata))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(error::not_found)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(from_fn_with_state(load, health::shed))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}
