//! The exchange inside one process, and its parts: `cargo bench -p procura --bench exchange`.
//!
//! Exchanges run on one thread, with the audit log's thread beside it; what HTTP and TLS cost is for `load` to show. Of
//! exchanges and floors the time is processor time, of all threads.

#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise has failed")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use procura::app::App;
use procura::clock::SystemClock;
use procura::config::Config;
use procura::exchange::{CLIENT_ASSERTION_TYPE, GRANT_TYPE, Incoming};
use procura::policy::{Action, Credential, Delegate, Hop, Request, User};
use procura_token::{
    Algorithm, CertificateDer, Htu, NewDpopProof, PeerCertificate, Signer as _, SigningKey, TokenId, VerifyingKey, random_bytes,
};
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// As in the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Connections: as many exchanges are under way at once, and made durable together.
const AT_ONCE: usize = 64;

/// The development world, with its memory store and its audit log in a file, and one agent's credentials.
struct World {
    runtime: Runtime,
    app: Arc<App>,
    key: SigningKey,
    uri: Htu,
    svid: String,
    certificate: PeerCertificate,
    user: String,
}

/// How the caller proves its key.
#[derive(Clone, Copy)]
enum Proving {
    Dpop,
    MutualTls,
}

impl World {
    fn new(directory: &Path) -> Self {
        // Asking for a credential makes the world if there is none.
        let print = |arguments: &[&str]| {
            let mut procura = Command::new(env!("CARGO_BIN_EXE_procura"));
            let output = procura.arg("dev").args(arguments).arg("--dir").arg(directory).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (svid, user) =
            (print(&["svid", "--kind", "jwt", "--id", "/agent/planner"]), print(&["user-token", "--sub", "alice"]));
        let pem = print(&["svid", "--kind", "x509", "--id", "/agent/planner"]);
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
        let certificate = PeerCertificate::new(chain).unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = Config::load(&directory.join("config.toml")).unwrap();
        let app = Arc::new(runtime.block_on(App::start(&config, Arc::new(SystemClock))).unwrap());
        let uri = app.exchange().settings.token_endpoints[0].clone();
        Self { runtime, app, key: SigningKey::generate(Algorithm::Es256).unwrap(), uri, svid, certificate, user }
    }

    fn form(&self, proving: Proving) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match proving {
            Proving::Dpop => {
                form.append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE).append_pair("client_assertion", &self.svid)
            }
            Proving::MutualTls => form.append_pair("client_id", "spiffe://dev.procura.test/agent/planner"),
        };
        form.append_pair("grant_type", GRANT_TYPE)
            .append_pair("subject_token", &self.user)
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
            .append_pair("resource", "http://127.0.0.1:8090/calendar")
            .append_pair("scope", "calendar.read calendar.write")
            .finish()
    }

    fn proof(&self) -> String {
        let (now, jti) = (self.app.now(), TokenId::from_random(random_bytes()));
        let nonce = self.app.exchange().nonce(now);
        let proof = NewDpopProof { jti, htm: "POST", htu: &self.uri, iat: now.whole_secs(), ath: None, nonce: Some(&nonce) };
        proof.sign(&self.key).unwrap()
    }
}

fn exchange(c: &mut Criterion, world: &World, proving: Proving, name: &str) {
    let form: Arc<str> = world.form(proving).into();
    let certificate = matches!(proving, Proving::MutualTls).then(|| Arc::new(world.certificate.clone()));
    let headers = || match proving {
        Proving::Dpop => HeaderMap::from_iter([(HeaderName::from_static("dpop"), HeaderValue::try_from(world.proof()).unwrap())]),
        Proving::MutualTls => HeaderMap::new(),
    };
    // What one connection does: an exchange for each of `all`, one after the other.
    let kept = |all: Vec<HeaderMap>| {
        let (app, form, certificate) = (Arc::clone(&world.app), Arc::clone(&form), certificate.clone());
        async move {
            for headers in all {
                let incoming = Incoming {
                    form: form.as_bytes(),
                    method: "POST",
                    target: "/token",
                    headers: &headers,
                    certificate: Ok(certificate.as_deref()),
                    source: SOURCE,
                };
                black_box(app.exchange().exchange(incoming, app.now()).await.outcome.unwrap());
            }
        }
    };
    let mut group = c.benchmark_group("exchange");
    group.throughput(Throughput::Elements(AT_ONCE as u64));
    group.bench_function(name, |b| {
        b.iter_custom(|rounds| {
            let connections: Vec<Vec<_>> = (0..AT_ONCE).map(|_| (0..rounds).map(|_| headers()).collect()).collect();
            let before = processor_time();
            world.runtime.block_on(async { connections.into_iter().map(kept).collect::<JoinSet<_>>().join_all().await });
            processor_time().saturating_sub(before)
        });
    });
    group.finish();
}

