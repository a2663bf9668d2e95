//! One Redis server.

use std::time::Duration;

use procura::store::{ClaimError, DelegationFilter, RedisSettings, RedisStore, StoreError, UseKind};
use procura_token::{base64url, sha256};

use crate::contract;
use crate::redis::RedisServer;
use crate::support::{
    MINUTE, NOW, Node, assert_replayed, assert_unavailable, assert_unknown, continued, delegation, eventually, id, in_time,
    proof, record, single,
};

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
    one.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
    assert_eq!(one.delegations(&DelegationFilter::default(), 10).await.len(), 1);
    assert_eq!(other.delegations(&DelegationFilter::default(), 10).await, []);
    assert_eq!(other.revoke(&id("k"), NOW).await.unwrap(), None);
    assert_unknown(other.claim(&continued("k"), NOW).await);
}

#[tokio::test]
async fn what_is_no_delegation_of_ours_refuses_and_is_not_listed() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    node.claim(&delegation("good", record("d", NOW + MINUTE)), NOW).await.unwrap();
    node.claim(&delegation("bad", record("d", NOW + MINUTE)), NOW).await.unwrap();
    let bad = key_of_delegation("bad");
    for value in ["", "1770000000.000000000 abc", "1", "1A", "2A0000000000000000", "1A0000000000000000\nx"] {
        let mut connection = ::redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        ::redis::cmd("SET").arg(&bad).arg(value).exec(&mut connection).unwrap();
        for claim in [continued("bad"), delegation("bad", record("d", NOW + MINUTE))] {
            let refused = node.claim(&claim, NOW).await;
            assert!(matches!(refused, Err(ClaimError::Unavailable(_) | ClaimError::DelegationUnknown)), "{value}: {refused:?}");
        }
        assert!(node.revoke(&id("bad"), NOW).await.is_err(), "{value}");
        let listed = node.delegations(&DelegationFilter::default(), 10).await;
        assert_eq!(listed.into_iter().map(|record| record.id).collect::<Vec<_>>(), [id("good")], "{value}");
    }
}

/// Delegations among very many other things.
#[tokio::test]
async fn a_listing_finds_the_few_among_the_many_in_bounded_pages() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    server.ask::<()>(&["EVAL", "for i=1,100000 do redis.call('SET','x'..i,1) end", "0"]);
    for n in 0..20 {
        node.claim(&delegation(&n.to_string(), record("d", NOW + MINUTE)), NOW).await.unwrap();
    }
    let (mut pages, mut found, mut from) = (0, 0, None);
    loop {
        let page = node.store().delegations(&DelegationFilter::default(), from.as_ref(), 10, NOW).await.unwrap();
        (pages, found, from) = (pages + 1, found + page.records.len(), page.next);
        if from.is_none() {
            break;
        }
    }
    assert!(found >= 20 && (2..=40).contains(&pages), "{found} in {pages} pages");
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
    store.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
    let mut stored = 0;
    while store.claim(&proof(&format!("filler {stored}")), NOW).await.is_ok() {
        stored += 1;
        assert!(stored < 100_000, "the memory of redis was to fill");
    }
    assert_unavailable(store.claim(&proof("b"), NOW).await);
    assert!(store.claim(&proof("a"), NOW).await.is_err());
    // What stops somebody works all the same.
    assert!(store.revoke(&id("k"), NOW).await.unwrap().is_some_and(|record| record.revoked == Some(NOW)));
    assert!(store.claim(&continued("k"), NOW).await.is_err());
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

/// Where the delegation of that name is in a Redis that is not a cluster.
fn key_of_delegation(name: &str) -> Vec<u8> {
    let service = base64url::encode(sha256(b"test"));
    [b"p:", &service.as_bytes()[..6], b":G", &sha256(name.as_bytes())[..16]].concat()
}
