//! TLS, and the user of the operations guide.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use procura::store::{RedisSettings, RedisStore, RedisTls, RedisTopology, StoreError};

use crate::contract;
use crate::redis::RedisServer;
use crate::support::{NOW, Node, RedisCluster, Watched, settings};

const PASSWORD: &str = "correct-horse";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn over_tls_the_documented_user_can_do_all_that_is_promised() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (server, url) = serve(&authority, dir.path(), "no");
    let user = create_documented_user(&server);
    let settings = secured(&url.replace("rediss://", &format!("rediss://{user}@")), &authority);
    let (one, other) = tokio::join!(Node::connect(&settings), Node::connect(&settings));
    contract::is_kept_by(&one, &other).await;
    assert_eq!(server.ask::<Vec<::redis::Value>>(&["ACL", "LOG"]), [], "it asked for more than it may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_documented_user_suffices_in_a_cluster() {
    let cluster = RedisCluster::start().await;
    let users: Vec<_> = cluster.servers.iter().map(create_documented_user).collect();
    let RedisTopology::Cluster { urls } = cluster.settings().topology else { panic!("a cluster") };
    let urls = urls.iter().zip(users).map(|(url, user)| url.replace("redis://", &format!("redis://{user}@"))).collect();
    let settings = RedisSettings { password: Some(PASSWORD.into()), ..settings(RedisTopology::Cluster { urls }) };
    let (one, other) = tokio::join!(Node::connect(&settings), Node::connect(&settings));
    contract::is_kept_by(&one, &other).await;
    for server in &cluster.servers {
        assert_eq!(server.ask::<Vec<::redis::Value>>(&["ACL", "LOG"]), [], "it asked for more than it may");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_documented_user_suffices_behind_sentinels_that_know_no_user() {
    let watched = Watched::start().await;
    let users = watched.servers.each_ref().map(create_documented_user);
    let RedisTopology::Sentinel { urls, master, password } = watched.settings().topology else { panic!("Sentinels") };
    let urls = urls.iter().map(|url| url.replace("redis://", &format!("redis://{}@", users[0]))).collect();
    let topology = RedisTopology::Sentinel { urls, master, password };
    let node = Node::connect(&RedisSettings { password: Some(PASSWORD.into()), ..settings(topology) }).await;
    node.ready().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_asks_for_a_certificate_gets_ours() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (server, url) = serve(&authority, dir.path(), "yes");
    let user = create_documented_user(&server);
    let without = secured(&url.replace("rediss://", &format!("rediss://{user}@")), &authority);
    assert!(RedisStore::connect(&without, || NOW).await.is_err());
    let identity = Some(authority.certify("copy.procura.test"));
    let with = RedisSettings { tls: RedisTls { identity, ..without.tls.clone() }, ..without };
    Node::connect(&with).await.ready().await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_name_is_refused() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (server, url) = serve(&authority, dir.path(), "no");
    let user = create_documented_user(&server);
    let url = url.replace("rediss://", &format!("rediss://{user}@"));
    Node::connect(&secured(&url, &authority)).await;
    let unknown = RedisStore::connect(&secured(&url, &Authority::new()), || NOW).await;
    assert!(matches!(unknown, Err(StoreError::Failed(_))), "{unknown:?}");
    let other_name = RedisStore::connect(&secured(&url.replace("127.0.0.1", "localhost"), &authority), || NOW).await;
    assert!(matches!(other_name, Err(StoreError::Failed(_))), "{other_name:?}");
}

#[tokio::test]
async fn tls_is_never_given_up() {
    let server = RedisServer::start(&[]);
    let url = server.url().replace("redis://", "rediss://");
    assert!(RedisStore::connect(&secured(&url, &Authority::new()), || NOW).await.is_err());
}

/// A server with a TLS port beside the one the tests use themselves.
fn serve(authority: &Authority, dir: &Path, clients: &str) -> (RedisServer, String) {
    let write = |name: &str, text: &[u8]| -> PathBuf {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name)
    };
    let (chain, key) = authority.certify("127.0.0.1");
    let (chain, key) = (write("chain.pem", &chain), write("key.pem", &key));
    let ca = write("ca.pem", authority.certificate.as_bytes());
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    let [chain, key, ca] = [&chain, &key, &ca].map(|path| path.to_str().unwrap());
    let server = RedisServer::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        chain,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        ca,
        "--tls-auth-clients",
        clients,
    ]);
    (server, format!("rediss://127.0.0.1:{port}"))
}

/// Makes the user exactly as the operations guide has it, and says the name.
fn create_documented_user(server: &RedisServer) -> String {
    let guide = include_str!("../../docs/operations.md");
    let line = guide.lines().find_map(|line| line.trim().strip_prefix("user procura on ")).expect("the guide has the line");
    let mut command = vec!["ACL", "SETUSER", "procura", "on"];
    let line = line.replace("PASSWORD", PASSWORD);
    command.extend(line.split(' '));
    server.ask::<()>(&command);
    "procura".into()
}

fn secured(url: &str, authority: &Authority) -> RedisSettings {
    let tls = RedisTls { authorities: Some(authority.certificate.clone().into_bytes()), identity: None };
    let topology = RedisTopology::Single { url: url.into() };
    RedisSettings { tls, password: Some(PASSWORD.into()), ..settings(topology) }
}

/// A certificate authority that exists for one test.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate whose issuer has its own name for its own issuer.
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority of Redis");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(parameters, key), certificate }
    }

    /// A certificate for `name`, and its key.
    fn certify(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}
