//! Where an X.509-SVID comes from.

use core::fmt::Display;
use core::future::Future;
use core::pin::Pin;
use std::path::{Path, PathBuf};

use crate::{Secret, SvidError};

/// The most bytes of a file.
const MAX_FILE: usize = 256 * 1024;

/// An X.509-SVID in PEM: its chain, the leaf first, and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509SvidPem {
    /// `BEGIN CERTIFICATE`, once or several times. Other sections are skipped.
    pub certificates: String,
    /// `BEGIN PRIVATE KEY` (PKCS#8), `BEGIN EC PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`.
    pub key: Secret,
}

/// Gives the caller's X.509-SVID. Asked anew for every exchange and call, so that rotation just works: when it has changed,
/// new connections are made with it, and tokens bound to the certificate before are not used any more.
///
/// A closure that returns a future is one.
pub trait X509SvidSource: Send + Sync + 'static {
    /// The SVID as it is now.
    fn x509_svid(&self) -> impl Future<Output = Result<X509SvidPem, SvidError>> + Send;
}

/// Two files that something else keeps fresh, such as a SPIFFE helper. One file with both may be named twice.
#[derive(Clone, Debug)]
pub struct X509SvidFiles {
    certificates: PathBuf,
    key: PathBuf,
}

impl X509SvidFiles {
    /// The chain and the private key at these paths, in PEM; at most 256 KiB each.
    pub fn new(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificates: certificates.into(), key: key.into() }
    }
}

impl X509SvidSource for X509SvidFiles {
    async fn x509_svid(&self) -> Result<X509SvidPem, SvidError> {
        let (certificates, key) = (read(&self.certificates)?, read(&self.key)?);
        if !certificates.contains("BEGIN CERTIFICATE-----") {
            return Err(failed(&self.certificates, &"no certificate in PEM in it"));
        }
        if !key.contains("PRIVATE KEY-----") {
            return Err(failed(&self.key, &"no private key in PEM in it"));
        }
        Ok(X509SvidPem { certificates, key: key.into() })
    }
}

fn read(path: &Path) -> Result<String, SvidError> {
    // Small local files: reading them takes less than handing them to another thread.
    let text = std::fs::read_to_string(path).map_err(|cause| failed(path, &cause))?;
    if text.len() > MAX_FILE {
        return Err(failed(path, &"longer than 256 KiB"));
    }
    Ok(text)
}

fn failed(path: &Path, reason: &dyn Display) -> SvidError {
    SvidError::new(format!("file `{}`: {reason}", path.display()))
}

impl<F, R> X509SvidSource for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<X509SvidPem, SvidError>> + Send,
{
    fn x509_svid(&self) -> impl Future<Output = Result<X509SvidPem, SvidError>> + Send {
        self()
    }
}

/// [`X509SvidSource`] in a form that can be boxed.
pub(crate) trait AnyX509SvidSource: Send + Sync {
    fn x509_svid_boxed(&self) -> Pin<Box<dyn Future<Output = Result<X509SvidPem, SvidError>> + Send + '_>>;
}

impl<S: X509SvidSource> AnyX509SvidSource for S {
    fn x509_svid_boxed(&self) -> Pin<Box<dyn Future<Output = Result<X509SvidPem, SvidError>> + Send + '_>> {
        Box::pin(self.x509_svid())
    }
}
