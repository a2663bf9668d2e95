//! What every store promises, asked of each: the same functions run against memory and against a real Redis.

#[path = "support/redis.rs"]
mod redis;

use std::sync::Arc;
use std::time::Duration;

use procura::store::{
    Claim, ClaimError, ClaimStore, DelegationClaim, DelegationRecord, MemoryStore, OneTimeUse, RedisSettings, RedisStore,
    RedisTls, RedisTopology, StoreError, UseKind,
};
use procura_token::{UnixTime, sha256};
use redis::RedisServer;

const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);
const ORIGIN: UnixTime = UnixTime::from_secs(0);
const MINUTE: Duration = Duration::from_secs(60);

/// A copy of the service, as it were: what it claims, it claims in the epoch it knows.
#[derive(Clone)]
struct Node(Arc<dyn ClaimStore>);

impl Node {
    fn new(store: impl ClaimStore + 'static) -> Self {
        Self(Arc::new(store))
    }

    async fn claim(&self, claim: &Claim, now: UnixTime) -> Claimed {
        self.0.claim(&Claim { epoch: self.0.epoch().id, ..claim.clone() }, now).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.0.ready().await
    }
}

/// Two of them that look at the same claims.
type Copies = (Node, Node);

/// Runs each function against both stores, each time on a new and empty one.
macro_rules! contract {
    ($($case:ident)*) => {
        mod memory {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let store = super::Node::new(super::MemoryStore::new(10_000, super::ORIGIN));
                super::$case((store.clone(), store)).await;
            }
        )*}
        mod shared {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let server = super::RedisServer::start(&[]);
                let (one, other) = (super::connect(&server).await, super::connect(&server).await);
                super::$case((one, other)).await;
            }
        )*}
    };
}

contract! {
    a_second_use_is_replayed
    the_same_key_of_another_kind_is_new
    another_key_is_new
    every_use_of_a_claim_must_be_new
    a_claim_that_names_a_use_twice_is_replayed
    of_a_thousand_claims_at_once_one_succeeds
    a_use_past_its_time_is_refused_and_not_remembered
    a_use_at_its_last_instant_is_remembered
    a_delegation_is_begun_once_and_continued_unchanged
    of_many_that_begin_a_delegation_at_once_all_get_the_same_record
    a_record_whose_deadline_has_passed_is_still_returned
    a_record_past_its_time_is_refused
    a_claim_of_nothing_is_granted
    a_store_that_serves_is_ready
}

async fn a_second_use_is_replayed((one, other): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    for store in [one, other] {
        assert_replayed(store.claim(&proof("a"), NOW).await, UseKind::DpopProof);
    }
}

async fn the_same_key_of_another_kind_is_new((one, other): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    other.claim(&uses(&[(UseKind::ClientAssertion, "a")]), NOW).await.unwrap();
    assert_replayed(one.claim(&uses(&[(UseKind::ClientAssertion, "a")]), NOW).await, UseKind::ClientAssertion);
}

async fn another_key_is_new((one, other): Copies) {
    for name in ["a", "b", "c"] {
        one.claim(&proof(name), NOW).await.unwrap();
        assert_replayed(other.claim(&proof(name), NOW).await, UseKind::DpopProof);
    }
}

async fn every_use_of_a_claim_must_be_new((one, other): Copies) {
    one.claim(&uses(&[(UseKind::DpopProof, "a"), (UseKind::ClientAssertion, "s")]), NOW).await.unwrap();
    let new_proof_old_assertion = uses(&[(UseKind::DpopProof, "b"), (UseKind::ClientAssertion, "s")]);
    assert_replayed(other.claim(&new_proof_old_assertion, NOW).await, UseKind::ClientAssertion);
    let old_proof_new_assertion = uses(&[(UseKind::DpopProof, "a"), (UseKind::ClientAssertion, "t")]);
    assert_replayed(one.claim(&old_proof_new_assertion, NOW).await, UseKind::DpopProof);
}

async fn a_claim_that_names_a_use_twice_is_replayed((one, _): Copies) {
    assert_replayed(one.claim(&uses(&[(UseKind::DpopProof, "a"); 2]), NOW).await, UseKind::DpopProof);
}

async fn of_a_thousand_claims_at_once_one_succeeds((one, other): Copies) {
    let claims = (0..1000).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { store.claim(&proof("a"), NOW).await })
    });
    let mut granted = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Ok(_) => granted += 1,
            refused => assert_replayed(refused, UseKind::DpopProof),
        }
    }
    assert_eq!(granted, 1);
}

async fn a_use_past_its_time_is_refused_and_not_remembered((one, _): Copies) {
    let late = NOW + MINUTE + Duration::from_millis(1);
    for _ in 0..2 {
        let refused = one.claim(&proof("a"), late).await;
        assert!(matches!(refused, Err(ClaimError::Expired(UseKind::DpopProof))), "{refused:?}");
    }
    one.claim(&proof("a"), NOW).await.unwrap();
}

