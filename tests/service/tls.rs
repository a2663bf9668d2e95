//! The token endpoint over TLS.

use reqwest::tls::Version;
use serde_json::json;

use crate::support::{Agent, Authority, Service, World, claims};

/// A world whose service has a certificate, and who signed that.
fn scene(tls: &str) -> (World, Authority) {
    let (world, authority) = (World::new(), Authority::new());
    let (certificate, key) = authority.certify("localhost");
    std::fs::write(world.path("chain.pem"), certificate).unwrap();
    std::fs::write(world.path("key.pem"), key).unwrap();
    let table = format!("[server.tls]\ncertificate_file = \"chain.pem\"\nkey_file = \"key.pem\"\n{tls}\n[keys.token]");
    world.edit("[keys.token]", &table);
    (world, authority)
}

fn client(authority: &Authority, oldest: Version, newest: Version) -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority.certificate()]);
    client.tls_version_min(oldest).tls_version_max(newest).build().unwrap()
}

fn reached(service: Service, http: reqwest::Client) -> Service {
    service.reached_by(http, "https://localhost")
}

#[tokio::test]
async fn a_token_is_exchanged_over_https() {
    let (world, authority) = scene("");
    let service = reached(world.serve(), client(&authority, Version::TLS_1_3, Version::TLS_1_3));
    let planner = Agent::new(&world, "/agent/planner");
    let answer = service.exchange(&planner, &planner.delegation(&world.user_token(json!({})))).await;
    assert_eq!(claims(&answer.token())["sub"], "dev:alice");
    assert_eq!(service.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn tls_12_is_refused_unless_allowed() {
    let (world, authority) = scene("");
    let old = || client(&authority, Version::TLS_1_2, Version::TLS_1_2);
    {
        let service = reached(world.serve(), old());
        let error = service.request("GET", "/healthz").send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
    world.edit("[keys.token]", "allow_tls12 = true\n[keys.token]");
    let service = reached(world.serve(), old());
    assert_eq!(service.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_client_without_tls_gets_nothing_and_the_service_goes_on() {
    let (world, authority) = scene("");
    let service = world.serve();
    assert!(service.request("GET", "/healthz").send().await.is_err());
    let service = reached(service, client(&authority, Version::TLS_1_3, Version::TLS_1_3));
    assert_eq!(service.get("/healthz").await.status, 200);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let (world, _) = scene("");
    let (_, other) = Authority::new().certify("localhost");
    std::fs::write(world.path("key.pem"), other).unwrap();
    world.serve_in_vain().says(1, &["chain.pem", "give the key that belongs to the certificate"]);
    std::fs::write(world.path("key.pem"), "no key").unwrap();
    world.serve_in_vain().says(1, &["key.pem", "give a private key in PEM"]);
    std::fs::remove_file(world.path("key.pem")).unwrap();
    world.serve_in_vain().says(1, &["key.pem", "give a private key in PEM"]);
    std::fs::write(world.path("chain.pem"), "").unwrap();
    world.serve_in_vain().says(1, &["chain.pem", "holds no certificate", "give a certificate chain in PEM"]);
}
