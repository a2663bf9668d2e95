//! Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use procura::clock::{Clock as _, SystemClock};
use procura::store::{
    Claim, ClaimStore, DelegationClaim, DelegationRecord, NewDelegation, OneTimeUse, RedisSettings, RedisStore, RedisTls,
    RedisTopology, UseKind, delegation_id,
};
use procura_token::{UnixTime, base64url, sha256};

use crate::line;
use crate::meter::{Stopwatch, Times, cpu};
use crate::redis::RedisServer;

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `SET … NX PX`, and `SET … NX GET PX`, in a pipeline, under long names: what came before scripts.
    Pipeline,
    Script,
}

pub(crate) fn measure(entries: usize, concurrency: usize, hz: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("redis, claims at {concurrency} at once");
        for delegations in [false, true] {
            for way in [Way::Pipeline, Way::Script] {
                speed(entries / 5, concurrency, way, delegations).await;
            }
        }
        for hz in hz {
            ending(entries, concurrency, hz).await;
        }
    });
    println!();
}

fn server(hz: &str) -> RedisServer {
    RedisServer::start(&["--hz", hz])
}

async fn connect(server: &RedisServer) -> Arc<RedisStore> {
    let settings = RedisSettings {
        topology: RedisTopology::Single { url: server.url() },
        password: None,
        tls: RedisTls::default(),
        prefix: "bench".into(),
        timeout: Duration::from_secs(20),
        began: UnixTime::from_secs(0),
    };
    Arc::new(RedisStore::connect(&settings, || SystemClock.now()).await.unwrap())
}

fn claim(n: usize, epoch: u64, until: UnixTime, delegation: bool) -> Claim {
    let used = OneTimeUse { kind: UseKind::DpopProof, key: sha256(&n.to_le_bytes()), since: None, until };
    let delegation = delegation.then(|| {
        let key = sha256(b"delegation");
        let proposed = DelegationRecord {
            id: delegation_id(&key),
            until,
            began: until,
            subject: "corp:0123456789".parse().unwrap(),
            agent: "spiffe://prod.example/agent/planner".parse().unwrap(),
            target: "https://api.example/calendar".parse().unwrap(),
            revoked: None,
        };
        DelegationClaim::Begin(NewDelegation { key, proposed, keep_until: until })
    });
    Claim { epoch, uses: vec![used], delegation, ..Claim::default() }
}

