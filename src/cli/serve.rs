//! `procura serve`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::{Config, LogFormat, LogLevel};
use crate::http::{Server, ServerSettings, TlsSettings, router};
use crate::telemetry::{self, LogSettings};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file; `procura config example` prints one
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    start_log(&config, LogLevel::Info);
    super::runtime()?.block_on(async {
        let (server, app) = open(&config).await?;
        serve(server, app, &config).await
    })
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

/// Binds the listener and opens everything behind it, so that whatever is wrong is said before anyone connects.
pub(super) async fn open(config: &Config) -> anyhow::Result<(Server, Arc<App>)> {
    let tls = config.server.tls.as_ref().map(|tls| TlsSettings {
        certificate_file: tls.certificate_file.clone(),
        key_file: tls.key_file.clone(),
        allow_tls12: tls.allow_tls12,
    });
    let settings = ServerSettings {
        listen: config.server.listen,
        tls,
        max_connections: config.server.max_connections,
        header_timeout: config.server.header_timeout.0,
        shutdown_timeout: config.server.shutdown_timeout.0,
    };
    let server = Server::bind(settings).await?;
    let app = App::start(config, Arc::new(SystemClock)).await?;
    Ok((server, Arc::new(app)))
}

/// Serves until SIGINT or SIGTERM. SIGHUP loads the policies again.
pub(super) async fn serve(server: Server, app: Arc<App>, config: &Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut reload = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tracing::info!(address = %server.address(), issuer = %app.issuer(), "serving");
    let reloading = tokio::spawn({
        let app = Arc::clone(&app);
        async move {
            while reload.recv().await.is_some() {
                app.reload();
            }
        }
    });
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
    };
    let router = router(app, config.server.max_requests, config.server.request_timeout.0);
    server.serve(router, stop).await;
    reloading.abort();
    Ok(())
}
