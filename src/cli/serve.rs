//! `procura serve`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::Level;

use crate::app::{App, IdentityWatch};
use crate::clock::SystemClock;
use crate::config::{CertificateField, Config, IdentityConfig, LogFormat, LogLevel};
use crate::http::{
    self, AdminSettings, AdminToken, ProxySettings, RouterSettings, Server, ServerSettings, TlsIdentity, TlsSettings,
    admin_router, router,
};
use crate::telemetry::{self, LogSettings, Metrics};

/// The most connections to the admin listener.
const MAX_ADMIN_CONNECTIONS: usize = 64;
/// How often measurements are tidied up.
const TIDY: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file; `procura config example` prints one
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = super::load(&arguments.config)?;
    start_log(&config, LogLevel::Info);
    super::runtime()?.block_on(async { open(&config).await?.serve(&config).await })
}

/// Logs as configured; at `level` where the configuration names none.
pub(super) fn start_log(config: &Config, level: LogLevel) {
    let level = match config.log.level.unwrap_or(level) {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    telemetry::start(&LogSettings { json: config.log.format == LogFormat::Json, level });
}

/// A service whose every listener is bound and whose every file was opened.
pub(super) struct Opened {
    app: Arc<App>,
    public: Server,
    mtls: Option<Server>,
    admin: Option<(Server, Metrics, AdminSettings)>,
}

/// Binds the listeners and opens everything behind them, so that whatever is wrong is said before anyone connects.
pub(super) async fn open(config: &Config) -> anyhow::Result<Opened> {
    let metrics = config.admin.as_ref().map(|_| Metrics::start()).transpose()?;
    // After the metrics were started: who counts looks up its counters when it is made.
    let app = Arc::new(App::start(config, Arc::new(SystemClock)).await?);
    let identities = app.identities();
    let tls = match &config.server.tls {
        Some(tls) => Some(TlsSettings {
            identity: identity(tls.identity()?, identities.public.as_ref()),
            allow_tls12: tls.allow_tls12,
            client_certificate: false,
        }),
        None => None,
    };
    let settings = ServerSettings {
        name: "public",
        listen: config.server.listen,
        tls,
        max_connections: config.server.max_connections,
        header_timeout: config.server.header_timeout.0,
        shutdown_timeout: config.server.shutdown_timeout.0,
    };
    let mtls = match &config.mtls {
        Some(mtls) => {
            let tls = Some(TlsSettings {
                identity: identity(mtls.identity()?, identities.mtls.as_ref()),
                allow_tls12: mtls.allow_tls12,
                client_certificate: true,
            });
            Some(Server::bind(ServerSettings { name: "mtls", listen: mtls.listen, tls, ..settings.clone() }).await?)
        }
        None => None,
    };
    let admin = match config.admin.as_ref().zip(metrics) {
        Some((admin, metrics)) => {
            let (listen, max_connections) = (admin.listen, MAX_ADMIN_CONNECTIONS);
            let settings = ServerSettings { name: "admin", listen, tls: None, max_connections, ..settings.clone() };
            let token = admin.token()?.map(|token| AdminToken::new(token.expose()));
            let shown = AdminSettings { request_timeout: config.server.request_timeout.0, token };
            Some((Server::bind(settings).await?, metrics, shown))
        }
        None => None,
    };
    let public = Server::bind(settings).await?;
    Ok(Opened { app, public, mtls, admin })
}

/// `given` is what the Workload API brings for a listener that has its certificate from there.
fn identity(config: IdentityConfig<'_>, given: Option<&IdentityWatch>) -> TlsIdentity {
    match (config, given) {
        (IdentityConfig::WorkloadApi(_), Some(watch)) => TlsIdentity::WorkloadApi(watch.clone()),
        (IdentityConfig::WorkloadApi(_), None) => TlsIdentity::WorkloadApi(tokio::sync::watch::channel(None).1),
        (IdentityConfig::Files { certificate, key }, _) => {
            TlsIdentity::Files { certificate_file: certificate.to_owned(), key_file: key.to_owned() }
        }
    }
}

impl Opened {
    /// Serves until SIGINT or SIGTERM. SIGHUP loads policies, trust and certificates again.
    pub(super) async fn serve(self, config: &Config) -> anyhow::Result<()> {
        let Self { app, public, mtls, admin } = self;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut reload = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        tracing::info!(address = %public.address(), issuer = %app.issuer(), "serving");
        if let Some(mtls) = &mtls {
            tracing::info!(address = %mtls.address(), "serving with client certificates");
        }
        if let Some((admin, ..)) = &admin {
            tracing::info!(address = %admin.address(), "serving operators");
        }
        let certificates: Vec<_> = std::iter::once(&public).chain(&mtls).filter_map(Server::certificate).collect();
        let reloading = tokio::spawn({
            let app = Arc::clone(&app);
            async move {
                while reload.recv().await.is_some() {
                    app.reload().await;
                    certificates.iter().for_each(|certificate| certificate.reload());
                }
            }
        });
        let watching = tokio::spawn(Arc::clone(&app).watch_disabled());
        let (stop, stopped) = watch::channel(());
        let stopped = || {
            let mut stopped = stopped.clone();
            // Fails when the sender is gone, which is the end too.
            async move { drop(stopped.changed().await) }
        };
        let router = router(Arc::clone(&app), router_settings(config));
        let signalled = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            tracing::info!("stopping");
            drop(stop);
        };
        let with_certificates = async {
            if let Some(mtls) = mtls {
                mtls.serve(router.clone(), stopped()).await;
            }
        };
        let operators = async {
            if let Some((admin, metrics, settings)) = admin {
                serve_operators(admin, metrics, app, settings, stopped()).await;
            }
        };
        tokio::join!(signalled, public.serve(router.clone(), stopped()), with_certificates, operators);
        reloading.abort();
        watching.abort();
        Ok(())
    }
}

fn router_settings(config: &Config) -> RouterSettings {
    RouterSettings {
        max_requests: config.server.max_requests,
        request_timeout: config.server.request_timeout.0,
        mtls_url: config.mtls.as_ref().map(|mtls| mtls.url.clone()),
        proxy: config.proxy.as_ref().map(|proxy| ProxySettings {
            addresses: proxy.addresses.iter().map(|range| range.0).collect(),
            field: match proxy.client_certificate {
                CertificateField::ClientCert => http::CertificateField::ClientCert,
                CertificateField::XForwardedClientCert => http::CertificateField::XForwardedClientCert,
            },
        }),
    }
}

async fn serve_operators(
    server: Server,
    metrics: Metrics,
    app: Arc<App>,
    settings: AdminSettings,
    stop: impl Future<Output = ()>,
) {
    let tidying = tokio::spawn({
        let (metrics, app) = (metrics.clone(), Arc::clone(&app));
        async move {
            let mut every = tokio::time::interval(TIDY);
            loop {
                every.tick().await;
                app.measure();
                metrics.tidy();
            }
        }
    });
    server.serve(admin_router(app, settings, move || metrics.render()), stop).await;
    tidying.abort();
}