/// Runs `one` for each number below `count`, so many at once.
async fn each<F: Future<Output = ()> + Send>(count: usize, concurrency: usize, one: impl Fn(usize) -> F + Send + Sync + 'static) {
    let (next, one) = (Arc::new(AtomicUsize::new(0)), Arc::new(one));
    let workers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (next, one) = (Arc::clone(&next), Arc::clone(&one));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    one(n).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

async fn speed(count: usize, concurrency: usize, way: Way, delegations: bool) {
    let server = server("100");
    let until = SystemClock.now() + Duration::from_secs(300);
    let (before, clock, here);
    match way {
        Way::Script => {
            let store = connect(&server).await;
            let epoch = store.epoch().id;
            (before, clock, here) = (server_cpu(&server), Stopwatch::start(), cpu());
            each(count, concurrency, move |n| {
                let store = Arc::clone(&store);
                async move { drop(store.claim(&claim(n, epoch, until, delegations), SystemClock.now()).await.unwrap()) }
            })
            .await;
        }
        Way::Pipeline => {
            let client = ::redis::Client::open(server.url()).unwrap();
            let connection = client.get_multiplexed_async_connection().await.unwrap();
            (before, clock, here) = (server_cpu(&server), Stopwatch::start(), cpu());
            each(count, concurrency, move |n| {
                let mut connection = connection.clone();
                async move {
                    let claim = claim(n, 0, until, delegations);
                    let ttl = until.since(SystemClock.now()).as_millis() as u64;
                    let mut pipeline = ::redis::pipe();
                    let key = |kind: &str, key: &[u8; 32]| format!("procura:AbCdEfGhIjKl:{kind}:{}", base64url::encode(key));
                    for used in &claim.uses {
                        pipeline.cmd("SET").arg(key("dpop", &used.key)).arg(1).arg("NX").arg("PX").arg(ttl);
                    }
                    if let Some(DelegationClaim::Begin(new)) = &claim.delegation {
                        let record = format!("{} {}", new.proposed.until, new.proposed.id);
                        pipeline.cmd("SET").arg(key("delegation", &new.key)).arg(record);
                        pipeline.arg("NX").arg("GET").arg("PX").arg(ttl);
                    }
                    let answer = pipeline.query_async::<Vec<::redis::Value>>(&mut connection);
                    tokio::time::timeout(Duration::from_secs(20), answer).await.unwrap().unwrap();
                }
            })
            .await;
        }
    }
    let (elapsed, here, there) = (clock.elapsed(), cpu() - here, server_cpu(&server) - before);
    let micros = |time: Duration| format!("{:.2} µs", time.as_secs_f64() * 1e6 / count as f64);
    let of = if delegations { "a use and a delegation" } else { "a use" };
    println!("  {of}, {}", if way == Way::Script { "by the claim script" } else { "by a pipeline of SETs" });
    line("  claims per second", &format!("{:.0}", count as f64 / elapsed.as_secs_f64()));
    line("  processor time here, making the claim included", &micros(here));
    line("  processor time of redis", &micros(there));
}

/// Fills Redis with uses that all end at once, and watches how long anybody waits meanwhile.
async fn ending(entries: usize, concurrency: usize, hz: &str) {
    let server = server(hz);
    let store = connect(&server).await;
    let epoch = store.epoch().id;
    let empty = used_memory(&server);
    let until = SystemClock.now() + Duration::from_secs(20 + entries as u64 / 15_000);
    each(entries, concurrency, move |n| {
        let store = Arc::clone(&store);
        async move { drop(store.claim(&claim(n, epoch, until, false), SystemClock.now()).await.unwrap()) }
    })
    .await;
    let size: usize = server.ask(&["DBSIZE"]);
    println!("  {size} uses that end at once, hz {hz}");
    line("  bytes for each", &format!("{:.1}", (used_memory(&server) - empty) as f64 / size as f64));
    server.ask::<()>(&["CONFIG", "SET", "latency-monitor-threshold", "1"]);
    let ahead = Duration::from_millis(500);
    tokio::time::sleep(until.since(SystemClock.now()).saturating_sub(ahead)).await;
    let times = watch(&server, entries).await;
    line("  PING meanwhile: median / 99.9 % / longest", &times.show());
    let latest: Vec<(String, u64, u64, u64)> = server.ask(&["LATENCY", "LATEST"]);
    let longest = latest.iter().find(|(event, ..)| event == "expire-cycle").map_or(0, |(.., longest)| *longest);
    line("  longest stop to remove them, by redis itself", &format!("{longest} ms"));
}

/// PINGs with hardly a pause until hardly anything is left.
async fn watch(server: &RedisServer, entries: usize) -> Times {
    let client = ::redis::Client::open(server.url()).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let probe = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let (mut times, mut connection) = (Times::default(), client.get_connection().unwrap());
            while !done.load(Ordering::Relaxed) {
                let clock = Stopwatch::start();
                ::redis::cmd("PING").exec(&mut connection).unwrap();
                times.push(clock.elapsed());
                std::thread::sleep(Duration::from_micros(100));
            }
            times
        }
    });
    while server.ask::<usize>(&["DBSIZE"]) > entries / 100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    done.store(true, Ordering::Relaxed);
    probe.join().unwrap()
}

fn used_memory(server: &RedisServer) -> u64 {
    field(server, "memory", "used_memory:").parse().unwrap()
}

fn server_cpu(server: &RedisServer) -> Duration {
    let seconds = |name| field(server, "cpu", name).parse::<f64>().unwrap();
    Duration::from_secs_f64(seconds("used_cpu_sys:") + seconds("used_cpu_user:"))
}

fn field(server: &RedisServer, section: &str, name: &str) -> String {
    let info: String = server.ask(&["INFO", section]);
    info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}
