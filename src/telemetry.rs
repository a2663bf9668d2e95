//! The log: to standard error, as text or JSON. No token, proof or key ever goes there.

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing_subscriber::filter::LevelFilter;

/// How to log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// JSON instead of text.
    pub json: bool,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

/// A level that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a log level; use error, warn, info, debug or trace")]
pub struct LogLevelError(String);

/// Starts logging. Later calls change nothing.
///
/// # Errors
/// [`LogLevelError`] for an unknown level.
pub fn start(settings: &LogSettings) -> Result<(), LogLevelError> {
    let level = LevelFilter::from_str(&settings.level).map_err(|_| LogLevelError(settings.level.clone()))?;
    let stderr = std::io::stderr;
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(stderr).with_target(false);
    // Colours are for people: in a file or a pipe they would be bytes between names and values.
    let log = log.with_ansi(stderr().is_terminal());
    // Fails only if a log was started before; then that one stays.
    let _ = if settings.json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    Ok(())
}
