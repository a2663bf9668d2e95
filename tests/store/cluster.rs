//! A Redis Cluster.

use procura::store::{RedisStore, StoreError};

use crate::contract;
use crate::redis::RedisServer;
use crate::support::{NOW, Node, RedisCluster, Traffic, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_keeps_the_contract() {
    let cluster = RedisCluster::start().await;
    let settings = cluster.settings();
    let (one, other) = tokio::join!(Node::connect(&settings), Node::connect(&settings));
    contract::is_kept_by(&one, &other).await;
    // Every master has a part in it.
    for server in &cluster.servers[..3] {
        assert!(server.ask::<u32>(&["DBSIZE"]) > 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_master_dies_its_replica_serves_and_nothing_is_granted_again() {
    let mut cluster = RedisCluster::start().await;
    let traffic = Traffic::begin(&cluster.settings()).await;
    let before = traffic.node().epoch();
    cluster.servers[1].kill();
    cluster.is_master(4).await;
    traffic.more_grants("by the former replica").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    cluster.servers[1].restart();
    cluster.is_whole(0..6).await;
    traffic.more_grants("with the old master as a replica").await;
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_one_master_loses_its_data_nothing_is_granted_again() {
    let cluster = RedisCluster::start().await;
    let traffic = Traffic::begin(&cluster.settings()).await;
    let before = traffic.node().epoch();
    cluster.servers[2].ask::<()>(&["FLUSHALL"]);
    traffic.more_grants("by the emptied master").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    traffic.end().await;
}

/// Slots that move take their keys with them, but come to a server that does not know their script.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_orderly_change_of_masters_costs_an_epoch_and_nothing_else() {
    let cluster = RedisCluster::start().await;
    let traffic = Traffic::begin(&cluster.settings()).await;
    let before = traffic.node().epoch();
    cluster.servers[3].ask::<()>(&["CLUSTER", "FAILOVER"]);
    cluster.is_master(3).await;
    traffic.more_grants("by the former replica").await;
    assert_ne!(traffic.node().epoch().id, before.id);
    traffic.end().await;
}

#[tokio::test]
async fn a_node_of_a_cluster_is_refused_as_a_single_server_and_the_reverse() {
    let node = RedisServer::start(&["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", "0"]);
    let refused = RedisStore::connect(&single(&node), || NOW).await;
    assert!(matches!(&refused, Err(StoreError::Unfit(remedy)) if remedy.contains("cluster = true")), "{refused:?}");
    let server = RedisServer::start(&[]);
    let topology = procura::store::RedisTopology::Cluster { urls: vec![server.url()] };
    assert!(RedisStore::connect(&crate::support::settings(topology), || NOW).await.is_err());
}
