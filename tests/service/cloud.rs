//! Callers in clusters and clouds that take more than an issuer's published keys: a cluster that is asked, and an issuer that signs
//! for virtual machines and service accounts alike.

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use procura_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::support::{Agent, Answer, Cluster, Form, ISSUER, JWT, Service, WIT, World, claims, now, public, sign_rs256};

const UID: &str = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798";
const POD: &str = "5e0bd49b-f040-43b0-99b7-22765a53f7f3";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const KEYS: &str = "/openid/v1/jwks";

struct Scene {
    world: World,
    service: Service,
    workload: Agent,
}

/// A service that lets in whom these rules say, and gives all of them WITs.
fn scene(world: World, rules: &str) -> Scene {
    let tables = format!("[[trust_domain]]\nname = \"cloud.procura.test\"\nissue_wit = true\n\n{rules}\n[[user_issuer]]");
    world.edit("[[user_issuer]]", &tables);
    let policy =
        r#"@id("cloud") permit (principal, action == Action::"issue_wit", resource == TrustDomain::"cloud.procura.test");"#;
    std::fs::write(world.path("policies/cloud.cedar"), policy).unwrap();
    let service = world.serve();
    Scene { world, service, workload: workload() }
}

fn workload() -> Agent {
    Agent { key: SigningKey::generate(Algorithm::Es256).unwrap(), svid: String::new() }
}

/// A service that asks `cluster` about each token, or for its keys.
fn beside(cluster: &Cluster, token_review: bool) -> Scene {
    let world = World::new();
    let rule = cluster.known_to(&world, token_review);
    scene(world, &format!("[[platform]]\nkind = \"kubernetes\"\ntrust_domain = \"cloud.procura.test\"\n{rule}"))
}

impl Scene {
    async fn present(&self, token: &str) -> Answer {
        self.present_by(&self.workload, token).await
    }

    async fn present_by(&self, workload: &Agent, token: &str) -> Answer {
        let form = Form::default()
            .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .add("client_assertion", token)
            .add("subject_token", token)
            .add("subject_token_type", JWT)
            .add("requested_token_type", WIT);
        loop {
            let answer = self.service.exchange(workload, &form).await;
            // Who asks a cluster on a busy machine has to be patient: the service is not.
            let is_late = self.world.audit().pop().is_some_and(|event| event["error.reason"].to_string().contains("took longer"));
            if answer.status != 503 || !is_late {
                return answer;
            }
        }
    }

    /// Who it is that presents `token`, with a key of its own.
    async fn named(&self, token: &str) -> String {
        let answer = self.present_by(&workload(), token).await;
        assert_eq!(answer.status, 200, "{answer:?} {}", self.last_event());
        claims(&answer.token())["sub"].as_str().unwrap().to_owned()
    }

    async fn refuses(&self, token: &str, reason: &str) {
        let answer = self.present(token).await;
        assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{reason}: {}", self.last_event());
        assert!(!answer.text.contains("cluster") && !answer.text.contains('`'), "{}", answer.text);
        assert!(self.last_event()["error.reason"].as_str().unwrap().contains(reason), "{reason}: {}", self.last_event());
    }

    async fn cannot_tell(&self, token: &str, reason: &str) {
        let answer = self.present(token).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()), "{reason}");
        assert!(self.last_event()["error.reason"].as_str().unwrap().contains(reason), "{reason}: {}", self.last_event());
    }

    fn last_event(&self) -> Value {
        self.world.audit().pop().unwrap()
    }
}

#[tokio::test]
async fn a_pod_is_its_service_account_by_the_word_of_its_cluster() {
    let cluster = Cluster::start().await;
    let scene = beside(&cluster, true);
    let id = format!("spiffe://cloud.procura.test/kubernetes/default/deployer/{UID}");
    assert_eq!(scene.named(&cluster.token(&json!({}))).await, id);
    let event = scene.last_event();
    for (name, value) in [("kind", "kubernetes"), ("pod", "deploy-7"), ("node", "node-1"), ("service_account", "deployer")] {
        assert_eq!(event[format!("caller.platform.{name}")], value, "{event}");
    }
    assert_eq!((cluster.asked(REVIEWS), cluster.asked(KEYS)), (1, 0));
    // F13: a service account made again under the same name is somebody else.
    let again = cluster.token(&json!({ "kubernetes.io": { "serviceaccount": { "uid": "0" } } }));
    assert_ne!(scene.named(&again).await, id);
}

/// W10: what the cluster took back is not believed for as long as it says.
#[tokio::test]
async fn a_token_ends_with_its_pod() {
    let cluster = Cluster::start().await;
    let scene = beside(&cluster, true);
    cluster.delete_pod(POD);
    scene.refuses(&cluster.token(&json!({})), "the cluster does not believe the token").await;
    let other = cluster.token(&json!({ "kubernetes.io": { "pod": { "uid": "another" } } }));
    assert_eq!(scene.present(&other).await.status, 200);
}

