//! What operators look at: a router for a listener of its own, whose limits the clients cannot use up.

mod delegation;
mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::sync::Semaphore;

pub use token::AdminToken;

use super::meter::ShedMeter;
use super::{bounded, health};
use crate::app::App;

/// The most requests at once.
const MAX_REQUESTS: usize = 16;

/// Renders all metrics in the text format of Prometheus.
type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// What the admin listener needs to know.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// How long a request may take; after it the answer is 503.
    pub request_timeout: Duration,
    /// What operators show to see and revoke delegations. Without it there is nothing to see.
    pub token: Option<AdminToken>,
}

/// The endpoints of the admin listener. `render` gives all metrics in the text format of Prometheus.
pub fn admin_router(app: Arc<App>, settings: AdminSettings, render: impl Fn() -> String + Send + Sync + 'static) -> Router {
    let AdminSettings { request_timeout: timeout, token } = settings;
    let load = health::Load { slots: Semaphore::new(MAX_REQUESTS), timeout, shed: ShedMeter::new() };
    let render: Render = Arc::new(render);
    let operators = token.map(|token| delegation::router(Arc::clone(&app)).layer(from_fn_with_state(token, token::require)));
    let router = Router::new()
        .route("/readyz", get(health::readyz))
        .with_state(app)
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(metrics).with_state(render))
        .merge(operators.unwrap_or_default());
    bounded(router, load)
}

async fn metrics(State(render): State<Render>) -> Response {
    let mut response = Response::new(render().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
