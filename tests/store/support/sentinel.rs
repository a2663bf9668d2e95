//! A master, its replica, and three Sentinels that watch them.

use std::time::Duration;

use procura::store::{RedisSettings, RedisTopology};

use super::{eventually, settings};
use crate::redis::RedisServer;

/// Two of three Sentinels agree that a master is gone when it has not answered for half a second.
pub(crate) struct Watched {
    pub(crate) servers: [RedisServer; 2],
    sentinels: Vec<RedisServer>,
    dirs: Vec<tempfile::TempDir>,
}

impl Watched {
    pub(crate) async fn start() -> Self {
        let master = RedisServer::start(&[]);
        let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port(&master)]);
        let mut watched = Self { servers: [master, replica], sentinels: Vec::new(), dirs: Vec::new() };
        for _ in 0..3 {
            watched.add_sentinel();
        }
        let watched = watched;
        eventually("the Sentinels know each other and the replica", || async {
            watched.sentinels.iter().all(|sentinel| {
                let known = |what: &str| sentinel.ask::<Vec<::redis::Value>>(&["SENTINEL", what, "watched"]).len();
                known("SENTINELS") == 2 && known("REPLICAS") == 1
            })
        })
        .await;
        eventually("the replica is in step", || async {
            let info = watched.servers[1].try_ask::<String>(&["INFO", "replication"]);
            info.is_ok_and(|info| info.contains("master_link_status:up"))
        })
        .await;
        watched
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        let urls = self.sentinels.iter().map(RedisServer::url).collect();
        settings(RedisTopology::Sentinel { urls, master: "watched".into(), password: None })
    }

    /// Which of the two servers the Sentinels call master.
    pub(crate) fn master(&self) -> usize {
        let (_, master): (String, String) = self.sentinels[0].ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "watched"]);
        self.servers.iter().position(|server| port(server) == master).unwrap()
    }

    pub(crate) async fn is_master(&self, server: usize) {
        eventually("the Sentinels name the other master, and it is one", || async {
            let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "watched"];
            let names = |sentinel: &RedisServer| sentinel.try_ask::<(String, String)>(&question);
            let here = port(&self.servers[server]);
            self.sentinels.iter().all(|sentinel| names(sentinel).is_ok_and(|(_, port)| port == here))
                && self.servers[server].try_ask::<String>(&["INFO", "replication"]).is_ok_and(|info| info.contains("role:master"))
        })
        .await;
    }

    /// Waits until `server` is a replica with all its master's data.
    pub(crate) async fn is_in_step(&self, server: usize) {
        eventually("the other server is a replica in step", || async {
            let info = self.servers[server].try_ask::<String>(&["INFO", "replication"]).unwrap_or_default();
            info.contains("role:slave") && info.contains("master_link_status:up")
        })
        .await;
    }

    fn add_sentinel(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sentinel.conf");
        let lines = format!(
            "sentinel monitor watched 127.0.0.1 {} 2\nsentinel down-after-milliseconds watched 500\n\
             sentinel failover-timeout watched 3000\nsentinel resolve-hostnames no\n",
            port(&self.servers[0])
        );
        std::fs::write(&file, lines).unwrap();
        self.sentinels.push(RedisServer::start_with(Some(&file), &["--sentinel"]));
        self.dirs.push(dir);
        // Their names are made from the time.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn port(server: &RedisServer) -> String {
    server.url().rsplit(':').next().unwrap().to_owned()
}