/// F06, F30.
#[tokio::test]
async fn a_cluster_is_asked_for_our_audience_and_its_word_is_compared() {
    let cluster = Cluster::start().await;
    let scene = beside(&cluster, true);
    let stranger = Cluster::start().await;
    scene.refuses(&stranger.token(&json!({})), "the cluster does not believe the token").await;
    let now = now();
    for (changes, reason) in [
        (json!({ "aud": ["https://kubernetes.default.svc"] }), "audience"),
        (json!({ "aud": [ISSUER, "https://kubernetes.default.svc"] }), "audience"),
        (json!({ "exp": now - 61, "iat": now - 600, "nbf": now - 600 }), "expired"),
        (json!({ "iss": "https://other.example" }), "issuer"),
        (json!({ "exp": null }), "`exp`"),
        (json!({ "sub": "system:serviceaccount:kube-system:admin" }), "`sub`"),
    ] {
        scene.refuses(&cluster.token(&changes), reason).await;
    }
    // The word of the cluster on another token, or for another audience.
    let good = cluster.token(&json!({}));
    for (status, reason) in [
        (json!({ "authenticated": true, "audiences": ["https://kubernetes.default.svc"] }), "another audience"),
        (json!({ "authenticated": true }), "another audience"),
        (json!({ "authenticated": true, "audiences": [ISSUER], "user": { "username": "alice", "uid": UID } }), "another user"),
    ] {
        cluster.answer(201, json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status }));
        scene.refuses(&good, reason).await;
    }
}

#[tokio::test]
async fn a_cluster_that_gives_no_verdict_refuses_nobody() {
    let cluster = Cluster::start().await;
    let scene = beside(&cluster, true);
    for (status, body, reason) in [
        (500, json!({}), "answered 500"),
        (403, json!({ "kind": "Status" }), "answered 403"),
        (200, json!({ "kind": "Status" }), "no TokenReview"),
        (302, json!({}), "answered 302"),
    ] {
        cluster.answer(status, body);
        scene.cannot_tell(&cluster.token(&json!({})), reason).await;
    }
    std::fs::write(scene.world.path("trust/reviewer"), "renewed").unwrap();
    scene.cannot_tell(&cluster.token(&json!({})), "answered 401").await;
    std::fs::remove_file(scene.world.path("trust/reviewer")).unwrap();
    scene.cannot_tell(&cluster.token(&json!({})), "cannot be read").await;
    // No token of ours or theirs is in any log.
    let log = scene.service.log();
    assert!(!log.contains("Bearer") && !log.contains("eyJ"), "{log}");
}

#[tokio::test]
async fn the_keys_of_a_cluster_are_read_with_its_token_where_they_are_kept() {
    let cluster = Cluster::start().await;
    let scene = beside(&cluster, false);
    for _ in 0..2 {
        let id = scene.named(&cluster.token(&json!({}))).await;
        assert_eq!(id, format!("spiffe://cloud.procura.test/kubernetes/default/deployer/{UID}"));
    }
    assert_eq!((cluster.asked(REVIEWS), cluster.asked(KEYS)), (0, 1));
    scene.refuses(&Cluster::start().await.token(&json!({})), "").await;
    // What nobody asks the cluster about, it cannot take back.
    cluster.delete_pod(POD);
    assert_eq!(scene.present(&cluster.token(&json!({}))).await.status, 200);
}

fn google(key: &RsaKeyPair, changes: &Value) -> String {
    let mut claims = json!({
        "iss": "https://accounts.google.com", "aud": ISSUER, "sub": "112179062720391305885", "azp": "112179062720391305885",
        "email": "deploy@acme.iam.gserviceaccount.com", "email_verified": true, "iat": now(), "exp": now() + 300,
        "jti": procura_token::base64url::encode(procura_token::random_bytes::<12>()),
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    sign_rs256(key, &claims)
}

/// F13: a machine and the account it has are two principals; the first rule that fits says which is meant.
#[tokio::test]
async fn google_signs_for_machines_and_accounts_and_rules_tell_them_apart() {
    let (world, key) = (World::new(), RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    std::fs::write(world.path("trust/google.json"), json!({ "keys": [public(&key)] }).to_string()).unwrap();
    let rule = |kind: &str, require: &str| {
        format!(
            "[[platform]]\nkind = \"{kind}\"\ntrust_domain = \"cloud.procura.test\"\njwks_file = \"trust/google.json\"\n\
             require = {{ {require} }}\n\n"
        )
    };
    let rules = rule("gcp-instance", "project_number = \"7\"") + &rule("gcp", "subject = \"112179062720391305885\"");
    let scene = scene(world, &rules);
    let machine = json!({ "google": { "compute_engine": {
        "instance_id": "42", "instance_name": "m", "project_id": "acme", "project_number": 7, "zone": "us-central1-a",
    } } });
    let id = |path: &str| format!("spiffe://cloud.procura.test/gcp/{path}");
    assert_eq!(scene.named(&google(&key, &machine)).await, id("project/7/instance/42"));
    assert_eq!(scene.named(&google(&key, &json!({}))).await, id("service-account/112179062720391305885"));
    // Another project's machine with the same account is that account.
    let elsewhere = json!({ "google": { "compute_engine": { "instance_id": "42", "project_number": 8 } } });
    assert_eq!(scene.named(&google(&key, &elsewhere)).await, id("service-account/112179062720391305885"));
    scene.refuses(&google(&key, &json!({ "sub": "8", "azp": "8" })), "no rule fits").await;
    scene.refuses(&google(&key, &json!({ "azp": "764086051850.apps.googleusercontent.com" })), "`azp`").await;
    scene.refuses(&google(&key, &json!({ "aud": "https://other.example" })), "audience").await;
    let forged = google(&RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), &json!({}));
    scene.refuses(&forged, "signature").await;
}
