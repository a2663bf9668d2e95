//! The clients: many connections, one thread, as little work as HTTP/1.1 allows.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use procura_token::{Algorithm, Htu, NewDpopProof, SigningKey, TokenId, UnixTime, random_bytes};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::process::Server;

/// Elapsed time. Nothing is decided by it.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a measurement asks how long something took")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "a client's own clock dates its proofs")]
pub(crate) fn now() -> UnixTime {
    UnixTime::new(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

/// How the clients prove their keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proving {
    /// A JWT-SVID, and a DPoP proof for each request.
    Dpop,
    /// An X.509-SVID: the connection is the proof.
    MutualTls,
}

/// Requests that differ in their proofs alone.
pub(crate) struct Requests {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    body: String,
    proofs: Vec<Option<String>>,
}

impl Requests {
    /// Fetches credentials and, for DPoP, a nonce, and signs `count` proofs with one key. They are fresh for a minute.
    pub(crate) fn sign(proving: Proving, server: &Server, directory: &Path, scope: &str, count: usize) -> Self {
        let print = |arguments: &[&str]| {
            let mut command = Command::new(server.program);
            let output = command.arg("dev").args(arguments).arg("--dir").arg(directory).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let svid = |kind: &str| print(&["svid", "--kind", kind, "--id", "/agent/planner"]);
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("subject_token", &print(&["user-token", "--sub", "alice"]))
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
            .append_pair("resource", "http://127.0.0.1:8090/calendar")
            .append_pair("scope", scope);
        if proving == Proving::MutualTls {
            let body = body.append_pair("client_id", "spiffe://dev.procura.test/agent/planner").finish();
            let tls = Some(connector(&svid("x509"), directory));
            return Self { address: server.mtls, tls, body, proofs: vec![None; count] };
        }
        let body = body
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe")
            .append_pair("client_assertion", &svid("jwt"))
            .finish();
        let (address, key) = (server.address, SigningKey::generate(Algorithm::Es256).unwrap());
        let uri: Htu = format!("http://{address}/token").parse().unwrap();
        let proof = |nonce: Option<&str>| {
            let jti = TokenId::from_random(random_bytes());
            Some(NewDpopProof { jti, htm: "POST", htu: &uri, iat: now().whole_secs(), ath: None, nonce }.sign(&key).unwrap())
        };
        let asking = Self { address, tls: None, body, proofs: vec![proof(None)] };
        let answer = block_on(async { Connection::open(&asking).await.send(&asking.text(0)).await.to_owned() });
        let (_, nonce) = answer.split_once("dpop-nonce: ").expect("an answer without a proof's nonce gives one");
        let nonce = nonce.split("\r\n").next();
        Self { proofs: (0..count).map(|_| proof(nonce)).collect(), ..asking }
    }

    /// The first `count`, and the rest.
    pub(crate) fn split_at(mut self, count: usize) -> (Self, Self) {
        let proofs = self.proofs.split_off(count);
        let rest = Self { address: self.address, tls: self.tls.clone(), body: self.body.clone(), proofs };
        (self, rest)
    }

    fn text(&self, number: usize) -> String {
        let (address, body) = (self.address, &self.body);
        let proof = self.proofs[number].as_ref().map_or_else(String::new, |proof| format!("dpop: {proof}\r\n"));
        format!(
            "POST /token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n{proof}\r\n{body}",
            body.len()
        )
    }
}

/// What the clients saw.
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    pub(crate) refused: usize,
    latencies: Vec<Duration>,
}

impl Load {
    pub(crate) fn percentile(&self, part: f64) -> Duration {
        self.latencies.get((self.latencies.len() as f64 * part) as usize).copied().unwrap_or_default()
    }
}

/// Sends all `requests`, each connection the next one as soon as it has its answer.
pub(crate) fn run(requests: Requests, connections: usize) -> Load {
    let shared = Arc::new((requests, AtomicUsize::new(0), AtomicUsize::new(0)));
    let clock = Stopwatch::start();
    let mut latencies: Vec<Duration> = block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let shared = Arc::clone(&shared);
            clients.spawn(async move { work(&shared.0, &shared.1, &shared.2).await });
        }
        clients.join_all().await.into_iter().flatten().collect()
    });
    let elapsed = clock.elapsed();
    latencies.sort_unstable();
    Load { elapsed, refused: shared.2.load(Ordering::Relaxed), latencies }
}

/// One connection's share.
async fn work(requests: &Requests, next: &AtomicUsize, refused: &AtomicUsize) -> Vec<Duration> {
    let mut connection = Connection::open(requests).await;
    let mut latencies = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= requests.proofs.len() {
            return latencies;
        }
        let text = requests.text(number);
        let sent = Stopwatch::start();
        if !connection.send(&text).await.starts_with("HTTP/1.1 200 ") {
            refused.fetch_add(1, Ordering::Relaxed);
        }
        latencies.push(sent.elapsed());
    }
}

/// A keep-alive connection.
struct Connection {
    stream: Box<dyn Stream>,
    answer: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connection {
    async fn open(requests: &Requests) -> Self {
        let stream = TcpStream::connect(requests.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream: Box<dyn Stream> = match &requests.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.connect(requests.address.ip().into(), stream).await.unwrap()),
        };
        Self { stream, answer: Vec::new() }
    }

    /// Sends one request and returns head and body of its answer.
    async fn send(&mut self, request: &str) -> &str {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
        self.answer.clear();
        while length(&self.answer).is_none_or(|length| self.answer.len() < length) {
            assert_ne!(self.stream.read_buf(&mut self.answer).await.unwrap(), 0, "the server closed the connection");
        }
        std::str::from_utf8(&self.answer).unwrap()
    }
}

/// TLS with the certificate and key in `pem`, to a server that the authority in `directory` vouches for.
fn connector(pem: &str, directory: &Path) -> TlsConnector {
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(directory.join("authority/ca.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap()))
}

/// The bytes of an answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).unwrap();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let (_, rest) = head.split_once("content-length: ")?;
    let body: usize = rest.split("\r\n").next()?.parse().unwrap();
    Some(head.len() + 4 + body)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
