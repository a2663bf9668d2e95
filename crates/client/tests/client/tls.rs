//! Servers with certificates, and the authorities of both worlds: the web's, and a trust domain's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use procura_client::CertificateThumbprint;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::server::{Peer, Server};

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) thumbprint: CertificateThumbprint,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// As a SPIFFE bundle.
    pub(crate) fn bundle(&self) -> String {
        use base64::Engine as _;
        let x5c = base64::engine::general_purpose::STANDARD.encode(self.certificate.der());
        let key = procura_token::SigningKey::generate(procura_token::Algorithm::Es256).unwrap();
        let mut jwk = serde_json::to_value(procura_token::Signer::public_key(&key)).unwrap();
        (jwk["use"], jwk["x5c"]) = ("x509-svid".into(), vec![x5c].into());
        serde_json::json!({ "keys": [jwk] }).to_string()
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_until(names, None)
    }

    /// `names` with `://` are URIs, of digits and dots addresses, the rest DNS names.
    pub(crate) fn issue_until(&self, names: &[&str], year: Option<i32>) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        let san = |name: &&str| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains("://") => SanType::URI((*name).try_into().unwrap()),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        };
        parameters.subject_alt_names = names.iter().map(san).collect();
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(year) = year {
            parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let thumbprint = CertificateThumbprint::of(certificate.der());
        Issued { certificate: certificate.pem(), key: key.serialize_pem(), thumbprint }
    }
}

/// Starts a server at `https://<host>:<port>`; with `clients`, it demands a certificate of theirs.
pub(crate) async fn start(host: &str, own: &Issued, clients: Option<&Ca>) -> Server {
    let (listener, acceptor, address) = listen(own, clients).await;
    let server = Server::at(format!("https://{host}:{}", address.port()));
    serve(listener, acceptor, &server);
    server
}

/// Lets `server` be reached over mutual TLS too; says where.
pub(crate) async fn also_at(host: &str, server: &Server, own: &Issued, clients: &Ca) -> String {
    let (listener, acceptor, address) = listen(own, Some(clients)).await;
    serve(listener, acceptor, server);
    format!("https://{host}:{}", address.port())
}

async fn listen(own: &Issued, clients: Option<&Ca>) -> (TcpListener, TlsAcceptor, SocketAddr) {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, acceptor, address)
}

fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: &Server) {
    let service = server.router().into_make_service_with_connect_info::<Peer>();
    tokio::spawn(axum::serve(TlsListener { listener, acceptor }, service).into_future());
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let Ok(stream) = self.acceptor.accept(stream).await else { continue };
            let chain = stream.get_ref().1.peer_certificates();
            assert!(chain.is_none_or(|chain| chain.len() == 1), "the authorities here sign leaves themselves");
            let peer = Peer(chain.and_then(|chain| chain.first()).map(|leaf| CertificateThumbprint::of(leaf)));
            return (stream, peer);
        }
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Ok(Peer(None))
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        *stream.remote_addr()
    }
}
