//! A Redis Cluster of three masters, each with a replica.

use std::net::TcpListener;

use procura::store::{RedisSettings, RedisTopology};

use super::{eventually, settings};
use crate::redis::RedisServer;

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

/// The first three servers begin as masters; the others are their replicas, in the same order.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) async fn start() -> Self {
        let cluster = Self { servers: (0..MASTERS * 2).map(|_| start_node()).collect() };
        for (place, master) in cluster.servers.iter().take(MASTERS).enumerate() {
            let (from, to) = (SLOTS * place / MASTERS, SLOTS * (place + 1) / MASTERS - 1);
            master.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
            // So that no two claim the same epoch of the cluster.
            master.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
        }
        for server in &cluster.servers {
            let bus: u16 = server.ask::<(String, String)>(&["CONFIG", "GET", "cluster-port"]).1.parse().unwrap();
            cluster.servers[0].ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port(server), &bus.to_string()]);
        }
        eventually("all nodes know all", || async {
            cluster.servers.iter().all(|server| info(server, "cluster_known_nodes") == "6")
        })
        .await;
        for (master, replica) in cluster.servers.iter().zip(&cluster.servers[MASTERS..]) {
            let id: String = master.ask(&["CLUSTER", "MYID"]);
            eventually("the replica takes its master", || async {
                replica.try_ask::<()>(&["CLUSTER", "REPLICATE", &id]).is_ok()
            })
            .await;
        }
        cluster.is_whole(0..MASTERS * 2).await;
        cluster
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        settings(RedisTopology::Cluster { urls: self.servers.iter().map(RedisServer::url).collect() })
    }

    /// Waits until `servers` say that every slot is served, and that replicas are in step.
    pub(crate) async fn is_whole(&self, servers: impl Iterator<Item = usize> + Clone) {
        eventually("the cluster is whole", || async {
            servers.clone().all(|server| {
                let server = &self.servers[server];
                let replication = server.try_ask::<String>(&["INFO", "replication"]).unwrap_or_default();
                info(server, "cluster_state") == "ok"
                    && (replication.contains("role:master") || replication.contains("master_link_status:up"))
            })
        })
        .await;
    }

    /// Waits until `server` is a master.
    pub(crate) async fn is_master(&self, server: usize) {
        eventually("the replica is promoted", || async {
            self.servers[server].try_ask::<String>(&["INFO", "replication"]).is_ok_and(|info| info.contains("role:master"))
        })
        .await;
    }
}

fn start_node() -> RedisServer {
    // The default is the port and 10,000, which need not be a port.
    let bus = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    RedisServer::start(&[
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        "nodes.conf",
        "--cluster-node-timeout",
        "1500",
        "--cluster-port",
        &bus,
        "--cluster-replica-validity-factor",
        "0",
    ])
}

fn info(server: &RedisServer, field: &str) -> String {
    let info = server.try_ask::<String>(&["CLUSTER", "INFO"]).unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(ToOwned::to_owned));
    line.unwrap_or_default()
}

fn port(server: &RedisServer) -> String {
    server.url().rsplit(':').next().unwrap().to_owned()
}
