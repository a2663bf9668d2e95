//! Memory.

use std::time::Duration;

use procura::store::{MemoryStore, UseKind};

use crate::contract;
use crate::support::{MINUTE, NOW, Node, ORIGIN, assert_replayed, assert_unavailable, delegation, held, named, proof, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    // One for each: a memory that was asked about later times refuses what it may have forgotten by now.
    contract::is_kept_among(|_| {
        let node = Node::new(MemoryStore::new(10_000, ORIGIN));
        (node.clone(), node)
    })
    .await;
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
    assert_eq!(store.claim(&delegation("k", record("e", NOW + MINUTE)), NOW).await.unwrap(), Some(named("k", begun)));
}

#[tokio::test]
async fn two_memories_are_two_epochs() {
    let [one, other] = [(), ()].map(|()| Node::new(MemoryStore::new(10, NOW)));
    assert_ne!(one.epoch().id, other.epoch().id);
    assert_eq!(one.epoch().began, NOW);
    let full = Node::new(MemoryStore::new(1, ORIGIN));
    full.claim(&held("a", "x", NOW + MINUTE), NOW).await.unwrap();
    assert_unavailable(full.claim(&held("b", "x", NOW + MINUTE), NOW).await);
}
