//! The listener that requires a client certificate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use reqwest::tls::Version;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::support::{Agent, Authority, Door, Form, Held, MTLS_URL, Service, World, claims, procura, run};

const PLANNER: &str = "/agent/planner";
const PLANNER_ID: &str = "spiffe://dev.procura.test/agent/planner";

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

/// The thumbprint of the first certificate in `pem`, as `openssl` would have it (MTLSB-05).
fn thumbprint(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    procura_token::base64url::encode(procura_token::sha256(&der))
}

/// MTLSB-05, MTLS-14; RFC 8705 section 3.
#[tokio::test]
async fn a_caller_with_nothing_but_its_certificate_gets_a_token_bound_to_that() {
    let scene = Scene::new("");
    let planner = Agent::new(&scene.world, PLANNER);
    let svid = scene.world.x509_svid(PLANNER);
    let answer = scene.door(Some(&svid)).post_bare(&planner.unauthenticated(&scene.world.user_token(json!({})))).await;
    let token = claims(&answer.token());
    assert_eq!(token["cnf"], json!({ "x5t#S256": thumbprint(&svid) }));
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert_eq!(answer.json()["cnf"], token["cnf"]);
    assert_eq!(token["act"]["sub"], "spiffe://dev.procura.test/agent/planner");
    let event = scene.world.audit().pop().unwrap();
    assert_eq!((&event["outcome"], &event["caller.credential"]), (&json!("granted"), &json!("x509-svid")));
    assert_eq!((&event["caller.proof"], &event["caller.id"]), (&json!("mutual-tls"), &token["act"]["sub"]));
}

#[tokio::test]
async fn with_a_dpop_proof_the_token_is_bound_to_its_key_instead() {
    let scene = Scene::new("");
    let (planner, door) = (Agent::new(&scene.world, PLANNER), scene.door(Some(&scene.world.x509_svid(PLANNER))));
    let answer = door.exchange(&planner, &planner.unauthenticated(&scene.world.user_token(json!({})))).await;
    assert_eq!(claims(&answer.token())["cnf"], json!({ "jkt": planner.key_thumbprint() }));
    assert_eq!(answer.json()["token_type"], "DPoP");
}

/// Lets agents with a certificate have WITs.
const X509_WIT: &str = r#"
@id("x509-wit")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"dev.procura.test")
when { context.credential == "x509-svid" };
"#;

/// The certificate stands for itself; the WIT is for the DPoP proof's key, as often as wanted, and ends with the certificate.
#[tokio::test]
async fn a_caller_with_a_certificate_gets_wits_for_the_key_it_proves() {
    let scene = Scene::new("");
    std::fs::write(scene.world.path("policies/x509.cedar"), X509_WIT).unwrap();
    scene.service.signal("-HUP");
    scene.service.logged("policies loaded");
    let (planner, pem) = (Agent::new(&scene.world, PLANNER), Authority::of(&scene.world).certify_workload(PLANNER_ID, 600));
    let door = scene.door(Some(&pem));
    let form = planner.wit("mtls_client_certificate").without("client_assertion").without("client_assertion_type");
    let form = form.set("subject_token_type", "urn:ietf:params:oauth:token-type:mtls");
    for _ in 0..2 {
        let answer = door.exchange(&planner, &form).await;
        let wit = claims(&answer.token());
        assert_eq!((&wit["sub"], &answer.json()["cnf"]["jkt"]), (&json!(PLANNER_ID), &json!(planner.key_thumbprint())));
        assert!(answer.json()["expires_in"].as_u64().unwrap() <= 600);
    }
    assert_eq!(scene.world.audit().pop().unwrap()["caller.credential"], "x509-svid");
    // Without a proof there is no key; without a certificate nothing that it could stand for; and it stands for no token.
    assert_eq!(door.post_bare(&form).await.refusal(), (400, "invalid_dpop_proof".to_owned()));
    let elsewhere = form
        .clone()
        .add("client_assertion", &planner.svid)
        .add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
    assert_eq!(scene.service.exchange(&planner, &elsewhere).await.refusal(), (400, "invalid_request".to_owned()));
    for (name, value) in [("subject_token", planner.svid.as_str()), ("requested_token_type", crate::support::ACCESS_TOKEN)] {
        let refused = door.exchange(&planner, &form.clone().set(name, value)).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()), "{name}");
    }
}

