//! Bundles of other trust domains, from endpoints over real TLS. Endpoints are asked every ten seconds at most: what waits for
//! a second answer takes as long.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{Algorithm, Signer as _, SigningKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::{Agent, Answer, Authority, BundleEndpoint, Form, Service, World, eventually, jwt_svid};

const SERVER: &str = "spiffe://other.test/server";

/// A trust domain that is not ours: its keys, and what its bundle says.
struct Other {
    authority: Authority,
    key: SigningKey,
}

impl Other {
    fn new() -> Self {
        Self { authority: Authority::new(), key: SigningKey::generate(Algorithm::Es256).unwrap() }
    }

    /// The bundle of all of `them`.
    fn bundle(them: &[&Self], sequence: u64) -> Value {
        let der = |other: &Self| CertificateDer::from_pem_slice(other.authority.pem.as_bytes()).unwrap().to_vec();
        let entries = |other: &&Self| {
            let x509 = json!({ "use": "x509-svid", "kty": "EC", "x5c": [STANDARD.encode(der(other))] });
            [serde_json::to_value(other.key.public_key().for_use("jwt-svid")).unwrap(), x509]
        };
        let keys: Vec<Value> = them.iter().flat_map(entries).collect();
        json!({ "keys": keys, "spiffe_sequence": sequence, "spiffe_refresh_hint": 1 })
    }

    /// The certificate of a server with the SPIFFE ID `id`, and its key.
    fn certify(&self, id: &str) -> String {
        self.authority.certify_workload(id, 600)
    }
}

/// A world that believes `other.test` by what `federation` says, beside its own trust domain.
fn world(federation: &str, first: Option<&Value>) -> World {
    let world = World::new();
    let bundle_file = first.map_or_else(String::new, |bundle| {
        std::fs::write(world.path("trust/other.json"), bundle.to_string()).unwrap();
        "bundle_file = \"trust/other.json\"\n".to_owned()
    });
    let table =
        format!("[[trust_domain]]\nname = \"other.test\"\nclients = [\"/*\"]\n{bundle_file}federation = {{ {federation} }}\n");
    world.edit("[[user_issuer]]", &format!("{table}\n[[user_issuer]]"));
    world
}

fn web(endpoint: &BundleEndpoint) -> String {
    let rest = "profile = \"https_web\", ca_file = \"web-ca.pem\", private_addresses = [\"127.0.0.1\", \"::1\"]";
    format!("url = \"{}\", {rest}", endpoint.url)
}

fn spiffe(endpoint: &BundleEndpoint) -> String {
    let rest = format!("profile = \"https_spiffe\", endpoint_id = \"{SERVER}\", private_addresses = [\"127.0.0.1\", \"::1\"]");
    format!("url = \"{}\", {rest}", endpoint.url)
}

struct Scene {
    service: Service,
    planner: Agent,
    form: Form,
    _world: World,
}

impl Scene {
    fn new(world: World) -> Self {
        let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
        let form = planner.delegation(&world.user_token(json!({})));
        Self { service, planner, form, _world: world }
    }

    /// The exchange of an agent of `other.test`.
    async fn present(&self, key: &SigningKey) -> Answer {
        let svid = jwt_svid(key, "spiffe://other.test/agent/planner", 3600);
        self.service.exchange(&self.planner, &self.form.clone().set("client_assertion", &svid)).await
    }

    /// Whether it is believed: then policy, which knows it not, refuses it.
    async fn believes(&self, key: &SigningKey) -> bool {
        match self.present(key).await.refusal() {
            (400, code) if code == "invalid_target" => true,
            (401, code) if code == "invalid_client" => false,
            refusal => panic!("{refusal:?}"),
        }
    }
}

/// A server of the web: its certificate authority, which a world is told, and a certificate for `name`.
fn web_server(name: &str) -> (Authority, String) {
    let authority = Authority::new();
    let (certificate, key) = authority.certify(name);
    (authority, certificate + &key)
}

