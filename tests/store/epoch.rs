//! When a store's memory begins, and when it is over.

use std::time::Duration;

use procura::store::{Claim, ClaimError, RedisSettings, RedisStore, StoreError, UseKind};
use procura_token::UnixTime;

use crate::redis::RedisServer;
use crate::support::{
    MINUTE, NOW, Node, ORIGIN, assert_replayed, assert_revoked, assert_unknown, continued, delegation, eventually, id, named,
    proof, real_now, record, since, single,
};

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

/// Its record may still be there and say that it goes on, though it was revoked: what a lagging replica or an old backup has.
#[tokio::test]
async fn after_a_loss_no_delegation_is_continued_until_it_begins_once_more() {
    let server = RedisServer::start(&[]);
    let (one, other) = (Node::connect(&single(&server)).await, Node::connect(&single(&server)).await);
    for name in ["a", "b"] {
        one.claim(&delegation(name, record("d", NOW + MINUTE)), NOW).await.unwrap();
    }
    one.revoke(&id("b"), NOW).await.unwrap();
    // The data stay, and nobody knows whether all do.
    server.ask::<()>(&["SCRIPT", "FLUSH"]);
    one.current_epoch().await.unwrap();
    eventually("both know the new epoch", || async {
        one.ready().await.is_ok() && other.ready().await.is_ok() && one.epoch() == other.epoch()
    })
    .await;
    assert_unknown(one.claim(&continued("a"), NOW).await);
    assert_revoked(one.claim(&continued("b"), NOW).await);
    // Who may begin it makes it known again, with its old deadline.
    let begun = other.claim(&delegation("a", record("another", NOW + MINUTE * 30)), NOW).await.unwrap();
    assert_eq!(begun, Some(named("a", record("d", NOW + MINUTE))));
    one.claim(&continued("a"), NOW).await.unwrap();
    assert_revoked(other.claim(&delegation("b", record("d", NOW + MINUTE)), NOW).await);
}

/// The backup says that it goes on.
#[tokio::test]
async fn a_revocation_that_a_backup_does_not_know_is_not_undone_for_who_continues() {
    let mut server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    node.claim(&delegation("a", record("d", NOW + MINUTE * 60)), NOW).await.unwrap();
    server.ask::<()>(&["SAVE"]);
    node.revoke(&id("a"), NOW).await.unwrap();
    server.kill();
    server.restart();
    eventually("the store is back", || async { node.ready().await.is_ok() }).await;
    assert_eq!(node.delegation(&id("a")).await, Some(named("a", record("d", NOW + MINUTE * 60))), "it was to be in the backup");
    assert_unknown(node.claim(&continued("a"), NOW).await);
}

#[tokio::test]
async fn a_revocation_is_never_lost_without_a_word() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    for name in ["a", "b"] {
        node.claim(&delegation(name, record("d", NOW + MINUTE)), NOW).await.unwrap();
    }
    // What is still there is revoked in the new epoch, which the revocation itself may have found.
    server.ask::<()>(&["SCRIPT", "FLUSH"]);
    assert!(node.revoke(&id("a"), NOW).await.unwrap().is_some_and(|record| record.revoked.is_some()));
    assert_revoked(node.claim(&continued("a"), NOW).await);
    // What is not may have been somebody's all the same.
    server.ask::<()>(&["FLUSHALL"]);
    let revoked = node.revoke(&id("b"), NOW).await;
    assert!(matches!(revoked, Err(StoreError::Forgot) | Ok(None)), "{revoked:?}");
    assert_unknown(node.claim(&continued("b"), NOW).await);
}

#[tokio::test]
async fn a_listing_begins_anew_after_a_loss() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    for n in 0..300 {
        node.claim(&delegation(&n.to_string(), record("d", NOW + MINUTE)), NOW).await.unwrap();
    }
    let all = procura::store::DelegationFilter::default();
    let page = node.store().delegations(&all, None, 10, NOW).await.unwrap();
    assert!(page.next.is_some());
    server.ask::<()>(&["FLUSHALL"]);
    node.current_epoch().await.unwrap();
    let refused = node.store().delegations(&all, page.next.as_ref(), 10, NOW).await;
    assert!(matches!(refused, Err(StoreError::Cursor)), "{refused:?}");
    assert_eq!(node.delegations(&all, 10).await, []);
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
