//! A server of the Workload API by other people's code, in a process of its own: `tests/interop/python/workload_api.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{JwkSet, Signer as _, SigningKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

use super::{Authority, World};

pub(crate) const X509_BUNDLES: &str = "FetchX509Bundles";
pub(crate) const JWT_BUNDLES: &str = "FetchJWTBundles";
pub(crate) const WIT_BUNDLES: &str = "FetchWITBundles";
pub(crate) const X509_SVID: &str = "FetchX509SVID";
/// The trust domain of a world.
pub(crate) const DEV: &str = "spiffe://dev.procura.test";

pub(crate) struct WorkloadApi {
    process: Child,
    pipe: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// Where it serves, as `workload_api` has it.
    pub(crate) address: String,
    _dir: tempfile::TempDir,
}

impl WorkloadApi {
    /// A server that has a socket to serve at, does not serve yet, and implements nothing.
    pub(crate) fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".venv/bin/python");
        assert!(python.exists(), "run tools/setup.sh first");
        let mut command = Command::new(python);
        command.arg(root.join("tests/interop/python/workload_api.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let pipe = Mutex::new((process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap())));
        let dir = tempfile::tempdir().unwrap();
        let address = format!("unix://{}", dir.path().join("agent.sock").display());
        Self { process, pipe, address, _dir: dir }
    }

    /// One that serves what vouches for `world`, whose bundle comes from there from now on.
    pub(crate) fn of(world: &World) -> Self {
        let api = Self::new();
        api.tell_world(world);
        api.serve();
        api.pushes_to(world);
        api
    }

    /// Makes the bundle of `world` come from here.
    pub(crate) fn pushes_to(&self, world: &World) {
        world.edit("bundle_file = \"trust/bundle.json\"", &format!("workload_api = \"{}\"", self.address));
    }

    /// Tells the authorities of `world`: for JWT-SVIDs and X.509-SVIDs.
    pub(crate) fn tell_world(&self, world: &World) {
        self.tell_jwt(&[(DEV, &[&world.key("authority/svid.jwk")])]);
        self.tell_x509(&[(DEV, &[&Authority::of(world)])]);
    }

    pub(crate) fn serve(&self) {
        self.order(&json!({ "serve": self.address }));
    }

    /// Serves over TCP instead, on any port.
    pub(crate) fn serve_tcp(&mut self) {
        let port = self.order(&json!({ "serve": "127.0.0.1:0" }));
        self.address = format!("tcp://127.0.0.1:{port}");
    }

    /// Breaks every stream and accepts no more.
    pub(crate) fn stop(&self) {
        self.order(&json!({ "stop": true }));
    }

    /// Ends the streams of `rpc` in order.
    pub(crate) fn end(&self, rpc: &str) {
        self.order(&json!({ "end": rpc }));
    }

    /// What `rpc` tells from now on.
    pub(crate) fn tell(&self, rpc: &str, mut what: Value) {
        what["tell"] = json!(rpc);
        self.order(&what);
    }

    pub(crate) fn tell_status(&self, rpc: &str, code: &str) {
        self.tell(rpc, json!({ "status": code }));
    }

    /// For each trust domain the keys of its JWT-SVIDs.
    pub(crate) fn tell_jwt(&self, bundles: &[(&str, &[&SigningKey])]) {
        self.tell_keys(JWT_BUNDLES, bundles);
    }

    /// For each trust domain the keys of its WITs.
    pub(crate) fn tell_wit(&self, bundles: &[(&str, &[&SigningKey])]) {
        self.tell_keys(WIT_BUNDLES, bundles);
    }

    fn tell_keys(&self, rpc: &str, bundles: &[(&str, &[&SigningKey])]) {
        let set = |keys: &[&SigningKey]| JwkSet { keys: keys.iter().map(|key| key.public_key().clone()).collect() };
        self.tell_bytes(rpc, bundles.iter().map(|(domain, keys)| (*domain, serde_json::to_vec(&set(keys)).unwrap())));
    }

    /// For each trust domain the authorities of its X.509-SVIDs.
    pub(crate) fn tell_x509(&self, bundles: &[(&str, &[&Authority])]) {
        let der = |authority: &&Authority| CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap().to_vec();
        self.tell_bytes(X509_BUNDLES, bundles.iter().map(|(domain, them)| (*domain, them.iter().flat_map(der).collect())));
    }

    /// For each trust domain the bytes of its bundle.
    pub(crate) fn tell_bytes<'a>(&self, rpc: &str, bundles: impl Iterator<Item = (&'a str, Vec<u8>)>) {
        let bundles: Map<String, Value> =
            bundles.map(|(domain, bytes)| (domain.to_owned(), STANDARD.encode(bytes).into())).collect();
        self.tell(rpc, json!({ "bundles": bundles }));
    }

    /// The identity of the workload that asks: the first certificate and the private key of `pem`.
    pub(crate) fn tell_identity(&self, id: &str, pem: &str) {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key.secret_der()));
        self.tell(X509_SVID, json!({ "svids": [{ "spiffe_id": id, "x509_svid": certificate, "x509_svid_key": key }] }));
    }

    /// How often `rpc` was called.
    pub(crate) fn calls(&self, rpc: &str) -> u64 {
        self.order(&json!({ "calls": rpc }))
    }

    fn order(&self, order: &Value) -> u64 {
        let mut pipe = self.pipe.lock().unwrap();
        let (stdin, stdout) = &mut *pipe;
        writeln!(stdin, "{order}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        answer.trim().parse().unwrap_or_else(|_| panic!("the server of the Workload API failed at {order}"))
    }
}

impl Drop for WorkloadApi {
    fn drop(&mut self) {
        // Nothing here may panic: the test may be panicking already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
