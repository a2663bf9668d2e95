//! The certificate a listener shows: from files that may be replaced, or the newest of the Workload API.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{TlsError, TlsIdentity};
use crate::app::{IdentityWatch, WorkloadIdentity};

/// A listener's certificate and key.
pub struct ServerCertificate {
    provider: Arc<CryptoProvider>,
    source: TlsIdentity,
    /// What is shown, and the identity it was made of if it did not come from files.
    current: RwLock<Shown>,
}

#[derive(Default)]
struct Shown {
    certified: Option<Arc<CertifiedKey>>,
    identity: Option<Arc<WorkloadIdentity>>,
}

impl ServerCertificate {
    pub(super) fn open(source: TlsIdentity, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let certified = match &source {
            TlsIdentity::Files { certificate_file, key_file } => Some(Arc::new(read(certificate_file, key_file, &provider)?)),
            TlsIdentity::WorkloadApi(_) => None,
        };
        Ok(Self { provider, source, current: RwLock::new(Shown { certified, identity: None }) })
    }

    /// Reads the files again, for the connections to come. What cannot be used changes nothing, and the log says so.
    pub fn reload(&self) {
        let TlsIdentity::Files { certificate_file, key_file } = &self.source else { return };
        match read(certificate_file, key_file, &self.provider) {
            Ok(new) => {
                self.current.write().unwrap_or_else(PoisonError::into_inner).certified = Some(Arc::new(new));
                tracing::info!(file = %certificate_file.display(), "certificate loaded");
            }
            Err(cause) => tracing::error!(%cause, "a certificate could not be loaded; the last good one stays in use"),
        }
    }

    /// The newest identity, made ready once.
    fn newest(&self, watch: &IdentityWatch) -> Option<Arc<CertifiedKey>> {
        let identity = watch.borrow().clone()?;
        {
            let shown = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if shown.identity.as_ref().is_some_and(|known| Arc::ptr_eq(known, &identity)) {
                return shown.certified.clone();
            }
        }
        let mut shown = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key().to_vec()));
        match CertifiedKey::from_der(identity.chain().to_vec(), key, &self.provider) {
            Ok(certified) => shown.certified = Some(Arc::new(certified)),
            Err(cause) => tracing::error!(%cause, "an identity cannot be used; the last good one stays in use"),
        }
        shown.identity = Some(identity);
        shown.certified.clone()
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.source {
            TlsIdentity::Files { .. } => self.current.read().unwrap_or_else(PoisonError::into_inner).certified.clone(),
            TlsIdentity::WorkloadApi(watch) => self.newest(watch),
        }
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("source", &self.source).finish_non_exhaustive()
    }
}

fn read(certificate_file: &Path, key_file: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let pair = |cause| TlsError::Pair { file: certificate_file.to_owned(), cause };
    CertifiedKey::from_der(chain(certificate_file)?, key(key_file)?, provider).map_err(pair)
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |what: String| TlsError::File { file: file.to_owned(), what, remedy: "give a certificate chain in PEM" };
    let certificates = CertificateDer::pem_file_iter(file);
    let chain = certificates.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|cause| unusable(cause.to_string()))?;
    if chain.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(chain) }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|cause| TlsError::File {
        file: file.to_owned(),
        what: cause.to_string(),
        remedy: "give a private key in PEM",
    })
}
