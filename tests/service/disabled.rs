//! Somebody is stopped while the service runs, and comes back.

use std::future::Future;
use std::time::Duration;

use procura_token::{JwkSet, Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::support::{
    Agent, Answer, Authority, Door, Ended, Form, GitHub, JWT, MTLS_URL, Service, WIT, World, claims, procura, run, sign,
};

const PLANNER: &str = "/agent/planner";
const PLANNER_ID: &str = "spiffe://dev.procura.test/agent/planner";
const USERS: &str = "https://users.dev.procura.test";

/// Asks again and again until the status is `status`.
async fn until<F: Future<Output = Answer>>(status: u16, ask: impl Fn() -> F) -> Answer {
    let asking = async {
        loop {
            let answer = ask().await;
            if answer.status == status {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), asking).await.expect("it did not come to that")
}

fn change(world: &World, arguments: &[&str]) -> Ended {
    run(procura(&["trust"]).args(arguments).arg("--config").arg(world.config()))
}

fn disable(world: &World, who: &[&str]) {
    let told = change(world, &[&["disable", "--reason", "stolen laptop"], who].concat());
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("is disabled since 20") && told.stdout.contains("stolen laptop"), "{told:?}");
}

fn enable(world: &World, who: &[&str]) {
    let told = change(world, &[&["enable", "--now"], who].concat());
    assert_eq!(told.code, 0, "{told:?}");
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.refusal().1, code);
    // The client learns nothing of it.
    assert!(!answer.text.contains("disabled") && !answer.text.contains("stolen"), "{}", answer.text);
}

fn reason(events: &[Value]) -> &str {
    events.last().unwrap()["error.reason"].as_str().unwrap()
}

/// W10. Two copies of the service read the same list.
#[tokio::test]
async fn a_disabled_workload_is_refused_by_every_copy_however_it_comes_and_works_again_when_enabled() {
    let world = World::new();
    let other = world.variant("other.toml", &[("audit/events.jsonl", "audit/other.jsonl")]);
    let copies = [world.serve(), Service::start(&other)];
    let planner = Agent::new(&world, PLANNER);
    let form = planner.delegation(&world.user_token(json!({})));
    for copy in &copies {
        assert_eq!(copy.exchange(&planner, &form).await.status, 200);
    }
    let wit = copies[0].exchange(&planner, &planner.wit(&world.svid(PLANNER, 600))).await.token();

    disable(&world, &["--workload", "spiffe://dev.procura.test/agent/planner"]);
    for copy in &copies {
        refused(&until(401, || copy.exchange(&planner, &form)).await, "invalid_client");
    }
    let why = format!("caller: workload `{PLANNER_ID}` is disabled since ");
    assert!(
        reason(&world.audit()).starts_with(&why) && reason(&world.audit()).ends_with(": stolen laptop"),
        "{}",
        reason(&world.audit())
    );
    // Neither for itself nor with what it was given before.
    refused(&copies[0].exchange(&planner, &planner.wit(&wit)).await, "invalid_client");
    refused(
        &copies[0].exchange(&planner, &form.clone().add("actor_token", &wit).add("actor_token_type", JWT)).await,
        "invalid_client",
    );
    // Others go on, whatever of the disabled they show.
    let researcher = Agent::new(&world, "/agent/researcher");
    let theirs = researcher.wit(&researcher.svid);
    assert_eq!(copies[1].exchange(&researcher, &theirs).await.status, 200);
    let shown = theirs.set("subject_token", &wit);
    refused(&copies[0].exchange(&researcher, &shown).await, "invalid_request");
    assert!(reason(&world.audit()).starts_with("subject token: workload"), "{}", reason(&world.audit()));

    enable(&world, &["--workload", PLANNER_ID]);
    for copy in &copies {
        until(200, || copy.exchange(&planner, &form)).await;
    }
}

/// The same for a connection that was made before.
#[tokio::test]
async fn a_kept_connection_with_a_certificate_is_refused_too() {
    let (world, authority) = (World::new(), Authority::new());
    world.use_mtls(&authority);
    let service = world.serve();
    let svid = world.x509_svid(PLANNER);
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority.certificate()]);
    let http = http.identity(reqwest::Identity::from_pem(svid.as_bytes()).unwrap()).build().unwrap();
    let door = service.door("serving with client certificates", "https://localhost", http);
    let planner = Agent::new(&world, PLANNER);
    let form = planner.unauthenticated(&world.user_token(json!({})));
    assert_eq!(door.post_bare(&form).await.status, 200);
    disable(&world, &["--workload", "spiffe://dev.procura.test/agent/*"]);
    refused(&until(401, || door.post_bare(&form)).await, "invalid_client");
    // A certificate of the disabled beside somebody else's credential is no help.
    let server = Agent::new(&world, "/server/calendar");
    let theirs = server.delegation(&world.user_token(json!({})));
    refused(&mutual(&door, &server, &theirs).await, "invalid_client");
}

/// Presents `form` with a proof over a connection with a certificate.
async fn mutual(door: &Door, agent: &Agent, form: &Form) -> Answer {
    door.post(&agent.proof_at(MTLS_URL, None), form).await
}

