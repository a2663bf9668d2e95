//! The wire: routes, headers, statuses. The only room that names axum.

mod admin;
mod answer;
mod certificate;
mod discovery;
mod error;
mod health;
mod meter;
mod server;
mod tls;
mod token;
mod tpm;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use procura_token::Issuer;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

pub use admin::{AdminSettings, AdminToken, admin_router};
pub use certificate::{CertificateField, ProxySettings};
pub use server::{Server, ServerError, ServerSettings};
pub use tls::{ServerCertificate, TlsError, TlsIdentity, TlsSettings};

use crate::app::App;
use meter::{ExchangeMeter, ShedMeter};

/// The most bytes of a body that are received at all. Endpoints read less.
const MAX_BODY: usize = 1024 * 1024;

/// What the public endpoints need to know of how they are reached.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// The most requests at once, over all listeners; beyond it the answer is 503.
    pub max_requests: usize,
    /// How long a request may take; after it the answer is 503.
    pub request_timeout: Duration,
    /// The base URL of the listener that requires client certificates, if there is one.
    pub mtls_url: Option<Issuer>,
    /// Proxies that tell client certificates, if there are any.
    pub proxy: Option<ProxySettings>,
}

/// What handlers share that need more than the app.
struct Shared {
    app: Arc<App>,
    settings: RouterSettings,
    meter: ExchangeMeter,
}

/// All endpoints of the public listeners.
pub fn router(app: Arc<App>, settings: RouterSettings) -> Router {
    let base = discovery::base_path(app.issuer());
    let slots = Semaphore::new(settings.max_requests);
    let load = health::Load { slots, timeout: settings.request_timeout, shed: ShedMeter::new() };
    let shared = Arc::new(Shared { app: Arc::clone(&app), settings, meter: ExchangeMeter::new() });
    let router = Router::new()
        .route(&format!("{base}/tpm/challenge"), post(tpm::challenge).fallback(error::only_post))
        .route(&format!("{base}/jwks.json"), get(discovery::jwks))
        .route(&format!("{base}/handover/jwks.json"), get(discovery::handover_jwks))
        .route(&format!("{base}/spiffe/bundle"), get(discovery::bundle))
        .route("/readyz", get(health::readyz))
        .with_state(app)
        .route("/healthz", get(health::healthz))
        .route(&format!("{}{base}", discovery::WELL_KNOWN), get(discovery::metadata))
        .route(&format!("{base}/token"), post(token::exchange).fallback(error::only_post))
        .with_state(shared);
    bounded(router, load).layer(TraceLayer::new_for_http())
}

/// What all requests pass on their way, in one box: each layer by itself would be another.
fn bounded(router: Router, load: health::Load) -> Router {
    router.fallback(error::not_found).layer((
        CatchPanicLayer::custom(error::panicked),
        from_fn_with_state(Arc::new(load), health::shed),
        RequestBodyLimitLayer::new(MAX_BODY),
    ))
}
