//! Bundles that a server of the SPIFFE Workload API pushes. The server is other people's gRPC.

use procura_token::{Algorithm, Signer as _, SigningKey};
use serde_json::json;

use crate::support::{
    Agent, Answer, Authority, DEV, Form, JWT_BUNDLES, Service, WIT_BUNDLES, WorkloadApi, World, X509_BUNDLES, eventually,
    jwt_svid,
};

const PLANNER: &str = "/agent/planner";

struct Scene {
    world: World,
    api: WorkloadApi,
    service: Service,
    form: Form,
    planner: Agent,
}

impl Scene {
    /// A service whose trust domain is pushed by a server.
    fn new() -> Self {
        let world = World::new();
        let api = WorkloadApi::of(&world);
        Self::with(world, api)
    }

    fn with(world: World, api: WorkloadApi) -> Self {
        let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
        let form = planner.delegation(&world.user_token(json!({})));
        Self { world, api, service, form, planner }
    }

    /// The exchange of an agent with the JWT-SVID `svid`.
    async fn present(&self, svid: &str) -> Answer {
        self.service.exchange(&self.planner, &self.form.clone().set("client_assertion", svid)).await
    }

    /// A JWT-SVID of the planner by `key`.
    fn svid(key: &SigningKey) -> String {
        jwt_svid(key, &format!("{DEV}{PLANNER}"), 3600)
    }

