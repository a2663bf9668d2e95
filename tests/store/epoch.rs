//! When a store's memory begins, and when it is over.

use std::time::Duration;

use procura::store::{Claim, ClaimError, RedisSettings, RedisStore, UseKind};
use procura_token::UnixTime;

use crate::redis::RedisServer;
use crate::support::{MINUTE, NOW, Node, ORIGIN, assert_replayed, eventually, proof, real_now, since, single};

#[tokio::test]
async fn a_redis_without_a_trace_remembers_since_what_the_first_copy_says() {
    let server = RedisServer::start(&[]);
    let began = NOW - MINUTE;
    let first = Node::connect(&RedisSettings { began, ..single(&server) }).await;
    assert_eq!(first.epoch().began, began);
    // Later copies find it, whatever they would have said.
    let second = Node::connect(&single(&server)).await;
    assert_eq!(second.epoch(), first.epoch());
    // It outlives them.
    let epoch = first.epoch();
    drop((first, second));
    assert_eq!(Node::connect(&single(&server)).await.epoch(), epoch);
}

#[tokio::test]
async fn copies_that_start_at_once_agree() {
    let server = RedisServer::start(&[]);
    let settings = single(&server);
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move { Node::connect(&settings).await })
        })
        .collect();
    let mut epochs = Vec::new();
    for node in nodes {
        epochs.push(node.await.unwrap().epoch());
    }
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
}

/// A copy that was there before knows when it last granted something; one that starts does not, and lets it go first.
#[tokio::test]
async fn a_copy_that_starts_on_an_emptied_redis_does_not_reopen_the_past() {
    let server = RedisServer::start(&[]);
    let old = Node::new(RedisStore::connect(&single(&server), real_now).await.unwrap());
    let granted = real_now();
    let use_once = |node: Node| async move {
        let mut claim = since("a", granted);
        claim.uses[0].until = granted + MINUTE * 10;
        node.claim(&claim, real_now()).await
    };
    use_once(old.clone()).await.unwrap();
    server.ask::<()>(&["FLUSHALL"]);
    let new = Node::new(RedisStore::connect(&single(&server), real_now).await.unwrap());
    let refused = use_once(new.clone()).await;
    assert!(matches!(refused, Err(ClaimError::Forgotten(UseKind::Wpt))), "{refused:?}");
    assert!(new.epoch().began >= granted);
    eventually("both know the same epoch", || async { old.epoch() == new.epoch() }).await;
}

#[tokio::test]
async fn a_flushed_redis_refuses_what_was_verified_before_and_serves_what_is_new() {
    let server = RedisServer::start(&[]);
    let (one, other) = (Node::connect(&single(&server)).await, Node::connect(&single(&server)).await);
    let before = one.epoch();
    one.claim(&proof("a"), NOW).await.unwrap();
    server.ask::<()>(&["FLUSHALL"]);
    // In the epoch in which its nonce was given.
    for node in [&one, &other] {
        let refused = node.claim_in(before, &proof("a"), NOW).await;
        assert!(matches!(refused, Err(ClaimError::EpochOver)), "{refused:?}");
        assert_ne!(node.epoch().id, before.id, "whoever is refused can be given a new nonce at once");
    }
    assert_eq!(one.epoch(), other.epoch());
    assert!(one.epoch().began > NOW);
    // With a new nonce it is a new proof.
    one.claim(&proof("a"), NOW).await.unwrap();
    assert_replayed(other.claim(&proof("a"), NOW).await, UseKind::DpopProof);
}

#[tokio::test]
async fn a_lost_record_or_script_ends_the_epoch() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    for command in [&["SCRIPT", "FLUSH"][..], &["FLUSHDB"]] {
        let before = node.epoch();
        server.ask::<()>(command);
        let refused = node.claim_in(before, &proof("a"), NOW).await;
        assert!(matches!(refused, Err(ClaimError::EpochOver)), "{command:?}: {refused:?}");
        let now = node.current_epoch().await.unwrap();
        assert!(now.id != before.id && now == node.epoch(), "{command:?}");
        node.claim(&proof(&format!("{command:?}")), NOW).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_learns_of_an_epoch_that_another_began_when_it_asks() {
    let server = RedisServer::start(&[]);
    let (one, other) = (Node::connect(&single(&server)).await, Node::connect(&single(&server)).await);
    server.ask::<()>(&["FLUSHALL"]);
    let begun = one.current_epoch().await.unwrap();
    assert_eq!(other.current_epoch().await.unwrap(), begun);
    other.claim_in(begun, &proof("a"), NOW).await.unwrap();
}

/// Redis keeps its data over this, and its script; the data could be another's.
#[tokio::test]
async fn a_master_that_was_a_replica_for_a_moment_begins_a_new_epoch() {
    let (server, other) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let node = Node::connect(&single(&server)).await;
    let before = node.epoch();
    node.claim(&proof("a"), NOW).await.unwrap();
    let port = other.url().rsplit(':').next().unwrap().to_owned();
    server.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]);
    server.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    eventually("the change is seen", || async { node.epoch().id != before.id }).await;
    let refused = node.claim_in(before, &proof("a"), NOW).await;
    assert!(matches!(refused, Err(ClaimError::EpochOver)), "{refused:?}");
}

#[tokio::test]
async fn an_epoch_goes_on_when_a_copy_reconnects() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    let before = node.epoch();
    node.claim(&proof("a"), NOW).await.unwrap();
    server.ask::<u32>(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually("the copy is back", || async { node.claim(&proof("b"), NOW).await.is_ok() || node.ready().await.is_ok() }).await;
    assert_eq!(node.epoch(), before);
    assert_replayed(node.claim_in(before, &proof("a"), NOW).await, UseKind::DpopProof);
}

/// A use that has no nonce is granted again once it could not have been granted before.
#[tokio::test]
async fn after_a_loss_uses_without_nonce_are_refused_until_they_are_surely_newer() {
    let server = RedisServer::start(&[]);
    let clock = std::sync::Arc::new(std::sync::Mutex::new(NOW));
    let now = std::sync::Arc::clone(&clock);
    let node = Node::new(RedisStore::connect(&single(&server), move || *now.lock().unwrap()).await.unwrap());
    node.claim(&since("a", ORIGIN + MINUTE), NOW).await.unwrap();
    *clock.lock().unwrap() = NOW + MINUTE;
    server.ask::<()>(&["FLUSHALL"]);
    node.current_epoch().await.unwrap();
    let leeway = Duration::from_secs(5);
    for (made, good) in [(NOW, false), (NOW + MINUTE, false), (NOW + MINUTE + leeway, false), (NOW + MINUTE * 2, true)] {
        let claim = Claim { uses: since("b", made).uses, ..Claim::default() };
        let claimed = node.claim(&Claim { uses: vec![through(claim.uses[0].clone(), NOW + MINUTE * 9)], ..claim }, NOW).await;
        assert_eq!(claimed.is_ok(), good, "{made}: {claimed:?}");
    }
}

fn through(mut used: procura::store::OneTimeUse, until: UnixTime) -> procura::store::OneTimeUse {
    used.until = until;
    used
}