/// FED-05, FED-10, FED-12: and a new key comes with the next poll, without any request that waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_fetched_from_a_server_of_the_web_and_followed() {
    let (web_authority, pem) = web_server("localhost");
    let (old, new) = (Other::new(), Other::new());
    let endpoint = BundleEndpoint::new(&pem, &Other::bundle(&[&old], 1)).await;
    let world = world(&web(&endpoint), None);
    std::fs::write(world.path("web-ca.pem"), &web_authority.pem).unwrap();
    let scene = Scene::new(world);
    assert_eq!((scene.believes(&old.key).await, scene.believes(&new.key).await, endpoint.asked()), (true, false, 1));
    // FED-02: the hint says one second, and is not obeyed to the letter.
    endpoint.publish(&Other::bundle(&[&new], 2));
    eventually(async || scene.believes(&new.key).await).await;
    assert!(!scene.believes(&old.key).await);
    assert_eq!(endpoint.asked(), 2);
}

/// An operator who knows of a new bundle need not wait for the poll.
#[tokio::test(flavor = "multi_thread")]
async fn sighup_asks_an_endpoint_at_once() {
    let (web_authority, pem) = web_server("localhost");
    let (old, new) = (Other::new(), Other::new());
    let hourly = |other: &Other, sequence| {
        let mut bundle = Other::bundle(&[other], sequence);
        bundle["spiffe_refresh_hint"] = json!(3600);
        bundle
    };
    let endpoint = BundleEndpoint::new(&pem, &hourly(&old, 1)).await;
    let world = world(&web(&endpoint), None);
    std::fs::write(world.path("web-ca.pem"), &web_authority.pem).unwrap();
    let scene = Scene::new(world);
    assert!(scene.believes(&old.key).await);
    endpoint.publish(&hourly(&new, 2));
    scene.service.signal("-HUP");
    eventually(async || scene.believes(&new.key).await).await;
    assert_eq!(endpoint.asked(), 2);
}

/// FED-12: the name in the certificate is that of the URL's host.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_web_with_another_name_or_another_authority_is_not_believed() {
    let other = Other::new();
    let (web_authority, pem) = web_server("elsewhere.test");
    let endpoint = BundleEndpoint::new(&pem, &Other::bundle(&[&other], 1)).await;
    let world = world(&web(&endpoint), None);
    std::fs::write(world.path("web-ca.pem"), &web_authority.pem).unwrap();
    let scene = Scene::new(world);
    let told = scene.service.logged("keys could not be fetched");
    assert!(told.contains("trust domain other.test"), "{told}");
    assert_eq!(scene.present(&other.key).await.refusal(), (503, "temporarily_unavailable".to_owned()));
    // Readiness does not hang on what others serve, and who is known otherwise is served.
    assert_eq!(scene.service.get("/readyz").await.status, 200);
    assert_eq!(scene.service.exchange(&scene.planner, &scene.form).await.status, 200);
    endpoint.show(&web_server("localhost").1);
    eventually(async || endpoint.refused() >= 2).await;
    assert_eq!(endpoint.asked(), 0);
}

/// FED-13, FED-14, FED-15: the first bundle is configured, later ones count for the server too.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_serves_its_own_bundle_is_verified_by_the_newest() {
    let (old, new) = (Other::new(), Other::new());
    let endpoint = BundleEndpoint::new(&old.certify(SERVER), &Other::bundle(&[&old, &new], 2)).await;
    let scene = Scene::new(world(&spiffe(&endpoint), Some(&Other::bundle(&[&old], 1))));
    eventually(async || scene.believes(&new.key).await).await;
    // Its server has changed over, then the old authority leaves.
    endpoint.show(&new.certify(SERVER));
    endpoint.publish(&Other::bundle(&[&new], 3));
    eventually(async || !scene.believes(&old.key).await).await;
    // Who has the old authority's key no longer is the endpoint.
    endpoint.show(&old.certify(SERVER));
    endpoint.publish(&Other::bundle(&[&old], 4));
    eventually(async || endpoint.refused() >= 1).await;
    assert_eq!((scene.believes(&new.key).await, scene.believes(&old.key).await), (true, false));
}

/// FED-14, F17: not another workload, not another trust domain, not the web's authorities, and no host's name helps.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_with_another_identity_is_not_believed() {
    let (other, stranger) = (Other::new(), Other::new());
    for (why, pem) in [
        ("another workload", other.certify("spiffe://other.test/agent/planner")),
        ("another trust domain", other.certify("spiffe://stranger.test/server")),
        ("another authority", stranger.certify(SERVER)),
        ("a server of the web", web_server("localhost").1),
    ] {
        let endpoint = BundleEndpoint::new(&pem, &Other::bundle(&[&other, &stranger], 2)).await;
        let scene = Scene::new(world(&spiffe(&endpoint), Some(&Other::bundle(&[&other], 1))));
        scene.service.logged("keys could not be fetched");
        assert_eq!((scene.believes(&other.key).await, scene.believes(&stranger.key).await), (true, false), "{why}");
        assert_eq!(endpoint.asked(), 0, "{why}");
    }
}