async fn a_use_at_its_last_instant_is_remembered((one, _): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    assert_replayed(one.claim(&proof("a"), NOW + MINUTE).await, UseKind::DpopProof);
}

async fn a_delegation_is_begun_once_and_continued_unchanged((one, other): Copies) {
    let first = record("first", NOW + MINUTE + Duration::from_nanos(7));
    assert_eq!(one.claim(&delegation("k", first.clone()), NOW).await.unwrap(), Some(first.clone()));
    let second = record("second", NOW + MINUTE * 30);
    for store in [&one, &other] {
        assert_eq!(store.claim(&delegation("k", second.clone()), NOW).await.unwrap(), Some(first.clone()));
    }
    assert_eq!(other.claim(&delegation("l", second.clone()), NOW).await.unwrap(), Some(second));
}

async fn of_many_that_begin_a_delegation_at_once_all_get_the_same_record((one, other): Copies) {
    let claims = (0..200).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        let claim = delegation("k", record(&format!("proposal {n}"), NOW + MINUTE));
        tokio::spawn(async move { store.claim(&claim, NOW).await.unwrap().unwrap() })
    });
    let mut records = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        records.push(claim.await.unwrap());
    }
    assert!(records.iter().all(|record| *record == records[0]), "{records:?}");
}

async fn a_record_whose_deadline_has_passed_is_still_returned((one, _): Copies) {
    let begun = record("d", NOW + MINUTE);
    let mut claim = delegation("k", begun.clone());
    claim.delegation.as_mut().unwrap().keep_until = NOW + MINUTE * 60;
    one.claim(&claim, NOW).await.unwrap();
    let again = delegation("k", record("e", NOW + MINUTE * 90));
    assert_eq!(one.claim(&again, NOW + MINUTE * 2).await.unwrap(), Some(begun));
}

async fn a_record_past_its_time_is_refused((one, _): Copies) {
    let refused = one.claim(&delegation("k", record("d", NOW)), NOW + MINUTE).await;
    assert!(matches!(refused, Err(ClaimError::DelegationOver)), "{refused:?}");
}

async fn a_claim_of_nothing_is_granted((one, _): Copies) {
    assert_eq!(one.claim(&Claim::default(), NOW).await.unwrap(), None);
}

async fn a_store_that_serves_is_ready((one, other): Copies) {
    one.ready().await.unwrap();
    other.ready().await.unwrap();
}

#[tokio::test]
async fn in_memory_a_use_is_new_again_only_after_its_time() {
    let store = Node::new(MemoryStore::new(10, ORIGIN));
    store.claim(&proof("a"), NOW).await.unwrap();
    let mut later = proof("a");
    later.uses[0].until = NOW + MINUTE * 2;
    assert_replayed(store.claim(&later, NOW + MINUTE).await, UseKind::DpopProof);
    store.claim(&later, NOW + MINUTE + Duration::from_nanos(1)).await.unwrap();
}

#[tokio::test]
async fn a_full_memory_store_refuses_what_is_new_and_continues_an_old_delegation() {
    let store = Node::new(MemoryStore::new(1, ORIGIN));
    let begun = record("d", NOW + MINUTE);
    store.claim(&delegation("k", begun.clone()), NOW).await.unwrap();
    assert_unavailable(store.claim(&delegation("l", begun.clone()), NOW).await);
    store.claim(&proof("a"), NOW).await.unwrap();
    assert_unavailable(store.claim(&proof("b"), NOW).await);
    assert_eq!(store.claim(&delegation("k", record("e", NOW + MINUTE)), NOW).await.unwrap(), Some(begun));
}

#[tokio::test]
async fn in_redis_a_use_is_new_again_once_its_time_has_run_out() {
    let server = RedisServer::start(&[]);
    let store = connect(&server).await;
    let mut short = proof("a");
    short.uses[0].until = NOW + Duration::from_millis(200);
    store.claim(&short, NOW).await.unwrap();
    assert_replayed(store.claim(&short, NOW).await, UseKind::DpopProof);
    eventually("the use is forgotten", || async { store.claim(&proof("a"), NOW).await.is_ok() }).await;
}

#[tokio::test]
async fn two_prefixes_in_one_redis_do_not_meet() {
    let server = RedisServer::start(&[]);
    let one = connect(&server).await;
    let other = RedisSettings { prefix: "other".into(), ..settings(&server) };
    let other = Node::new(RedisStore::connect(&other, || NOW).await.unwrap());
    one.claim(&proof("a"), NOW).await.unwrap();
    other.claim(&proof("a"), NOW).await.unwrap();
}

#[tokio::test]
async fn a_killed_redis_is_unavailable_and_a_restarted_one_serves_the_same_store() {
    let mut server = RedisServer::start(&[]);
    let store = connect(&server).await;
    store.claim(&proof("a"), NOW).await.unwrap();
    server.kill();
    for _ in 0..20 {
        assert_unavailable(in_time(store.claim(&proof("b"), NOW)).await);
    }
    assert!(in_time(store.ready()).await.is_err());
    server.restart();
    eventually("the store is back", || async { store.claim(&proof("c"), NOW).await.is_ok() }).await;
    store.ready().await.unwrap();
    assert_replayed(store.claim(&proof("c"), NOW).await, UseKind::DpopProof);
}