/// MTLS-01, MTLS-02, MTLS-13, MTLS-14, MTLSB-11.
#[tokio::test]
async fn a_certificate_that_the_bundle_does_not_vouch_for_is_refused_with_an_event() {
    let scene = Scene::new("");
    let form = Agent::new(&scene.world, PLANNER).unauthenticated(&scene.world.user_token(json!({})));
    let (own, foreign) = (Authority::of(&scene.world), Authority::new());
    let planner = "spiffe://dev.procura.test/agent/planner";
    assert_eq!(scene.door(Some(&own.certify_workload(planner, 60))).post_bare(&form).await.status, 200);
    let (certificate, key) = own.certify("localhost");
    for (why, pem) in [
        ("another authority", foreign.certify_workload(planner, 60)),
        ("another trust domain", own.certify_workload("spiffe://other.test/agent/planner", 60)),
        ("a trust domain without a path", own.certify_workload("spiffe://dev.procura.test", 60)),
        ("a path that may not call", own.certify_workload("spiffe://dev.procura.test/tool/planner", 60)),
        ("no workload", certificate + &key),
    ] {
        let before = scene.world.audit().len();
        let answer = scene.door(Some(&pem)).post_bare(&form).await;
        assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{why}");
        let audit = scene.world.audit();
        assert_eq!(audit.len(), before + 1, "{why}");
        assert_eq!((&audit[before]["outcome"], &audit[before]["error.code"]), (&json!("refused"), &json!("invalid_client")));
    }
}

/// MTLSB-02: whatever else names the caller names the same workload.
#[tokio::test]
async fn a_certificate_beside_an_assertion_or_client_id_of_another_workload_is_refused() {
    let scene = Scene::new("");
    let (planner, door) = (Agent::new(&scene.world, PLANNER), scene.door(Some(&scene.world.x509_svid("/agent/researcher"))));
    let user_token = scene.world.user_token(json!({}));
    let both = door.exchange(&planner, &planner.delegation(&user_token)).await;
    assert_eq!(both.refusal(), (401, "invalid_client".to_owned()));
    let form = planner.unauthenticated(&user_token);
    let named = |name: &str| form.clone().add("client_id", &format!("spiffe://dev.procura.test{name}"));
    assert_eq!(door.post_bare(&named(PLANNER)).await.refusal(), (401, "invalid_client".to_owned()));
    assert_eq!(door.post_bare(&named("/agent/researcher")).await.status, 200);
}

/// MTLS-02, MTLS-17.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_ends_what_its_connection_was_good_for() {
    let scene = Scene::new("");
    let form = Agent::new(&scene.world, PLANNER).unauthenticated(&scene.world.user_token(json!({})));
    let own = Authority::of(&scene.world);
    let pem = own.certify_workload("spiffe://dev.procura.test/agent/planner", 3);
    let mut stream = tls(&scene.door(None), &scene.authority, &pem);
    assert_eq!(status(&mut stream, &form), 200);
    // In its last second it is still believed, and no token that ends with it is worth issuing.
    while status(&mut stream, &form) != 401 {}
    assert_eq!(status(&mut stream, &form), 401);
}

/// The status of one exchange of several over `stream`.
fn status(stream: &mut (impl Read + Write), form: &Form) -> u16 {
    let body = form.encode();
    let fields = "host: x\r\ncontent-type: application/x-www-form-urlencoded";
    write!(stream, "POST /token HTTP/1.1\r\n{fields}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.flush().unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// MTLSB-08, MTLSB-09.
#[tokio::test]
async fn metadata_tells_of_certificates_where_they_are_seen_and_not_elsewhere() {
    let metadata = async |service: &Service| service.get("/.well-known/oauth-authorization-server").await.json();
    let scene = Scene::new("");
    let told = metadata(&scene.service).await;
    assert_eq!(told["mtls_endpoint_aliases"], json!({ "token_endpoint": format!("{MTLS_URL}/token") }));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(
        told["token_endpoint_auth_methods_supported"],
        json!(["spiffe_jwt", "spiffe_x509", "wimse_wpt", "wimse_http_signature"])
    );

    let world = World::new();
    let told = metadata(&world.serve()).await;
    assert_eq!(told["mtls_endpoint_aliases"], json!(null));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], json!(null));
    assert_eq!(told["token_endpoint_auth_methods_supported"], json!(["spiffe_jwt", "wimse_wpt", "wimse_http_signature"]));
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