/// What no exchange can do without.
fn floor(c: &mut Criterion, world: &World) {
    let (message, key) = ([7; 780], VerifyingKey::new(world.key.public_key()).unwrap());
    let signature = world.key.sign(&message).unwrap();
    let sign = || black_box(world.key.sign(black_box(&message)).unwrap());
    let verify = || key.verify(Algorithm::Es256, black_box(&message), &signature).unwrap();
    c.bench_function("floor/es256 sign", |b| b.iter_custom(|rounds| spent(rounds, || drop(sign()))));
    c.bench_function("floor/es256 verify and sign", |b| {
        b.iter_custom(|rounds| {
            spent(rounds, || {
                verify();
                sign();
            })
        });
    });
}

/// The processor time of `rounds` times `work`.
fn spent(rounds: u64, work: impl Fn()) -> Duration {
    let before = processor_time();
    (0..rounds).for_each(|_| work());
    processor_time().saturating_sub(before)
}

/// Processor time of all threads of this process, from `/proc`. What a thread that has ended used is not in it.
fn processor_time() -> Duration {
    // Until a thread is put aside, what it has used is some milliseconds old.
    std::thread::yield_now();
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = threads.map(|thread| {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

fn policy(c: &mut Criterion, world: &World) {
    let policy = &world.app.exchange().policy;
    let target = policy.targets().iter().find(|target| target.name.as_deref() == Some("calendar")).unwrap();
    let workload = "spiffe://dev.procura.test/agent/planner".parse().unwrap();
    let (scopes, groups) = ("calendar.read calendar.write".parse().unwrap(), ["staff".to_owned()]);
    let decide = |subject: &str| {
        let user = User { issuer: "dev", subject, groups: &groups, acr: None, amr: &[], auth_age: None };
        policy.decide(&Request {
            workload: &workload,
            credential: Credential::JwtSvid,
            platform: None,
            action: Action::Delegate(Delegate {
                target,
                scopes: &scopes,
                user,
                chain: None,
                hop: Hop::Begin,
                parent: None,
                posture: None,
                approval: None,
            }),
            time: world.app.now(),
            source_ip: Some(SOURCE),
            country: None,
            ttl: None,
        })
    };
    c.bench_function("policy/two scopes, asked before", |b| b.iter(|| decide(black_box("alice"))));
    let mut number = 0;
    c.bench_function("policy/two scopes, a new user", |b| {
        b.iter(|| {
            number += 1;
            decide(&format!("user{number}"))
        });
    });
}

fn nonce(c: &mut Criterion, world: &World) {
    let (nonces, now) = (&world.app.exchange().nonces, world.app.now());
    let nonce = nonces.give(now, 0);
    c.bench_function("nonce/give", |b| b.iter(|| nonces.give(now, 0)));
    c.bench_function("nonce/recognise", |b| b.iter(|| nonces.recognise(black_box(&nonce), now, 0)));
}

/// Credentials that were seen before.
fn known(c: &mut Criterion, world: &World) {
    let (trust, now, runtime) = (&world.app.exchange().trust, world.app.now(), &world.runtime);
    let caller = &"spiffe://dev.procura.test/agent/planner".parse().unwrap();
    c.bench_function("known/jwt_svid", |b| {
        b.iter(|| runtime.block_on(trust.verify_jwt_svid(black_box(&world.svid), now)).unwrap().0);
    });
    c.bench_function("known/id_token", |b| {
        b.iter(|| runtime.block_on(trust.verify_id_token(black_box(&world.user), caller, now)).unwrap().0);
    });
}

fn all(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(directory.path());
    policy(c, &world);
    nonce(c, &world);
    known(c, &world);
    floor(c, &world);
    exchange(c, &world, Proving::Dpop, "64 at once, a DPoP proof each");
    exchange(c, &world, Proving::MutualTls, "64 at once, over mutual TLS");
}

criterion_group!(benches, all);
criterion_main!(benches);