/// FED-03, F17: rollback. FED-17: an outage. FED-16: redirects.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_bundle_an_outage_and_a_redirect_change_nothing() {
    let (web_authority, pem) = web_server("localhost");
    let (good, bad) = (Other::new(), Other::new());
    let endpoint = BundleEndpoint::new(&pem, &Other::bundle(&[&good], 7)).await;
    let elsewhere = BundleEndpoint::new(&pem, &Other::bundle(&[&bad], 9)).await;
    let world = world(&web(&endpoint), None);
    std::fs::write(world.path("web-ca.pem"), &web_authority.pem).unwrap();
    let scene = Scene::new(world);
    assert!(scene.believes(&good.key).await);
    endpoint.publish(&Other::bundle(&[&bad], 6));
    scene.service.logged("its sequence 6 is lower than 7");
    endpoint.answer(302, Some(&elsewhere.url));
    scene.service.logged("answered 302");
    endpoint.answer(500, None);
    scene.service.logged("answered 500");
    assert_eq!((scene.believes(&good.key).await, scene.believes(&bad.key).await), (true, false));
    assert_eq!(elsewhere.asked(), 0);
    endpoint.publish(&Other::bundle(&[&bad], 8));
    scene.service.logged("keys can be fetched again");
    assert!(scene.believes(&bad.key).await);
    // What fails again and again is said once.
    assert_eq!(scene.service.log().matches("its sequence 6 is lower").count(), 1);
}

/// F17, F34: a bundle endpoint that resolves to this machine is not asked unless it is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_asked() {
    let (web_authority, pem) = web_server("localhost");
    let other = Other::new();
    let endpoint = BundleEndpoint::new(&pem, &Other::bundle(&[&other], 1)).await;
    let world = world(&web(&endpoint).replace(", private_addresses = [\"127.0.0.1\", \"::1\"]", ""), None);
    std::fs::write(world.path("web-ca.pem"), &web_authority.pem).unwrap();
    let scene = Scene::new(world);
    scene.service.logged("`private_addresses` does not name it");
    assert_eq!((endpoint.asked(), endpoint.refused()), (0, 0));
}

/// FED-07, FED-09, FED-13.
#[test]
fn what_contradicts_itself_is_refused_with_the_remedy() {
    let url = "url = \"https://other.test/bundle\"";
    for (federation, words) in [
        (url.to_owned(), ["profile", ""]),
        ("url = \"http://other.test/bundle\", profile = \"https_web\"".to_owned(), ["`trust_domain.federation.url`", "https://"]),
        ("url = \"https://u@other.test/bundle\", profile = \"https_web\"".to_owned(), ["`trust_domain.federation.url`", "user"]),
        ("url = \"https://other.test/#x\", profile = \"https_web\"".to_owned(), ["`trust_domain.federation.url`", "fragment"]),
        (format!("{url}, profile = \"https_spiffe\""), ["`trust_domain.federation.endpoint_id`", "is missing"]),
        (format!("{url}, profile = \"https_spiffe\", endpoint_id = \"{SERVER}\""), ["endpoint_id`", "`bundle_file`"]),
        (
            format!("{url}, profile = \"https_spiffe\", endpoint_id = \"spiffe://third.test/x\""),
            ["endpoint_id`", "[[trust_domain]]"],
        ),
        (format!("{url}, profile = \"https_web\", endpoint_id = \"{SERVER}\""), ["endpoint_id`", "leave it out"]),
        (format!("{url}, profile = \"https_web\", refresh = \"5m\""), ["unknown field `refresh`", ""]),
    ] {
        world(&federation, None).serve_in_vain().says(2, &words);
    }
    let both = world(&format!("{url}, profile = \"https_web\""), None);
    both.edit("name = \"other.test\"\nclients = [\"/*\"]", "name = \"other.test\"");
    both.serve_in_vain().says(2, &["`trust_domain.clients`", "`other.test`"]);
}
