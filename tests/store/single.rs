//! One Redis server.

use std::time::Duration;

use procura::store::{RedisSettings, RedisStore, StoreError, UseKind};

use crate::contract;
use crate::redis::RedisServer;
use crate::support::{NOW, Node, assert_replayed, assert_unavailable, eventually, in_time, proof, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_server_keeps_the_contract() {
    let server = RedisServer::start(&[]);
    let settings = single(&server);
    let (one, other) = tokio::join!(Node::connect(&settings), Node::connect(&settings));
    contract::is_kept_by(&one, &other).await;
}

#[tokio::test]
async fn in_redis_a_use_is_new_again_once_its_time_has_run_out() {
    let server = RedisServer::start(&[]);
    let store = Node::connect(&single(&server)).await;
    let mut short = proof("a");
    short.uses[0].until = NOW + Duration::from_millis(200);
    store.claim(&short, NOW).await.unwrap();
    assert_replayed(store.claim(&short, NOW).await, UseKind::DpopProof);
    eventually("the use is forgotten", || async { store.claim(&proof("a"), NOW).await.is_ok() }).await;
}

#[tokio::test]
async fn two_prefixes_in_one_redis_do_not_meet() {
    let server = RedisServer::start(&[]);
    let one = Node::connect(&single(&server)).await;
    let other = RedisSettings { prefix: "other".into(), ..single(&server) };
    let other = Node::connect(&other).await;
    one.claim(&proof("a"), NOW).await.unwrap();
    other.claim(&proof("a"), NOW).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_may_evict_is_refused_at_the_start() {
    let server = RedisServer::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let refused = RedisStore::connect(&single(&server), || NOW).await;
    assert!(matches!(&refused, Err(StoreError::Unfit(remedy)) if remedy.contains("noeviction")), "{refused:?}");
}

#[tokio::test]
async fn a_redis_with_its_memory_full_refuses_and_forgets_nothing() {
    let server = RedisServer::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let store = Node::connect(&single(&server)).await;
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
    let with = |password: &str| RedisSettings { password: Some(password.into()), ..single(&server) };
    Node::new(RedisStore::connect(&with("correct horse"), || NOW).await.unwrap()).claim(&proof("a"), NOW).await.unwrap();
    let refused = RedisStore::connect(&with("battery staple"), || NOW).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("staple"), "{refused:?}");
    assert!(RedisStore::connect(&single(&server), || NOW).await.is_err());
}

#[tokio::test]
async fn no_redis_at_the_address_is_an_error_at_the_start() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    assert!(in_time(RedisStore::connect(&single(&server), || NOW)).await.is_err());
}

#[tokio::test]
async fn a_short_deadline_is_no_obstacle_to_beginning() {
    let server = RedisServer::start(&[]);
    let hasty = RedisSettings { timeout: Duration::from_millis(100), ..single(&server) };
    eventually("it connects, however busy the machine", || async { RedisStore::connect(&hasty, || NOW).await.is_ok() }).await;
}
