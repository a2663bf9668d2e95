//! The log: to standard error, as text or JSON. No token, proof or key ever goes there. And the metrics: kept until asked for.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Level;

/// How to log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// JSON instead of text.
    pub json: bool,
    /// The least important that is logged.
    pub level: Level,
}

/// Starts logging. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    let stderr = std::io::stderr;
    let log = tracing_subscriber::fmt().with_max_level(settings.level).with_writer(stderr).with_target(false);
    // Colours are for people: in a file or a pipe they would be bytes between names and values.
    let log = log.with_ansi(stderr().is_terminal());
    // Fails only if a log was started before; then that one stays.
    let _ = if settings.json { log.json().flatten_event(true).try_init() } else { log.try_init() };
}

/// Upper bounds of the buckets of `procura_exchange_seconds`.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// All metrics of this process. Without it, counting does nothing.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting. Handles that were looked up before do not count.
    ///
    /// # Errors
    /// If metrics are counted by somebody else already.
    pub fn start() -> Result<Self, BuildError> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        Ok(Self(PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.install_recorder()?))
    }

    /// Everything counted so far, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Sorts what was measured since the last time into its buckets. To be called every few seconds: until then each
    /// measurement takes memory of its own.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}