#[tokio::test]
async fn a_frozen_redis_is_unavailable_within_the_deadline_and_serves_again_when_it_runs_on() {
    let server = RedisServer::start(&[]);
    let store = connect(&server).await;
    server.freeze();
    let claims = (0..50).map(|n| proof(&format!("frozen {n}"))).collect::<Vec<_>>();
    let waiting = claims.iter().map(|claim| store.claim(claim, NOW));
    for refused in in_time(all(waiting)).await {
        assert!(matches!(refused, Err(ClaimError::Unavailable(StoreError::Deadline { .. }))), "{refused:?}");
    }
    server.thaw();
    let mut n = 0;
    eventually("the store is back", || {
        n += 1;
        let claim = proof(&format!("thawed {n}"));
        let store = &store;
        async move { store.claim(&claim, NOW).await.is_ok() }
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_may_evict_is_refused_at_the_start() {
    let server = RedisServer::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let refused = RedisStore::connect(&settings(&server), || NOW).await;
    assert!(matches!(&refused, Err(StoreError::Unfit(remedy)) if remedy.contains("noeviction")), "{refused:?}");
}

#[tokio::test]
async fn a_redis_with_its_memory_full_refuses_and_forgets_nothing() {
    let server = RedisServer::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let store = connect(&server).await;
    store.claim(&proof("a"), NOW).await.unwrap();
    let mut stored = 0;
    while store.claim(&proof(&format!("filler {stored}")), NOW).await.is_ok() {
        stored += 1;
        assert!(stored < 100_000, "the memory of redis was to fill");
    }
    assert_unavailable(store.claim(&proof("b"), NOW).await);
    assert!(store.claim(&proof("a"), NOW).await.is_err());
}

#[tokio::test]
async fn a_password_is_used_and_a_wrong_one_refused_without_being_told() {
    let server = RedisServer::start(&["--requirepass", "correct horse"]);
    let with = |password: &str| RedisSettings { password: Some(password.into()), ..settings(&server) };
    Node::new(RedisStore::connect(&with("correct horse"), || NOW).await.unwrap()).claim(&proof("a"), NOW).await.unwrap();
    let refused = RedisStore::connect(&with("battery staple"), || NOW).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("staple"), "{refused:?}");
    assert!(RedisStore::connect(&settings(&server), || NOW).await.is_err());
}

#[tokio::test]
async fn no_redis_at_the_address_is_an_error_at_the_start() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    assert!(in_time(RedisStore::connect(&settings(&server), || NOW)).await.is_err());
}

fn settings(server: &RedisServer) -> RedisSettings {
    RedisSettings {
        topology: RedisTopology::Single { url: server.url() },
        password: None,
        tls: RedisTls::default(),
        prefix: "test".into(),
        timeout: RedisSettings::DEFAULT_TIMEOUT,
        began: ORIGIN,
    }
}

/// With a deadline that a busy machine keeps as well.
async fn connect(server: &RedisServer) -> Node {
    Node::new(RedisStore::connect(&RedisSettings { timeout: Duration::from_secs(2), ..settings(server) }, || NOW).await.unwrap())
}

fn uses(uses: &[(UseKind, &str)]) -> Claim {
    let used =
        |&(kind, name): &(UseKind, &str)| OneTimeUse { kind, key: sha256(name.as_bytes()), since: None, until: NOW + MINUTE };
    Claim { uses: uses.iter().map(used).collect(), ..Claim::default() }
}

fn proof(name: &str) -> Claim {
    uses(&[(UseKind::DpopProof, name)])
}

fn record(id: &str, until: UnixTime) -> DelegationRecord {
    DelegationRecord { id: id.parse().unwrap(), until }
}

fn delegation(name: &str, proposed: DelegationRecord) -> Claim {
    let keep_until = proposed.until;
    Claim { delegation: Some(DelegationClaim { key: sha256(name.as_bytes()), proposed, keep_until }), ..Claim::default() }
}

type Claimed = Result<Option<DelegationRecord>, ClaimError>;

fn assert_replayed(claimed: Claimed, kind: UseKind) {
    assert!(matches!(claimed, Err(ClaimError::Replayed(replayed)) if replayed == kind), "{claimed:?}");
}

fn assert_unavailable(claimed: Claimed) {
    assert!(matches!(claimed, Err(ClaimError::Unavailable(_))), "{claimed:?}");
}

/// A deadline is kept if the answer comes in a small multiple of it: never waiting is what counts, not milliseconds.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(6), answer).await.expect("an answer within the deadline")
}

async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).map(Some).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        for slot in &mut pending {
            if let Some(std::task::Poll::Ready(value)) = slot.as_mut().map(|future| future.as_mut().poll(context)) {
                done.push(value);
                *slot = None;
            }
        }
        if pending.iter().any(Option::is_some) { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polling).await.unwrap_or_else(|_| panic!("in 20 s it never came true: {what}"));
}
