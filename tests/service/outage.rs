//! Redis goes away, stands still, forgets and comes back, while requests go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procura_token::{Algorithm, DpopProof, DpopRules, Freshness, UnixTime, Unverified};
use serde_json::json;

use crate::redis::RedisServer;
use crate::support::{Agent, Answer, Form, ISSUER, Service, World, now};

const WORKERS: usize = 32;
/// The deadline of a claim in these tests.
const DEADLINE: &str = "500ms";

/// What became of proofs.
#[derive(Default)]
struct Outcomes {
    granted: Mutex<Vec<String>>,
    refused: AtomicUsize,
    /// How often a worker was sent for a new nonce.
    renewed: AtomicUsize,
}

impl Outcomes {
    fn granted(&self) -> usize {
        self.granted.lock().unwrap().len()
    }

    fn note(&self, proof: String, answer: &Answer) {
        match answer.status {
            200 => self.granted.lock().unwrap().push(proof),
            400 => {
                assert_eq!(answer.refusal(), (400, "use_dpop_nonce".to_owned()), "{answer:?}");
                self.renewed.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                unavailable(answer);
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The one answer there may be without a store.
#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()), "{answer:?}");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{answer:?}");
}

struct Scene {
    world: World,
    redis: RedisServer,
    service: Arc<Service>,
    planner: Arc<Agent>,
    form: Form,
}

fn scene() -> Scene {
    let (world, redis) = (World::new(), RedisServer::start(&[]));
    world.use_redis(&redis.url(), DEADLINE);
    let (service, planner) = (Arc::new(world.serve()), Arc::new(Agent::new(&world, "/agent/planner")));
    let form = planner.delegation(&world.user_token(json!({})));
    Scene { world, redis, service, planner, form }
}

impl Scene {
    /// Starts workers that send new proofs until told to stop.
    async fn load(&self, outcomes: &Arc<Outcomes>, stop: &Arc<AtomicUsize>) -> Vec<tokio::task::JoinHandle<()>> {
        let nonce = self.service.nonce(&self.planner, &self.form).await;
        let worker = || {
            let (service, planner, form) = (Arc::clone(&self.service), Arc::clone(&self.planner), self.form.clone());
            let (outcomes, stop, mut nonce) = (Arc::clone(outcomes), Arc::clone(stop), nonce.clone());
            tokio::spawn(async move {
                while stop.load(Ordering::Relaxed) == 0 {
                    let proof = planner.proof(Some(&nonce));
                    let answer = service.post(&proof, &form).await;
                    outcomes.note(proof, &answer);
                    if answer.status == 400 {
                        nonce = answer.header("dpop-nonce").unwrap().to_owned();
                    }
                }
            })
        };
        (0..WORKERS).map(|_| worker()).collect()
    }

    /// One new proof.
    async fn one(&self) -> Answer {
        self.service.exchange(&self.planner, &self.form).await
    }
}

/// Waits until `reached`.
async fn until(reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_without_a_claim_while_redis_dies_under_load_and_recovery_by_itself() {
    let mut scene = scene();
    let (outcomes, stop) = (Arc::new(Outcomes::default()), Arc::new(AtomicUsize::new(0)));
    let workers = scene.load(&outcomes, &stop).await;
    until(|| outcomes.granted() >= 150).await;
    scene.redis.kill();
    until(|| outcomes.refused.load(Ordering::Relaxed) >= 300).await;
    // What was granted while there was no Redis had been claimed before it died: no more than was under way.
    let granted_before = outcomes.granted();
    until(|| outcomes.refused.load(Ordering::Relaxed) >= 600).await;
    assert_eq!(outcomes.granted(), granted_before);
    assert_eq!(scene.service.get("/readyz").await.status, 503);
    assert_eq!(scene.service.get("/healthz").await.status, 200);

    scene.redis.restart();
    until(|| outcomes.granted() >= granted_before + 150).await;
    assert_eq!(scene.service.get("/readyz").await.status, 200);
    stop.store(1, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    // It came back empty, so every worker needed a new nonce, and no proof from before is worth anything.
    assert!(outcomes.renewed.load(Ordering::Relaxed) >= WORKERS);
    let claimed = claimed_proofs(&scene.redis);
    let granted = outcomes.granted.lock().unwrap().clone();
    for proof in &granted[granted_before..] {
        assert!(claimed.contains(&replay_key(proof)), "granted without a claim");
    }
    for proof in granted.iter().take(100) {
        assert_eq!(scene.service.post(proof, &scene.form).await.refusal(), (400, "use_dpop_nonce".to_owned()));
    }
    scene.service.logged("store lost");
    scene.service.logged("memory has begun anew");
    for change in ["store lost", "memory has begun anew", "store is back"] {
        assert_eq!(scene.service.log().matches(change).count(), 1, "`{change}` is said once, not for each request");
    }
    scene.service.logged("store is back");
    let granted_events = scene.world.audit().iter().filter(|event| event["outcome"] == "granted").count();
    assert_eq!(granted_events, granted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_costs_each_request_a_bounded_time() {
    let scene = scene();
    assert_eq!(scene.one().await.status, 200);
    let nonce = scene.service.nonce(&scene.planner, &scene.form).await;
    scene.redis.freeze();
    let began = tokio::time::Instant::now();
    // Which nonce would be good, only Redis could say.
    unavailable(&scene.service.post(&scene.planner.proof(None), &scene.form).await);
    let requests: Vec<_> = {
        let send = |_| {
            let request = scene.service.presentation(&scene.planner.proof(Some(&nonce)), &scene.form);
            tokio::spawn(Answer::of(request))
        };
        (0..WORKERS).map(send).collect()
    };
    for request in requests {
        unavailable(&request.await.unwrap());
    }
    // Half a second is the deadline; the rest is for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    scene.redis.thaw();
    let recovered = async { while scene.one().await.status != 200 {} };
    tokio::time::timeout(Duration::from_secs(30), recovered).await.unwrap();
    let granted = scene.world.audit().iter().filter(|event| event["outcome"] == "granted").count();
    assert!(claimed_proofs(&scene.redis).len() >= granted, "granted without a claim");
}

/// Redis loses what it knew between two requests, and nobody is there to notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_granted_before_redis_forgot_it_is_not_granted_again() {
    let mut scene = scene();
    let nonce = scene.service.nonce(&scene.planner, &scene.form).await;
    let losses: [&dyn Fn(&mut RedisServer); 3] =
        [&|redis| redis.ask(&["FLUSHALL"]), &RedisServer::restart, &|redis| redis.ask(&["SCRIPT", "FLUSH"])];
    let mut proof = scene.planner.proof(Some(&nonce));
    for forget in losses {
        assert_eq!(scene.service.post(&proof, &scene.form).await.status, 200);
        forget(&mut scene.redis);
        let back = async { while scene.service.get("/readyz").await.status != 200 {} };
        tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
        let again = scene.service.post(&proof, &scene.form).await;
        assert_eq!(again.refusal(), (400, "use_dpop_nonce".to_owned()));
        // The nonce of that very answer is of the new epoch.
        proof = scene.planner.proof(again.header("dpop-nonce"));
    }
    assert_eq!(scene.service.post(&proof, &scene.form).await.status, 200);
}

/// The beginning of what the store names a proof by, worked out from the proof.
fn replay_key(proof: &str) -> [u8; 16] {
    let rules = DpopRules {
        method: "POST",
        uris: &[format!("{ISSUER}/token").parse().unwrap()],
        access_token: None,
        algorithms: Algorithm::DEFAULT,
        freshness: Freshness { age: Duration::from_secs(3600), ahead: Duration::from_secs(60) },
    };
    let proof = Unverified::<DpopProof>::parse(proof).unwrap().verify(&rules, UnixTime::from_secs(now())).unwrap();
    *proof.replay_key().first_chunk().unwrap()
}

/// The proofs that Redis remembers: `p:`, six characters for the service, `:`, `D`, and sixteen bytes.
fn claimed_proofs(redis: &RedisServer) -> std::collections::HashSet<[u8; 16]> {
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "p:??????:D*"]);
    keys.iter().map(|key| *key.last_chunk().unwrap()).collect()
}
