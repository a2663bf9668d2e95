//! The clients: many connections, one thread, as little work as HTTP allows.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use procura_token::{Algorithm, Htu, NewDpopProof, SigningKey, TokenId, UnixTime, random_bytes};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
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

/// What the server does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// The whole exchange.
    Exchange,
    /// It is received and refused, for its body is called something else than a form: what HTTP costs by itself.
    Receive,
}

impl Work {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Exchange => "application/x-www-form-urlencoded",
            Self::Receive => "application/octet-stream",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Exchange => StatusCode::OK,
            Self::Receive => StatusCode::BAD_REQUEST,
        }
    }
}

/// How requests travel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// One request at a time on each connection.
    Http1,
    /// So many at once on each connection.
    Http2(NonZeroUsize),
}

/// Requests that differ in their proofs alone.
pub(crate) struct Requests {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    body: Bytes,
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
            return Self { address: server.mtls, tls, body: body.into(), proofs: vec![None; count] };
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
        let asking = Self { address, tls: None, body: body.into(), proofs: vec![proof(None)] };
        let ask = async { Kept::open(&asking).await.send(&asking.text(0, Work::Exchange)).await.to_owned() };
        let answer = runtime().block_on(ask);
        let (_, nonce) = answer.split_once("dpop-nonce: ").expect("an answer without a proof's nonce gives one");
        let nonce = nonce.split("\r\n").next();
        Self { proofs: (0..count).map(|_| proof(nonce)).collect(), ..asking }
    }

    async fn connect(&self, protocol: Protocol) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let Some(tls) = &self.tls else { return Box::new(stream) };
        let offered: &[u8] = if protocol == Protocol::Http1 { b"http/1.1" } else { b"h2" };
        let tls = tls.with_alpn(vec![offered.to_vec()]);
        Box::new(tls.connect(self.address.ip().into(), stream).await.unwrap())
    }

    /// One request in HTTP/1.1.
    fn text(&self, number: usize, work: Work) -> Vec<u8> {
        let (address, body, content_type) = (self.address, &self.body, work.content_type());
        let proof = self.proofs[number].as_ref().map_or_else(String::new, |proof| format!("dpop: {proof}\r\n"));
        let head = format!(
            "POST /token HTTP/1.1\r\nhost: {address}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n{proof}\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    /// One request for HTTP/2.
    fn request(&self, number: usize, work: Work) -> Request<Full<Bytes>> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let request = Request::post(format!("{scheme}://{}/token", self.address));
        let mut request = request.header(CONTENT_TYPE, work.content_type());
        if let Some(proof) = &self.proofs[number] {
            request = request.header("dpop", proof);
        }
        request.body(Full::new(self.body.clone())).unwrap()
    }
}

/// What the clients saw.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    pub(crate) unexpected: usize,
    latencies: Vec<Duration>,
}

impl Load {
    pub(crate) fn add(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.unexpected += other.unexpected;
        self.latencies.extend(other.latencies);
    }

    pub(crate) fn percentile(&mut self, part: f64) -> Duration {
        self.latencies.sort_unstable();
        self.latencies.get((self.latencies.len() as f64 * part) as usize).copied().unwrap_or_default()
    }
}

/// Clients that are connected, and what they send.
pub(crate) struct Clients {
    runtime: Runtime,
    requests: Arc<Requests>,
    connections: Vec<Connection>,
}

impl Clients {
    /// As many as there are to be requests at once.
    pub(crate) fn connect(requests: Requests, protocol: Protocol, at_once: usize) -> Self {
        let runtime = runtime();
        let connections = runtime.block_on(async {
            let mut connections = Vec::new();
            while connections.len() < at_once {
                match protocol {
                    Protocol::Http1 => connections.push(Connection::Kept(Kept::open(&requests).await)),
                    Protocol::Http2(streams) => {
                        let stream = TokioIo::new(requests.connect(protocol).await);
                        let (sender, connection) =
                            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                        tokio::spawn(connection);
                        let streams = streams.get().min(at_once - connections.len());
                        connections.extend((0..streams).map(|_| Connection::Shared(sender.clone())));
                    }
                }
            }
            connections
        });
        Self { runtime, requests: Arc::new(requests), connections }
    }

    /// Sends those of the requests, each client the next one as soon as it has its answer.
    pub(crate) fn send(&mut self, numbers: Range<usize>, work: Work) -> Load {
        let next = Arc::new(AtomicUsize::new(numbers.start));
        let clock = Stopwatch::start();
        let shares = self.runtime.block_on(async {
            let mut clients = JoinSet::new();
            for connection in self.connections.drain(..) {
                clients.spawn(connection.share(Arc::clone(&self.requests), Arc::clone(&next), numbers.end, work));
            }
            clients.join_all().await
        });
        let mut load = Load { elapsed: clock.elapsed(), ..Load::default() };
        for (connection, share) in shares {
            self.connections.push(connection);
            load.add(share);
        }
        load
    }
}

/// What a client sends on.
enum Connection {
    Kept(Kept),
    Shared(SendRequest<Full<Bytes>>),
}

impl Connection {
    /// One client's share.
    async fn share(mut self, requests: Arc<Requests>, next: Arc<AtomicUsize>, end: usize, work: Work) -> (Self, Load) {
        let mut load = Load::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return (self, load);
            }
            let (sent, is_good) = self.send(&requests, number, work).await;
            load.latencies.push(sent.elapsed());
            load.unexpected += usize::from(!is_good);
        }
    }

    /// When the request was sent, and whether its answer, which is here, was the expected one.
    async fn send(&mut self, requests: &Requests, number: usize, work: Work) -> (Stopwatch, bool) {
        match self {
            Self::Kept(connection) => {
                let text = requests.text(number, work);
                let sent = Stopwatch::start();
                (sent, connection.send(&text).await.get(9..12) == Some(work.status().as_str()))
            }
            Self::Shared(sender) => {
                let request = requests.request(number, work);
                let sent = Stopwatch::start();
                let answer = sender.send_request(request).await.unwrap();
                let is_good = answer.status() == work.status();
                answer.into_body().collect().await.unwrap();
                (sent, is_good)
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A keep-alive connection of HTTP/1.1.
struct Kept {
    stream: Box<dyn Stream>,
    answer: Vec<u8>,
}

impl Kept {
    async fn open(requests: &Requests) -> Self {
        Self { stream: requests.connect(Protocol::Http1).await, answer: Vec::new() }
    }

    /// Sends one request and returns head and body of its answer.
    async fn send(&mut self, request: &[u8]) -> &str {
        self.stream.write_all(request).await.unwrap();
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

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
