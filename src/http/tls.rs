//! TLS for the listener: rustls over aws-lc-rs, TLS 1.3 unless more is allowed.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tokio_rustls::TlsAcceptor;

/// Certificate and key.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The chain in PEM, leaf first.
    pub certificate_file: PathBuf,
    /// The private key in PEM.
    pub key_file: PathBuf,
    /// Whether TLS 1.2 is spoken too.
    pub allow_tls12: bool,
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read as PEM.
    #[error("{}: {what}; {remedy}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Certificate and key do not go together, or rustls refuses them.
    #[error("{}: {cause}; give the key that belongs to the certificate", file.display())]
    Pair {
        /// The certificate.
        file: PathBuf,
        /// What rustls says.
        cause: rustls::Error,
    },
}

impl TlsSettings {
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let versions: &[_] = if self.allow_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let pair = |cause| TlsError::Pair { file: self.certificate_file.clone(), cause };
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).map_err(pair)?;
        let mut config = builder.with_no_client_auth().with_single_cert(self.chain()?, self.key()?).map_err(pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let unusable = |what: String| TlsError::File {
            file: self.certificate_file.clone(),
            what,
            remedy: "give a certificate chain in PEM",
        };
        let certificates = CertificateDer::pem_file_iter(&self.certificate_file);
        let chain = certificates.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|cause| unusable(cause.to_string()))?;
        if chain.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(chain) }
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(&self.key_file).map_err(|cause| TlsError::File {
            file: self.key_file.clone(),
            what: cause.to_string(),
            remedy: "give a private key in PEM",
        })
    }
}
