use std::net::SocketAddr;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;

struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Pair {
    fn new(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        Self { certificate: CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap(), key }
    }

    fn write(&self, dir: &Path) {
        std::fs::write(dir.join("chain.pem"), self.certificate.pem()).unwrap();
        std::fs::write(dir.join("key.pem"), self.key.serialize_pem()).unwrap();
    }
}

/// What a listener with these settings is, and where it accepts: it answers each connection with the thumbprint of its
/// client's certificate.
async fn listen(dir: &Path, client_certificate: bool, allow_tls12: bool) -> (Tls, SocketAddr) {
    let (certificate_file, key_file) = (dir.join("chain.pem"), dir.join("key.pem"));
    let identity = TlsIdentity::Files { certificate_file, key_file };
    let tls = Tls::new(TlsSettings { identity, allow_tls12, client_certificate }).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn({
        let tls = tls.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok((mut stream, certificate)) = tls.accept(stream).await else { continue };
                let seen = certificate.map_or_else(|| "none".to_owned(), |certificate| certificate.thumbprint().to_string());
                let _ = stream.write_all(seen.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (tls, address)
}

struct Client(TlsConnector);

/// How a handshake went, what the listener saw, and what it showed.
type Seen = (HandshakeKind, String, CertificateDer<'static>);

impl Client {
    fn new(own: Option<(&Pair, &KeyPair)>, version: &'static SupportedProtocolVersion) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[version]).unwrap();
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer));
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((pair, key)) => {
                let key = provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(key.serialize_der().into())).unwrap();
                let certified = CertifiedKey::new(vec![pair.certificate.der().clone()], key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)) as Arc<dyn ResolvesClientCert>)
            }
        };
        Self(TlsConnector::from(Arc::new(config)))
    }

    fn with(own: &Pair) -> Self {
        Self::new(Some((own, &own.key)), &TLS13)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Seen> {
        let stream = TcpStream::connect(address).await?;
        let mut stream = self.0.connect(ServerName::try_from("localhost").unwrap(), stream).await?;
        let mut seen = String::new();
        stream.read_to_string(&mut seen).await?;
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().unwrap()[0].clone().into_owned();
        Ok((connection.handshake_kind().unwrap(), seen, shown))
    }
}

/// Who listens does not matter here.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn thumbprint(pair: &Pair) -> String {
    procura_token::CertificateThumbprint::of(pair.certificate.der()).to_string()
}

fn scene() -> (tempfile::TempDir, Pair) {
    let (dir, server) = (tempfile::tempdir().unwrap(), Pair::new(&PKCS_ECDSA_P256_SHA256));
    server.write(dir.path());
    (dir, server)
}

/// MTLS-04.
#[tokio::test]
async fn a_client_without_certificate_gets_no_connection() {
    let (dir, _) = scene();
    for (version, allow_tls12) in [(&TLS13, false), (&TLS12, true)] {
        let (_, address) = listen(dir.path(), true, allow_tls12).await;
        let error = Client::new(None, version).connect(address).await.unwrap_err().to_string();
        assert!(error.contains("CertificateRequired") || error.contains("HandshakeFailure"), "{error}");
    }
}

#[tokio::test]
async fn whoever_holds_the_key_of_a_certificate_is_seen_with_it_whoever_signed_it() {
    let (dir, _) = scene();
    let (_, address) = listen(dir.path(), true, false).await;
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let own = Pair::new(algorithm);
        assert_eq!(Client::with(&own).connect(address).await.unwrap().1, thumbprint(&own));
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_gives_no_connection() {
    let (dir, _) = scene();
    let (own, other) = (Pair::new(&PKCS_ECDSA_P256_SHA256), Pair::new(&PKCS_ECDSA_P256_SHA256));
    for (version, allow_tls12) in [(&TLS13, false), (&TLS12, true)] {
        let (_, address) = listen(dir.path(), true, allow_tls12).await;
        let error = Client::new(Some((&own, &other.key)), version).connect(address).await.unwrap_err().to_string();
        assert!(error.contains("DecryptError") || error.contains("BadCertificate"), "{error}");
    }
}

#[tokio::test]
async fn a_resumed_session_has_the_certificate_of_the_first() {
    let (dir, _) = scene();
    let own = Pair::new(&PKCS_ECDSA_P256_SHA256);
    for (version, allow_tls12) in [(&TLS13, false), (&TLS12, true)] {
        let (_, address) = listen(dir.path(), true, allow_tls12).await;
        let client = Client::new(Some((&own, &own.key)), version);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let (kind, seen, _) = client.connect(address).await.unwrap();
            assert_eq!((kind, seen), (expected, thumbprint(&own)), "{version:?}");
        }
    }
}

#[tokio::test]
async fn tls_12_is_refused_where_certificates_are_required_unless_allowed() {
    let (dir, _) = scene();
    let own = Pair::new(&PKCS_ECDSA_P256_SHA256);
    let old = Client::new(Some((&own, &own.key)), &TLS12);
    let (_, address) = listen(dir.path(), true, false).await;
    assert!(old.connect(address).await.is_err());
    let (_, address) = listen(dir.path(), true, true).await;
    assert_eq!(old.connect(address).await.unwrap().1, thumbprint(&own));
}

#[tokio::test]
async fn where_no_certificate_is_required_none_is_asked_for() {
    let (dir, _) = scene();
    let (_, address) = listen(dir.path(), false, false).await;
    let own = Pair::new(&PKCS_ECDSA_P256_SHA256);
    assert_eq!(Client::with(&own).connect(address).await.unwrap().1, "none");
}

/// MTLS-17.
#[tokio::test]
async fn a_new_certificate_is_shown_after_a_reload_and_a_broken_one_is_not() {
    let (dir, first) = scene();
    let (tls, address) = listen(dir.path(), true, false).await;
    let own = Pair::new(&PKCS_ECDSA_P256_SHA256);
    // A session that is resumed shows no certificate: each time another client.
    let shown = async || Client::with(&own).connect(address).await.unwrap().2;
    assert_eq!(shown().await, *first.certificate.der());
    let second = Pair::new(&PKCS_ECDSA_P384_SHA384);
    second.write(dir.path());
    assert_eq!(shown().await, *first.certificate.der());
    tls.certificate().reload();
    assert_eq!(shown().await, *second.certificate.der());
    for broken in ["", "no key", first.key.serialize_pem().as_str()] {
        std::fs::write(dir.path().join("key.pem"), broken).unwrap();
        tls.certificate().reload();
        assert_eq!(shown().await, *second.certificate.der());
    }
}