#[tokio::test]
async fn a_disabled_trust_domain_and_a_disabled_issuer_are_refused() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let form = planner.delegation(&world.user_token(json!({})));
    assert_eq!(service.exchange(&planner, &form).await.status, 200);

    disable(&world, &["--issuer", USERS]);
    refused(&until(400, || service.exchange(&planner, &form)).await, "invalid_request");
    assert!(
        reason(&world.audit()).starts_with(&format!("subject token: issuer `{USERS}` is disabled")),
        "{}",
        reason(&world.audit())
    );
    // Workloads themselves are none of its business.
    assert_eq!(service.exchange(&planner, &planner.wit(&world.svid(PLANNER, 600))).await.status, 200);

    disable(&world, &["--trust-domain", "dev.procura.test"]);
    refused(&until(401, || service.exchange(&planner, &form)).await, "invalid_client");
    enable(&world, &["--trust-domain", "dev.procura.test"]);
    enable(&world, &["--issuer", USERS]);
    until(200, || service.exchange(&planner, &form)).await;
}

/// W10: what was made of a platform's credential ends with its rule.
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_platform_rule_stops_its_jobs_and_the_wits_they_have() {
    let (world, github) = (World::new(), GitHub::new().await);
    github.trusted_by(&world, "");
    let service = world.serve();
    let job = Agent { key: SigningKey::generate(procura_token::Algorithm::Es256).unwrap(), svid: String::new() };
    let asking = |token: &str| {
        Form::default()
            .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .add("client_assertion", token)
            .add("subject_token", token)
            .add("subject_token_type", JWT)
            .add("requested_token_type", WIT)
    };
    let wit = service.exchange(&job, &asking(&github.token(json!({})))).await.token();
    let told = |name: &str| run(procura(&["trust", "test", name, "--config"]).arg(world.config()));
    assert_eq!(told(&wit).code, 0);

    for who in [["--platform", "deploy"], ["--issuer", claims(&github.token(json!({})))["iss"].as_str().unwrap()]] {
        disable(&world, &who);
        let form = asking(&github.token(json!({})));
        refused(&until(401, || service.exchange(&job, &form)).await, "invalid_client");
        assert!(reason(&world.audit()).contains("is disabled since"), "{}", reason(&world.audit()));
        told(&wit).says(1, &["the WIT would be refused", "is disabled since", "stolen laptop"]);
        told(&github.token(json!({}))).says(1, &["the platform token would be refused", "is disabled since"]);
        enable(&world, &who);
    }
    let form = asking(&github.token(json!({})));
    until(200, || service.exchange(&job, &form)).await;
}

#[tokio::test]
async fn a_broken_list_changes_nothing_and_the_log_says_so() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let form = planner.delegation(&world.user_token(json!({})));
    disable(&world, &["--workload", PLANNER_ID]);
    until(401, || service.exchange(&planner, &form)).await;

    let list = world.path("trust/disabled.toml");
    std::fs::write(&list, "[[disabled]]\nworklod = \"spiffe://dev.procura.test/agent/planner\"\n").unwrap();
    let told = service.logged("the list of the disabled could not be read; the last good one stays in force");
    assert!(told.contains("trust/disabled.toml: line ") && told.contains("worklod"), "{told}");
    assert_eq!(service.exchange(&planner, &form).await.status, 401);
    world.serve_in_vain().says(1, &["trust/disabled.toml", "line ", "worklod"]);
    change(&world, &["disable", "--workload", PLANNER_ID, "--reason", "x"]).says(1, &["trust/disabled.toml", "line ", "worklod"]);
    std::fs::remove_file(&list).unwrap();
    service.logged("an empty file disables nobody");
    assert_eq!(service.exchange(&planner, &form).await.status, 401);
    world.serve_in_vain().says(1, &["trust/disabled.toml", "cannot be read", "an empty file disables nobody"]);
    std::fs::write(&list, "").unwrap();
    until(200, || service.exchange(&planner, &form)).await;
}

/// BUNDLE: a key that left the bundle is believed no longer once somebody says so.
#[tokio::test]
async fn sighup_reads_bundles_key_sets_and_the_list_again_at_once() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let user_token = world.user_token(json!({}));
    let form = planner.delegation(&user_token);
    assert_eq!(service.exchange(&planner, &form).await.status, 200);

    let bundle = world.path("trust/bundle.json");
    let whole = std::fs::read_to_string(&bundle).unwrap();
    let mut less: Value = serde_json::from_str(&whole).unwrap();
    less["keys"].as_array_mut().unwrap().retain(|key| key["use"] != "jwt-svid");
    std::fs::write(&bundle, less.to_string()).unwrap();
    assert_eq!(service.exchange(&planner, &form).await.status, 200, "nobody said that there is something new");
    service.signal("-HUP");
    refused(&until(401, || service.exchange(&planner, &form)).await, "invalid_client");
    std::fs::write(&bundle, "{").unwrap();
    service.signal("-HUP");
    service.logged("keys could not be fetched");
    std::fs::write(&bundle, &whole).unwrap();
    service.signal("-HUP");
    until(200, || service.exchange(&planner, &form)).await;

    // The same for users: the old key goes, the new one comes.
    let next = SigningKey::generate(procura_token::Algorithm::Es256).unwrap();
    let keys = JwkSet { keys: vec![next.public_key().for_use("sig")] };
    std::fs::write(world.path("trust/users.jwks.json"), serde_json::to_vec(&keys).unwrap()).unwrap();
    service.signal("-HUP");
    refused(&until(400, || service.exchange(&planner, &form)).await, "invalid_request");
    let header = json!({ "alg": "ES256", "kid": next.public_key().key_id });
    let renewed = planner.delegation(&sign(&next, &header, &world.user_claims(json!({}))));
    assert_eq!(service.exchange(&planner, &renewed).await.status, 200);
}