    /// Waits until an SVID by `key` is answered with `status`.
    async fn until(&self, key: &SigningKey, status: u16) {
        eventually(async || self.present(&Self::svid(key)).await.status == status).await;
    }
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// WEP-01: the server refuses who does not send the metadata. WAPI-18: keys need not say their use.
#[tokio::test]
async fn a_bundle_is_pushed_over_a_unix_socket_or_over_tcp() {
    for tcp in [false, true] {
        let world = World::new();
        let mut api = WorkloadApi::new();
        api.tell_world(&world);
        if tcp {
            api.serve_tcp()
        } else {
            api.serve()
        }
        api.pushes_to(&world);
        let scene = Scene::with(world, api);
        assert_eq!(scene.present(&scene.planner.svid).await.status, 200);
        assert_eq!(scene.present(&Scene::svid(&key())).await.refusal(), (401, "invalid_client".to_owned()));
        assert_eq!(scene.service.get("/readyz").await.status, 200);
        assert_eq!((scene.api.calls(X509_BUNDLES), scene.api.calls(JWT_BUNDLES)), (1, 1));
    }
}

/// WAPI-10: authorities in DER, one after the other.
#[tokio::test]
async fn certificates_are_judged_by_the_authorities_that_are_pushed() {
    let (world, listener, stranger) = (World::new(), Authority::new(), Authority::new());
    world.use_mtls(&listener);
    let api = WorkloadApi::of(&world);
    let own = Authority::of(&world);
    api.tell_x509(&[(DEV, &[&stranger, &own]), ("spiffe://other.test", &[&listener])]);
    let scene = Scene::with(world, api);
    let status = async |authority: &Authority| {
        let pem = authority.certify_workload(&format!("{DEV}{PLANNER}"), 600);
        let identity = reqwest::Identity::from_pem(pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([listener.certificate()]).identity(identity);
        let door = scene.service.door("serving with client certificates", "https://localhost", client.build().unwrap());
        let form = scene.form.clone().without("client_assertion").without("client_assertion_type");
        door.post_bare(&form).await.status
    };
    assert_eq!((status(&own).await, status(&stranger).await, status(&listener).await), (200, 200, 401));
    // WAPI-05: the next message says all there is.
    scene.api.tell_x509(&[(DEV, &[&stranger])]);
    eventually(async || status(&own).await == 401).await;
    assert_eq!(status(&stranger).await, 200);
}

/// WEP-04, WAPI-03: unavailable is asked again.
#[tokio::test]
async fn a_service_that_starts_before_the_server_believes_nobody_until_it_comes() {
    let (world, api) = (World::new(), WorkloadApi::new());
    api.tell_world(&world);
    api.pushes_to(&world);
    let scene = Scene::with(world, api);
    let answer = scene.present(&scene.planner.svid).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(scene.service.get("/readyz").await.status, 503);
    scene.api.serve();
    eventually(async || scene.service.get("/readyz").await.status == 200).await;
    assert_eq!(scene.present(&scene.planner.svid).await.status, 200);
}

/// FED-01, BUNDLE-07; what the issue asks of rotation: nobody who is believed is refused meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load_and_no_request_is_lost() {
    const EXCHANGES: usize = 120;
    let scene = std::sync::Arc::new(Scene::new());
    let first = std::sync::Arc::new(scene.world.key("authority/svid.jwk"));
    let signer = std::sync::Arc::new(tokio::sync::RwLock::new(first));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (scene, signer) = (std::sync::Arc::clone(&scene), std::sync::Arc::clone(&signer));
            tokio::spawn(async move {
                for _ in 0..EXCHANGES / 4 {
                    // Held until the answer is there: an SVID of a key that left is refused with reason.
                    let key = signer.read().await;
                    let answer = scene.present(&Scene::svid(&key)).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    for _ in 0..4 {
        let (old, new) = (std::sync::Arc::clone(&*signer.read().await), std::sync::Arc::new(key()));
        scene.api.tell_jwt(&[(DEV, &[&old, &new])]);
        scene.until(&new, 200).await;
        *signer.write().await = std::sync::Arc::clone(&new);
        scene.api.tell_jwt(&[(DEV, &[&new])]);
        scene.until(&old, 401).await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(scene.api.calls(JWT_BUNDLES), 1);
}

/// WAPI-05, WAPI-07, FED-18: absent is unknown.
#[tokio::test]
async fn a_trust_domain_that_the_server_does_not_name_is_unknown() {
    let scene = Scene::new();
    let known = scene.world.key("authority/svid.jwk");
    assert_eq!(scene.present(&Scene::svid(&known)).await.status, 200);
    scene.api.tell_x509(&[("spiffe://other.test", &[])]);
    scene.api.tell_jwt(&[("spiffe://other.test", &[&known]), ("dev.procura.test", &[&known])]);
    scene.until(&known, 401).await;
    scene.service.logged("its source knows it not");
    assert_eq!(scene.service.get("/readyz").await.status, 200);
    scene.api.tell_jwt(&[(DEV, &[&known])]);
    scene.until(&known, 200).await;
}

/// FED-04, F17, BUNDLE-01: one socket, two trust domains, and neither vouches for the other.
#[tokio::test]
async fn federated_trust_domains_of_one_server_are_kept_apart() {
    let (world, api, foreign) = (World::new(), WorkloadApi::new(), key());
    let own = world.key("authority/svid.jwk");
    api.tell_x509(&[]);
    api.tell_jwt(&[(DEV, &[&own]), ("spiffe://other.test", &[&foreign])]);
    api.serve();
    api.pushes_to(&world);
    let table = format!("[[trust_domain]]\nname = \"other.test\"\nworkload_api = \"{}\"\nclients = [\"/*\"]\n", api.address);
    world.edit("[[user_issuer]]", &format!("{table}\n[[user_issuer]]"));
    let scene = Scene::with(world, api);
    // Believed, and permitted nothing: no policy knows it.
    let other = jwt_svid(&foreign, "spiffe://other.test/agent/planner", 3600);
    assert_eq!(scene.present(&other).await.refusal(), (400, "invalid_target".to_owned()));
    for (key, id) in [(&own, "spiffe://other.test/agent/planner"), (&foreign, "spiffe://dev.procura.test/agent/planner")] {
        assert_eq!(scene.present(&jwt_svid(key, id, 3600)).await.refusal(), (401, "invalid_client".to_owned()), "{id}");
    }
    assert_eq!(scene.api.calls(JWT_BUNDLES), 1, "one stream serves both");
}

/// WAPI-09, WSVID-25, JSVID-14: a key of one kind vouches for nothing else.
#[tokio::test]
async fn keys_for_wits_come_from_their_own_call_and_count_for_wits_only() {
    let (world, api, wit_key) = (World::new(), WorkloadApi::new(), key());
    api.tell_world(&world);
    api.tell_wit(&[(DEV, &[&wit_key])]);
    api.serve();
    api.pushes_to(&world);
    let scene = Scene::with(world, api);
    let wit = |signer: &SigningKey| {
        let header = json!({ "typ": "wit+jwt", "alg": "ES256", "kid": signer.public_key().key_id });
        let mut confirmation = serde_json::to_value(scene.planner.key.public_key()).unwrap();
        confirmation["alg"] = json!("ES256");
        confirmation.as_object_mut().unwrap().remove("kid");
        let exp = crate::support::now() + 600;
        let claims = json!({ "sub": format!("{DEV}{PLANNER}"), "exp": exp, "cnf": { "jwk": confirmation } });
        crate::support::sign(signer, &header, &claims)
    };
    let present = async |actor: &str| {
        let form = scene.form.clone().add("actor_token", actor).add("actor_token_type", crate::support::JWT);
        scene.service.exchange(&scene.planner, &form).await
    };
    assert_eq!(present(&wit(&wit_key)).await.status, 200);
    let jwt_key = scene.world.key("authority/svid.jwk");
    assert_eq!(present(&wit(&jwt_key)).await.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(scene.present(&Scene::svid(&wit_key)).await.refusal(), (401, "invalid_client".to_owned()));
    // It leaves with the next message.
    scene.api.tell_wit(&[]);
    eventually(async || present(&wit(&wit_key)).await.status == 400).await;
}

/// WAPI-15, WAPI-16, WEP-04: what is not implemented is not asked for again; everything else is.
#[tokio::test]
async fn a_call_that_is_not_implemented_is_made_once_and_others_again_at_once() {
    let scene = Scene::new();
    for calls in 2..5 {
        scene.api.end(JWT_BUNDLES);
        scene.api.end(X509_BUNDLES);
        eventually(async || !(scene.api.calls(JWT_BUNDLES) < calls || scene.api.calls(X509_BUNDLES) < calls)).await;
    }
    assert_eq!(scene.present(&scene.planner.svid).await.status, 200);
    assert_eq!(scene.api.calls(WIT_BUNDLES), 1);
    // Nor is a request that the server calls malformed.
    scene.api.tell_status(JWT_BUNDLES, "INVALID_ARGUMENT");
    scene.until(&scene.world.key("authority/svid.jwk"), 401).await;
    scene.api.end(X509_BUNDLES);
    eventually(async || scene.api.calls(X509_BUNDLES) >= 5).await;
    assert_eq!(scene.api.calls(JWT_BUNDLES), 4);
}

/// WEP-04; the last good bundle is kept.
#[tokio::test]
async fn an_outage_of_the_server_changes_nothing_and_a_new_key_comes_after_it() {
    let (world, new) = (World::new(), key());
    world.edit("[keys.token]", "[admin]\nlisten = \"127.0.0.1:0\"\n\n[keys.token]");
    let api = WorkloadApi::of(&world);
    let scene = Scene::with(world, api);
    let old = scene.world.key("authority/svid.jwk");
    scene.api.stop();
    scene.service.logged("keys could not be fetched; the last ones stay in use");
    assert_eq!(scene.present(&Scene::svid(&old)).await.status, 200);
    assert_eq!(scene.service.get("/readyz").await.status, 200);

    let operators = scene.service.door("serving operators", "http://127.0.0.1", reqwest::Client::new());
    let sample = async |name: &str| {
        let text = operators.get("/metrics").await.text;
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let authority = "authority=\"trust domain dev.procura.test\"";
    eventually(async || sample(&format!("procura_trust_age_seconds{{{authority}}}")).await >= 1.0).await;
    assert!(sample(&format!("procura_trust_refreshes_total{{{authority},outcome=\"good\"}}")).await >= 1.0);
    assert!(sample(&format!("procura_trust_refreshes_total{{{authority},outcome=\"failed\"}}")).await >= 1.0);

    scene.api.tell_jwt(&[(DEV, &[&new])]);
    scene.api.serve();
    scene.until(&new, 200).await;
    assert_eq!(scene.present(&Scene::svid(&old)).await.refusal(), (401, "invalid_client".to_owned()));
    scene.service.logged("keys can be fetched again");
}

/// WAPI-11: what is denied is no longer used, and asked for again.
#[tokio::test]
async fn a_server_that_denies_what_it_told_is_obeyed() {
    let scene = Scene::new();
    let known = scene.world.key("authority/svid.jwk");
    scene.until(&known, 200).await;
    scene.api.tell_status(JWT_BUNDLES, "PERMISSION_DENIED");
    scene.until(&known, 401).await;
    scene.api.tell_jwt(&[(DEV, &[&known])]);
    scene.until(&known, 200).await;
}

/// WAPI-06: what cannot be read is reported and discarded, and no more than that.
#[tokio::test]
async fn a_bundle_that_cannot_be_read_changes_nothing_and_a_message_too_large_neither() {
    let scene = Scene::new();
    let known = scene.world.key("authority/svid.jwk");
    for (told, bundles) in [
        ("cannot be read", vec![(DEV, b"{\"keys\":7}".to_vec())]),
        ("cannot be read", vec![(DEV, vec![b' '; 256 * 1024 + 1])]),
        ("decoded message length too large", vec![("spiffe://large.test", vec![b' '; 4 * 1024 * 1024])]),
    ] {
        scene.api.tell_bytes(JWT_BUNDLES, bundles.into_iter());
        scene.service.logged(told);
        assert_eq!(scene.present(&Scene::svid(&known)).await.status, 200, "{told}");
    }
    scene.api.tell_bytes(X509_BUNDLES, [(DEV, vec![0x30, 0x82])].into_iter());
    scene.service.logged("not certificates in DER");
    let next = key();
    scene.api.tell_jwt(&[(DEV, &[&next])]);
    scene.until(&next, 200).await;
}

/// WEP-03.
#[test]
fn the_address_comes_from_the_configuration_or_the_environment() {
    let world = World::new();
    world.edit("bundle_file = \"trust/bundle.json\"", "workload_api = \"unix:run/agent.sock\"");
    world.serve_in_vain().says(2, &["`trust_domain.workload_api`", "unix:run/agent.sock", "unix:///run/spire/agent.sock"]);
    world.edit("unix:run/agent.sock", "env");
    let config = world.config();
    let serve = |address: Option<&str>| {
        let mut command = crate::support::procura(&["serve", "--config"]);
        command.arg(&config).env_remove("SPIFFE_ENDPOINT_SOCKET");
        if let Some(address) = address {
            command.env("SPIFFE_ENDPOINT_SOCKET", address);
        }
        command
    };
    crate::support::run(&mut serve(None)).says(2, &["`trust_domain.workload_api`", "SPIFFE_ENDPOINT_SOCKET is not set"]);
    crate::support::run(&mut serve(Some("tcp://localhost:1"))).says(2, &["tcp://localhost:1"]);
    let api = WorkloadApi::new();
    api.tell_world(&world);
    api.serve();
    let service = Service::spawn(&mut serve(Some(&api.address)));
    assert!(!service.log().contains("not all bundles have come"));
    world.edit("workload_api = \"env\"", "workload_api = \"env\"\nbundle_file = \"trust/bundle.json\"");
    world.serve_in_vain().says(2, &["`trust_domain.workload_api`", "keep one source"]);
}

/// WEP-04, WAPI-11: who is not registered yet waits for it.
#[tokio::test]
async fn a_service_that_the_server_does_not_know_yet_is_not_ready() {
    let (world, api) = (World::new(), WorkloadApi::new());
    for rpc in [X509_BUNDLES, JWT_BUNDLES] {
        api.tell_status(rpc, "PERMISSION_DENIED");
    }
    api.serve();
    api.pushes_to(&world);
    let scene = Scene::with(world, api);
    assert_eq!(scene.present(&scene.planner.svid).await.status, 503);
    assert_eq!(scene.service.get("/readyz").await.status, 503);
    scene.api.tell_world(&scene.world);
    eventually(async || scene.service.get("/readyz").await.status == 200).await;
    assert_eq!(scene.present(&scene.planner.svid).await.status, 200);
}
