//! TLS for the listeners: rustls over aws-lc-rs, TLS 1.3 unless more is allowed.

mod certificate;
mod possession;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use procura_token::PeerCertificate;
use rustls::ServerConfig;
use rustls::server::{NoClientAuth, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use certificate::ServerCertificate;

use crate::app::IdentityWatch;
use possession::ProofOfPossession;

/// Sessions that can be resumed. One with a client certificate takes about 2 KiB.
const MAX_SESSIONS: usize = 4096;

/// Certificate and key.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Where both come from.
    pub identity: TlsIdentity,
    /// Whether TLS 1.2 is spoken too.
    pub allow_tls12: bool,
    /// Whether a client must prove that it holds the key of a certificate. Which one is not judged here.
    pub client_certificate: bool,
}

/// Where certificate and key come from.
#[derive(Clone, Debug)]
pub enum TlsIdentity {
    /// From files, read again when told to.
    Files {
        /// The chain in PEM, leaf first.
        certificate_file: PathBuf,
        /// The private key in PEM.
        key_file: PathBuf,
    },
    /// From the Workload API: always the newest. While there is none, handshakes fail.
    WorkloadApi(IdentityWatch),
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
    /// rustls cannot do what was asked.
    #[error("TLS: {0}")]
    Setup(rustls::Error),
}

/// What makes connections out of sockets.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<ServerCertificate>,
}

impl Tls {
    pub(super) fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        let versions: &[_] = if settings.allow_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
        let builder = builder.map_err(TlsError::Setup)?;
        let builder = match settings.client_certificate {
            true => builder.with_client_cert_verifier(Arc::new(ProofOfPossession::new(&provider))),
            false => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
        };
        let with_client = settings.client_certificate;
        let certificate = Arc::new(ServerCertificate::open(settings.identity, provider)?);
        let mut config = builder.with_cert_resolver(Arc::<ServerCertificate>::clone(&certificate));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(MAX_SESSIONS);
        // Without it a TLS 1.2 session, and the client certificate with it, is not bound to its handshake (RFC 7627).
        config.require_ems = with_client;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// The certificate shown from now on.
    pub(super) const fn certificate(&self) -> &Arc<ServerCertificate> {
        &self.certificate
    }

    /// Shakes hands. A resumed session has the client certificate of the one it resumes.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Option<Arc<PeerCertificate>>)> {
        let stream = self.acceptor.accept(stream).await?;
        let Some(chain) = stream.get_ref().1.peer_certificates() else { return Ok((stream, None)) };
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let certificate = PeerCertificate::new(chain).map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        Ok((stream, Some(Arc::new(certificate))))
    }
}

#[cfg(test)]
mod tests;
