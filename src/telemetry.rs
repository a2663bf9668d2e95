//! The log: to standard error, as text or JSON. No token, proof or key ever goes there.

use std::io::IsTerminal as _;

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
