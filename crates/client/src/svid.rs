//! Where the agent's own credential comes from.

use core::fmt::Display;
use core::future::Future;
use core::pin::Pin;
use std::path::PathBuf;

use procura_token::MAX_TOKEN;

use crate::Secret;

/// The agent's own credential cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SVID cannot be had: {0}")]
pub struct SvidError(String);

impl SvidError {
    /// Says why; never with the SVID in it.
    pub fn new(reason: impl Display) -> Self {
        Self(reason.to_string())
    }
}

/// Gives the caller's JWT-SVID, whose `aud` is the issuer alone, or its WIT. Asked anew for every exchange, and a WIT for
/// every call that shows it, so that rotation just works.
///
/// A closure that returns a future is one.
pub trait SvidSource: Send + Sync + 'static {
    /// The SVID as it is now.
    fn svid(&self) -> impl Future<Output = Result<Secret, SvidError>> + Send;
}

/// A file that something else keeps fresh, such as a SPIFFE helper.
#[derive(Clone, Debug)]
pub struct SvidFile(PathBuf);

impl SvidFile {
    /// The file at `path`: the token and nothing else, at most 16 KiB.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl SvidSource for SvidFile {
    async fn svid(&self) -> Result<Secret, SvidError> {
        let failed = |reason: &dyn Display| SvidError(format!("file `{}`: {reason}", self.0.display()));
        // A small local file: reading it takes less than handing it to another thread.
        let text = std::fs::read_to_string(&self.0).map_err(|cause| failed(&cause))?;
        let svid = Secret::new(&text);
        match svid.expose().len() {
            0 => Err(failed(&"empty")),
            1..=MAX_TOKEN => Ok(svid),
            _ => Err(failed(&"longer than 16 KiB")),
        }
    }
}

impl<F, R> SvidSource for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Secret, SvidError>> + Send,
{
    fn svid(&self) -> impl Future<Output = Result<Secret, SvidError>> + Send {
        self()
    }
}

/// [`SvidSource`] in a form that can be boxed.
pub(crate) trait AnySvidSource: Send + Sync {
    fn svid_boxed(&self) -> Pin<Box<dyn Future<Output = Result<Secret, SvidError>> + Send + '_>>;
}

impl<S: SvidSource> AnySvidSource for S {
    fn svid_boxed(&self) -> Pin<Box<dyn Future<Output = Result<Secret, SvidError>> + Send + '_>> {
        Box::pin(self.svid())
    }
}
