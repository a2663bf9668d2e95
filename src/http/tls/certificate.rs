//! The certificate a listener shows, from files that may be replaced.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{TlsError, TlsSettings};

/// A listener's certificate and key.
pub struct ServerCertificate {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ServerCertificate {
    pub(super) fn open(settings: TlsSettings, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(read(&settings, &provider)?));
        Ok(Self { settings, provider, current })
    }

    /// Reads the files again, for the connections to come. What cannot be used changes nothing, and the log says so.
    pub fn reload(&self) {
        match read(&self.settings, &self.provider) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(file = %self.settings.certificate_file.display(), "certificate loaded");
            }
            Err(cause) => tracing::error!(%cause, "a certificate could not be loaded; the last good one stays in use"),
        }
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("file", &self.settings.certificate_file).finish_non_exhaustive()
    }
}

fn read(settings: &TlsSettings, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let pair = |cause| TlsError::Pair { file: settings.certificate_file.clone(), cause };
    CertifiedKey::from_der(chain(settings)?, key(settings)?, provider).map_err(pair)
}

fn chain(settings: &TlsSettings) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |what: String| TlsError::File {
        file: settings.certificate_file.clone(),
        what,
        remedy: "give a certificate chain in PEM",
    };
    let certificates = CertificateDer::pem_file_iter(&settings.certificate_file);
    let chain = certificates.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|cause| unusable(cause.to_string()))?;
    if chain.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(chain) }
}

fn key(settings: &TlsSettings) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(&settings.key_file).map_err(|cause| TlsError::File {
        file: settings.key_file.clone(),
        what: cause.to_string(),
        remedy: "give a private key in PEM",
    })
}
