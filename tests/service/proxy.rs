//! Certificates that a proxy tells of.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::{Agent, Answer, Authority, Door, Form, Service, World, claims};

const PLANNER: &str = "/agent/planner";
const FORM: &str = "application/x-www-form-urlencoded";
/// Where the proxy is in these tests, and where everyone else is.
const PROXY: [u8; 4] = [127, 0, 0, 2];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 1];

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    form: Form,
    nonce: String,
}

impl Scene {
    async fn new(field: &str) -> Self {
        let world = World::new();
        let table =
            format!("[proxy]\naddresses = [\"127.0.0.2\", \"10.0.0.0/8\"]\nclient_certificate = \"{field}\"\n\n[keys.token]");
        world.edit("[keys.token]", &table);
        let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
        let form = planner.delegation(&world.user_token(json!({})));
        let nonce = service.nonce(&planner, &form).await;
        Self { world, service, planner, form, nonce }
    }

    /// The service, for someone at `address`.
    fn door(&self, address: [u8; 4]) -> Door {
        let http = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(address)).build().unwrap();
        self.service.door("serving address", "http://127.0.0.1", http)
    }

    /// The answer to a request from `address` with a new proof and `fields`.
    async fn post(&self, address: [u8; 4], fields: &[(&str, &str)]) -> Answer {
        let request = self.door(address).presentation(&self.planner.proof(Some(&self.nonce)), &self.form);
        Answer::of(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// That it is refused, with an event that says so and where it came from.
    async fn refuses(&self, address: [u8; 4], fields: &[(&str, &str)], reason: &str) {
        let answer = self.post(address, fields).await;
        assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{reason}");
        let event = self.world.audit().pop().unwrap();
        assert_eq!((&event["outcome"], &event["error.code"]), (&json!("refused"), &json!("invalid_client")));
        assert!(event["error.reason"].as_str().unwrap().contains(reason), "{reason}: {event}");
        assert_eq!(event["source.address"], IpAddr::from(address).to_string());
    }
}

/// `Client-Cert` of a certificate in PEM (RFC 9440 section 2.1).
fn item(pem: &str) -> String {
    let base64: String = pem.lines().skip(1).take_while(|line| !line.starts_with("-----END")).collect();
    assert!(STANDARD.decode(&base64).is_ok());
    format!(":{base64}:")
}

/// The first certificate of a PEM text, as Envoy writes it.
fn encoded(pem: &str) -> String {
    let end = "-----END CERTIFICATE-----\n";
    let pem = &pem.replace("\r\n", "\n")[..];
    let pem = &pem[..pem.find(end).unwrap() + end.len()];
    let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")];
    escapes.iter().fold(pem.to_owned(), |pem, (from, to)| pem.replace(from, to))
}

/// MTLSB-10, MTLS-20.
#[tokio::test]
async fn client_cert_is_believed_from_a_proxy_and_refused_from_elsewhere() {
    let scene = Scene::new("client-cert").await;
    let leaf = item(&scene.world.x509_svid(PLANNER));
    assert_eq!(scene.post(PROXY, &[("client-cert", &leaf)]).await.status, 200);
    for name in ["Client-Cert", "client-cert-chain", "X-Forwarded-Client-Cert"] {
        scene.refuses(ELSEWHERE, &[(name, &leaf)], "only a configured proxy may send it").await;
    }
    // Nobody needs a certificate who says who he is by other means.
    assert_eq!(scene.post(ELSEWHERE, &[]).await.status, 200);
    assert_eq!(scene.post(PROXY, &[]).await.status, 200);
}

/// MTLSB-10.
#[tokio::test]
async fn a_proxy_whose_field_is_malformed_double_or_another_one_is_refused() {
    let scene = Scene::new("client-cert").await;
    let leaf = item(&scene.world.x509_svid(PLANNER));
    scene.refuses(PROXY, &[("client-cert", leaf.trim_matches(':'))], "malformed").await;
    scene.refuses(PROXY, &[("client-cert", &leaf), ("client-cert", &leaf)], "more than one").await;
    scene.refuses(PROXY, &[("client-cert-chain", &leaf)], "malformed").await;
    let element = format!("Cert=\"{}\"", encoded(&scene.world.x509_svid(PLANNER)));
    scene.refuses(PROXY, &[("x-forwarded-client-cert", &element)], "not the one that is configured").await;
}

/// MTLSB-10, MTLS-20.
#[tokio::test]
async fn what_envoy_tells_is_believed_if_it_shows_the_certificate_of_one_hop() {
    let scene = Scene::new("x-forwarded-client-cert").await;
    let cert = encoded(&scene.world.x509_svid(PLANNER));
    let about = "By=spiffe://dev.procura.test/proxy;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    let uri = "URI=spiffe://dev.procura.test/agent/planner";
    let element = format!("{about};Cert=\"{cert}\";Subject=\"\";{uri}");
    let name = "x-forwarded-client-cert";
    assert_eq!(scene.post(PROXY, &[(name, &element)]).await.status, 200);
    scene.refuses(ELSEWHERE, &[(name, &element)], "only a configured proxy may send it").await;
    scene.refuses(PROXY, &[(name, &format!("{about};{uri}"))], "holds no certificate").await;
    scene.refuses(PROXY, &[(name, &format!("{element},{element}"))], "more than one").await;
    scene.refuses(PROXY, &[(name, &element), (name, &element)], "more than one").await;
    scene.refuses(PROXY, &[(name, &element.replace("%0A", "%"))], "malformed").await;
}

/// MTLSB-05.
#[tokio::test]
async fn a_caller_behind_a_proxy_needs_nothing_but_its_certificate() {
    let scene = Scene::new("client-cert").await;
    let svid = scene.world.x509_svid(PLANNER);
    let form = scene.planner.unauthenticated(&scene.world.user_token(json!({})));
    let post = async |fields: &[(&str, &str)]| {
        let request = scene.door(PROXY).request("POST", "/token").header("content-type", FORM).body(form.encode());
        Answer::of(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    let answer = post(&[("client-cert", &item(&svid))]).await;
    let der = STANDARD.decode(item(&svid).trim_matches(':')).unwrap();
    let thumbprint = procura_token::base64url::encode(procura_token::sha256(&der));
    assert_eq!(claims(&answer.token())["cnf"], json!({ "x5t#S256": thumbprint }));
    assert_eq!(scene.world.audit().pop().unwrap()["source.address"], "127.0.0.2");

    let foreign = Authority::new().certify_workload("spiffe://dev.procura.test/agent/planner", 60);
    assert_eq!(post(&[("client-cert", &item(&foreign))]).await.refusal(), (401, "invalid_client".to_owned()));
    // The proxy's address is nobody's credential.
    assert_eq!(post(&[]).await.refusal(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn without_a_proxy_nobody_may_tell_a_certificate() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let form = planner.delegation(&world.user_token(json!({})));
    let nonce = service.nonce(&planner, &form).await;
    let leaf = item(&world.x509_svid(PLANNER));
    let request = service.presentation(&planner.proof(Some(&nonce)), &form).header("client-cert", &leaf);
    assert_eq!(Answer::of(request).await.refusal(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn metadata_tells_of_certificates_that_a_proxy_tells_of() {
    let scene = Scene::new("client-cert").await;
    let told = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(
        told["token_endpoint_auth_methods_supported"],
        json!(["spiffe_jwt", "spiffe_x509", "wimse_wpt", "wimse_http_signature"])
    );
    assert_eq!(told["mtls_endpoint_aliases"], json!(null));
}

#[test]
fn a_proxy_that_would_be_everyone_is_told() {
    let world = World::new();
    let table = "[proxy]\naddresses = [\"0.0.0.0/0\"]\nclient_certificate = \"client-cert\"\n\n[keys.token]";
    world.edit("[keys.token]", table);
    world.serve_in_vain().says(2, &["config.toml", "`proxy.addresses`", "believes everyone"]);
}
