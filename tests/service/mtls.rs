//! The listener that requires a client certificate.

use std::net::TcpStream;
use std::sync::Arc;

use reqwest::tls::Version;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::support::{Agent, Authority, Door, Held, MTLS_URL, Service, World, procura, run};

const PLANNER: &str = "/agent/planner";

/// A world with a listener for mutual TLS, and who signed that listener's certificate.
struct Scene {
    world: World,
    authority: Authority,
    service: Service,
}

impl Scene {
    fn new(more: &str) -> Self {
        let (world, authority) = (World::new(), Authority::new());
        world.use_mtls(&authority);
        world.edit("[keys.token]", &format!("{more}\n[keys.token]"));
        let service = world.serve();
        Self { world, authority, service }
    }

    /// Where clients with certificates are served, for one with the certificate and key in `pem`.
    fn door(&self, pem: Option<&str>) -> Door {
        self.service.door("serving with client certificates", "https://localhost", client(&self.authority, pem))
    }
}

fn client(authority: &Authority, pem: Option<&str>) -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority.certificate()]);
    let client = client.tls_version_min(Version::TLS_1_3);
    let identity = pem.map(|pem| reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    match identity {
        Some(identity) => client.identity(identity).build().unwrap(),
        None => client.build().unwrap(),
    }
}

/// MTLS-04.
#[tokio::test]
async fn a_client_without_certificate_is_refused_by_the_handshake_and_counted() {
    let scene = Scene::new("[admin]\nlisten = \"127.0.0.1:0\"\n");
    for _ in 0..3 {
        scene.door(None).request("GET", "/healthz").send().await.unwrap_err();
    }
    let failures = "procura_tls_handshake_failures_total{listener=\"mtls\"} 3";
    let operators = scene.service.door("serving operators", "http://127.0.0.1", reqwest::Client::new());
    // The client knows of its refusal before the listener has counted it.
    while !operators.get("/metrics").await.text.contains(failures) {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.service.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_client_with_certificate_finds_every_endpoint_and_a_proof_may_name_that_listener() {
    let scene = Scene::new("");
    let planner = Agent::new(&scene.world, PLANNER);
    let door = scene.door(Some(&scene.world.x509_svid(PLANNER)));
    assert_eq!(door.get("/readyz").await.status, 200);
    assert_eq!(door.get("/jwks.json").await.text, scene.service.get("/jwks.json").await.text);
    let form = planner.delegation(&scene.world.user_token(json!({})));
    let nonce = scene.service.nonce(&planner, &form).await;
    for base in [MTLS_URL, crate::support::ISSUER] {
        let proof = planner.proof_at(base, Some(&nonce));
        assert_eq!(door.post(&proof, &form).await.status, 200, "{base}");
    }
    let elsewhere = planner.proof_at("https://localhost:1", Some(&nonce));
    assert_eq!(door.post(&elsewhere, &form).await.refusal(), (400, "invalid_dpop_proof".to_owned()));
}

/// MTLSB-08, MTLSB-09.
#[tokio::test]
async fn metadata_tells_of_certificates_where_they_are_seen_and_not_elsewhere() {
    let metadata = async |service: &Service| service.get("/.well-known/oauth-authorization-server").await.json();
    let scene = Scene::new("");
    let told = metadata(&scene.service).await;
    assert_eq!(told["mtls_endpoint_aliases"], json!({ "token_endpoint": format!("{MTLS_URL}/token") }));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(told["token_endpoint_auth_methods_supported"], json!(["spiffe_jwt", "spiffe_x509"]));

    let world = World::new();
    let told = metadata(&world.serve()).await;
    assert_eq!(told["mtls_endpoint_aliases"], json!(null));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], json!(null));
    assert_eq!(told["token_endpoint_auth_methods_supported"], json!(["spiffe_jwt"]));
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_after_sighup_and_a_broken_one_changes_nothing() {
    let mut scene = Scene::new("");
    let svid = scene.world.x509_svid(PLANNER);
    std::fs::write(scene.world.path("mtls-key.pem"), "no key").unwrap();
    scene.service.signal("-HUP");
    assert!(scene.service.logged("a certificate could not be loaded").contains("mtls-key.pem"));
    assert_eq!(scene.door(Some(&svid)).get("/healthz").await.status, 200);

    let before = scene.door(Some(&svid));
    scene.authority = Authority::new();
    scene.world.write_mtls(&scene.authority);
    scene.service.signal("-HUP");
    scene.service.logged("certificate loaded");
    assert_eq!(scene.door(Some(&svid)).get("/healthz").await.status, 200);
    before.request("GET", "/healthz").send().await.unwrap_err();
}

/// A connection to `door` that shows the certificate in `pem`.
fn tls(door: &Door, authority: &Authority, pem: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let own = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let config = config.with_root_certificates(roots).with_client_auth_cert(vec![own], key).unwrap();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, TcpStream::connect(door.url("").trim_start_matches("https://")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_on_any_listener_is_answered_before_the_service_ends() {
    let mut scene = Scene::new("");
    let planner = Agent::new(&scene.world, PLANNER);
    let svid = scene.world.x509_svid(PLANNER);
    let door = scene.door(Some(&svid));
    let form = planner.delegation(&scene.world.user_token(json!({})));
    let proof = planner.proof(Some(&scene.service.nonce(&planner, &form).await));
    let held = Held::over(tls(&door, &scene.authority, &svid), &proof, &form);
    scene.service.signal("-TERM");
    scene.service.logged("stopping");
    let answer = held.finish();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("access_token"), "{answer}");
    assert_eq!(scene.service.wait().code(), Some(0));
}

#[test]
fn what_is_wrong_with_the_listener_is_told() {
    let (world, authority) = (World::new(), Authority::new());
    world.use_mtls(&authority);
    world.edit("\"https://localhost", "\"http://localhost");
    world.serve_in_vain().says(2, &["config.toml", "`mtls.url`", "https"]);
    world.edit("\"http://localhost", "\"https://localhost");
    std::fs::write(world.path("mtls-key.pem"), authority.certify("localhost").1).unwrap();
    world.serve_in_vain().says(1, &["mtls.pem", "give the key that belongs to the certificate"]);
    std::fs::remove_file(world.path("mtls.pem")).unwrap();
    world.serve_in_vain().says(1, &["mtls.pem", "give a certificate chain in PEM"]);
    world.edit("certificate_file = \"mtls.pem\"", "certficate_file = \"mtls.pem\"");
    world.serve_in_vain().says(2, &["config.toml", "did you mean `certificate_file`?"]);
    let told = run(&mut procura(&["dev", "--mtls", "0.0.0.0:0", "--dir", "/nonexistent"]));
    told.says(2, &["--mtls", "loopback"]);
}
