//! A master that Sentinels watch.

use procura::store::{RedisSettings, RedisStore, RedisTopology, StoreError};

use crate::contract;
use crate::support::{NOW, Node, Traffic, Watched};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watched_master_keeps_the_contract() {
    let watched = Watched::start().await;
    let settings = watched.settings();
    let (one, other) = tokio::join!(Node::connect(&settings), Node::connect(&settings));
    contract::is_kept_by(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_master_dies_its_replica_serves_and_nothing_is_granted_again() {
    let mut watched = Watched::start().await;
    let traffic = Traffic::begin(&watched.settings()).await;
    let before = traffic.node().epoch();
    watched.servers[0].kill();
    traffic.more_refusals("while there is no master").await;
    watched.is_master(1).await;
    traffic.more_grants("by the former replica").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    // The old master comes back as a replica, and is promoted in turn.
    watched.servers[0].restart();
    watched.is_in_step(0).await;
    watched.servers[1].kill();
    watched.is_master(0).await;
    traffic.more_grants("by the first master").await;
    traffic.end().await;
}

/// The old master never dies: it wakes up after another took its place, still knows the script of its epoch, and has
/// claims in its queue. It becomes a replica, and at last master again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_master_that_slept_through_its_replacement_grants_nothing_again() {
    let mut watched = Watched::start().await;
    let traffic = Traffic::begin(&watched.settings()).await;
    watched.servers[0].freeze();
    watched.is_master(1).await;
    traffic.more_grants("by the former replica").await;
    watched.servers[0].thaw();
    watched.is_in_step(0).await;
    watched.servers[1].kill();
    watched.is_master(0).await;
    traffic.more_grants("by the first master").await;
    traffic.end().await;
}

#[tokio::test]
async fn a_master_the_sentinels_do_not_know_is_refused_with_its_name() {
    let watched = Watched::start().await;
    let RedisTopology::Sentinel { urls, .. } = watched.settings().topology else { panic!("Sentinels") };
    let topology = RedisTopology::Sentinel { urls, master: "unheard-of".into(), password: None };
    let refused = RedisStore::connect(&RedisSettings { topology, ..watched.settings() }, || NOW).await;
    assert!(matches!(&refused, Err(StoreError::Unfit(remedy)) if remedy.contains("unheard-of")), "{refused:?}");
    assert_eq!(watched.master(), 0);
}
