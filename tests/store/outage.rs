//! One Redis server fails in every way it can while two copies of the service go on. Never is a use granted twice, never
//! does an answer take long, and nobody has to restart a copy.

use std::time::Duration;

use procura::store::{RedisTopology, StoreError};

use crate::redis::RedisServer;
use crate::support::{NOW, Node, Proxy, Traffic, assert_unavailable, eventually, in_time, proof, settings, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_and_restarted_empty() {
    let mut server = RedisServer::start(&[]);
    let traffic = Traffic::begin(&single(&server)).await;
    let before = traffic.node().epoch();
    server.kill();
    traffic.more_refusals("while it is dead").await;
    server.restart();
    traffic.more_grants("once it is back").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_and_restarted_from_an_old_backup() {
    let mut server = RedisServer::start(&[]);
    let traffic = Traffic::begin(&single(&server)).await;
    let before = traffic.node().epoch();
    server.ask::<()>(&["SAVE"]);
    traffic.more_grants("after the backup").await;
    server.kill();
    server.restart();
    assert!(server.ask::<u32>(&["DBSIZE"]) > 200, "the backup was read");
    traffic.more_grants("from the backup").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_and_restarted_from_an_append_only_file() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let traffic = Traffic::begin(&single(&server)).await;
    server.kill();
    traffic.more_refusals("while it is dead").await;
    server.restart();
    traffic.more_grants("once it is back").await;
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn emptied_by_an_operator() {
    let server = RedisServer::start(&[]);
    let traffic = Traffic::begin(&single(&server)).await;
    for _ in 0..3 {
        server.ask::<()>(&["FLUSHALL"]);
        traffic.more_grants("by the emptied server").await;
    }
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frozen_and_thawed() {
    let server = RedisServer::start(&[]);
    let traffic = Traffic::begin(&single(&server)).await;
    let before = traffic.node().epoch();
    server.freeze();
    traffic.more_refusals("while it stands still").await;
    server.thaw();
    traffic.more_grants("once it runs on").await;
    assert_eq!(traffic.node().epoch(), before, "it forgot nothing");
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cut_off_without_a_word() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(&server.url()).await;
    let traffic = Traffic::begin(&settings(RedisTopology::Single { url: proxy.url() })).await;
    let before = traffic.node().epoch();
    proxy.cut();
    traffic.more_refusals("while nothing arrives").await;
    proxy.open();
    traffic.more_grants("once the network is back").await;
    assert_eq!(traffic.node().epoch(), before, "it forgot nothing");
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_and_then_slower_than_the_deadline() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(&server.url()).await;
    let traffic = Traffic::begin(&settings(RedisTopology::Single { url: proxy.url() })).await;
    proxy.slow(Duration::from_millis(50));
    traffic.more_grants("while it is slow").await;
    proxy.slow(Duration::from_secs(3));
    traffic.more_refusals("while it is too slow").await;
    proxy.open();
    traffic.more_grants("once it is fast again").await;
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn full_and_emptied() {
    let server = RedisServer::start(&["--maxmemory", "100mb", "--maxmemory-policy", "noeviction"]);
    let traffic = Traffic::begin(&single(&server)).await;
    let before = traffic.node().epoch();
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1mb"]);
    traffic.more_refusals("while it is full").await;
    assert!(traffic.node().ready().await.is_err());
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "100mb"]);
    traffic.more_grants("once there is room").await;
    assert_eq!(traffic.node().epoch(), before, "it forgot nothing");
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn made_a_replica_and_a_master_again() {
    let (server, other) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let traffic = Traffic::begin(&single(&server)).await;
    let port = other.url().rsplit(':').next().unwrap().to_owned();
    server.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]);
    traffic.more_refusals("while it is a replica").await;
    let not_ready = traffic.node().ready().await.unwrap_err();
    assert!(not_ready.to_string().contains("replica") || not_ready.to_string().contains("READONLY"), "{not_ready}");
    server.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    traffic.more_grants("once it is a master").await;
    traffic.end().await;
}

#[tokio::test]
async fn while_it_is_dead_claims_are_refused_at_once_and_afterwards_served() {
    let mut server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    node.claim(&proof("a"), NOW).await.unwrap();
    server.kill();
    for _ in 0..20 {
        assert_unavailable(in_time(node.claim(&proof("b"), NOW)).await);
    }
    assert!(in_time(node.ready()).await.is_err());
    assert!(in_time(node.current_epoch()).await.is_err());
    server.restart();
    eventually("the store is back", || async { node.ready().await.is_ok() }).await;
    node.claim(&proof("c"), NOW).await.unwrap();
}

#[tokio::test]
async fn what_stands_still_answers_nobody_later_than_the_deadline() {
    let server = RedisServer::start(&[]);
    let node = Node::connect(&single(&server)).await;
    server.freeze();
    let waiting: Vec<_> = (0..50)
        .map(|n| {
            let node = node.clone();
            tokio::spawn(async move { in_time(node.claim(&proof(&format!("frozen {n}")), NOW)).await })
        })
        .collect();
    for refused in waiting {
        let refused = refused.await.unwrap();
        assert!(matches!(refused, Err(procura::store::ClaimError::Unavailable(StoreError::Deadline { .. }))), "{refused:?}");
    }
    server.thaw();
    eventually("the store is back", || async { node.ready().await.is_ok() }).await;
}
