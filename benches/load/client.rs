//! The clients: many connections, one thread, as little work as HTTP/1.1 allows.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use procura_token::{Algorithm, Htu, NewDpopProof, SigningKey, TokenId, UnixTime, random_bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

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

/// Requests that differ in their proofs alone.
pub(crate) struct Requests {
    address: SocketAddr,
    body: String,
    proofs: Vec<String>,
}

impl Requests {
    /// Fetches credentials and a nonce, and signs `count` proofs with one key. They are fresh for a minute.
    pub(crate) fn sign(server: &Server, directory: &Path, scope: &str, count: usize) -> Self {
        let print = |arguments: &[&str]| {
            let mut command = Command::new(server.program);
            let output = command.arg("dev").args(arguments).arg("--dir").arg(directory).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (svid, user) =
            (print(&["svid", "--kind", "jwt", "--id", "/agent/planner"]), print(&["user-token", "--sub", "alice"]));
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe")
            .append_pair("client_assertion", &svid)
            .append_pair("subject_token", &user)
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
            .append_pair("resource", "http://127.0.0.1:8090/calendar")
            .append_pair("scope", scope)
            .finish();
        let (address, key) = (server.address, SigningKey::generate(Algorithm::Es256).unwrap());
        let uri: Htu = format!("http://{address}/token").parse().unwrap();
        let proof = |nonce: Option<&str>| {
            let jti = TokenId::from_random(random_bytes());
            NewDpopProof { jti, htm: "POST", htu: &uri, iat: now().whole_secs(), ath: None, nonce }.sign(&key).unwrap()
        };
        let asking = Self { address, body, proofs: vec![proof(None)] };
        let answer = block_on(async { Connection::open(address).await.send(&asking.text(0)).await.to_owned() });
        let (_, nonce) = answer.split_once("dpop-nonce: ").expect("an answer without a proof's nonce gives one");
        let nonce = nonce.split("\r\n").next();
        Self { proofs: (0..count).map(|_| proof(nonce)).collect(), ..asking }
    }

    /// The first `count`, and the rest.
    pub(crate) fn split_at(mut self, count: usize) -> (Self, Self) {
        let proofs = self.proofs.split_off(count);
        let rest = Self { address: self.address, body: self.body.clone(), proofs };
        (self, rest)
    }

    fn text(&self, number: usize) -> String {
        let (address, body, proof) = (self.address, &self.body, &self.proofs[number]);
        format!(
            "POST /token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\ndpop: {proof}\r\n\r\n{body}",
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
    let mut connection = Connection::open(requests.address).await;
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
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, answer: Vec::new() }
    }

    /// Sends one request and returns head and body of its answer.
    async fn send(&mut self, request: &str) -> &str {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.answer.clear();
        while length(&self.answer).is_none_or(|length| self.answer.len() < length) {
            assert_ne!(self.stream.read_buf(&mut self.answer).await.unwrap(), 0, "the server closed the connection");
        }
        std::str::from_utf8(&self.answer).unwrap()
    }
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
