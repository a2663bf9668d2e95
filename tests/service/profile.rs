//! The table of platforms in `tests/platforms`: each token as its platform documents it.

use std::collections::BTreeMap;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use procura_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::support::{Agent, Answer, CALENDAR, Form, ID_TOKEN, JWT, Platforms, Row, Service, WIT, World, claims, now};
use crate::support::{procura, rows, run};

struct Scene {
    world: World,
    service: Service,
    platforms: Platforms,
}

async fn scene() -> Scene {
    let (world, platforms) = (World::new(), Platforms::new().await);
    platforms.trusted_by(&world);
    let service = world.serve();
    Scene { world, service, platforms }
}

/// A job has a key of its own, and no SVID.
fn job() -> Agent {
    Agent { key: SigningKey::generate(Algorithm::Es256).unwrap(), svid: String::new() }
}

fn presenting(token: &str) -> Form {
    Form::default()
        .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        .add("client_assertion", token)
}

impl Scene {
    async fn wit(&self, token: &str) -> Answer {
        let form = presenting(token).add("subject_token", token).add("subject_token_type", JWT);
        self.service.exchange(&job(), &form.add("requested_token_type", WIT)).await
    }

    /// Who it is that presents a token of the row with these `changes`.
    async fn named(&self, row: &Row, changes: &Value) -> String {
        let answer = self.wit(&self.platforms.token(row, changes)).await;
        assert_eq!(answer.status, 200, "{} {changes}: {answer:?} {}", row.kind, self.last_event());
        claims(&answer.token())["sub"].as_str().unwrap().to_owned()
    }

    async fn refuses(&self, row: &Row, what: &str, token: &str, reason: &str) {
        let (kind, answer) = (&row.kind, self.wit(token).await);
        assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{kind}: {what}");
        // The client is told nothing of the reason.
        assert!(!answer.text.contains('`') && !answer.text.contains("rule"), "{}", answer.text);
        let event = self.last_event();
        let recorded = event["error.reason"].as_str().unwrap_or_default();
        assert!(recorded.contains(reason), "{kind}: {what}: {event}");
    }

    fn last_event(&self) -> Value {
        self.world.audit().pop().unwrap()
    }
}

#[tokio::test]
async fn a_documented_token_gets_a_wit_and_acts_for_a_user_with_its_evidence_in_the_audit_log() {
    let scene = scene().await;
    for (row, _) in &scene.platforms.rows {
        let (kind, id) = (row.kind.as_str(), Row::id(&row.is["path"]));
        assert_eq!(scene.named(row, &json!({})).await, id, "{kind}");
        let event = scene.last_event();
        assert_eq!((&event["caller.credential"], &event["caller.platform.kind"]), (&json!(kind), &json!(kind)), "{event}");
        let recorded: BTreeMap<&str, &Value> = event
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("caller.platform.")?, value)))
            .filter(|(name, _)| !["kind", "rule"].contains(name))
            .collect();
        assert_eq!(recorded, row.each("attributes").collect(), "{kind}");

        let token = scene.platforms.token(row, &json!({}));
        let user = scene.world.user_token(json!({}));
        let form = presenting(&token).add("subject_token", &user).add("subject_token_type", ID_TOKEN).add("resource", CALENDAR);
        let acting = claims(&scene.service.exchange(&job(), &form).await.token());
        assert_eq!((&acting["act"]["sub"], &acting["sub"]), (&json!(id), &json!("dev:alice")), "{kind}");
    }
}

/// F13: ids tell who it is, names do not.
#[tokio::test]
async fn what_is_renamed_stays_who_it_is_and_who_takes_the_name_does_not() {
    let scene = scene().await;
    for (row, _) in &scene.platforms.rows {
        let id = Row::id(&row.is["path"]);
        for (what, changes) in row.each("same") {
            assert_eq!(scene.named(row, changes).await, id, "{}: {what}", row.kind);
        }
        for (what, case) in row.each("other") {
            assert_eq!(scene.named(row, &case[0]).await, Row::id(&case[1]), "{}: {what}", row.kind);
            assert_ne!(row.is["path"], case[1], "{}: {what}", row.kind);
        }
    }
}

/// F06, F30, F34: what no platform's token may be, and what none of this platform's may.
#[tokio::test]
async fn tokens_that_must_never_count_are_refused_coarsely_and_recorded_exactly() {
    let (scene, stranger) = (scene().await, RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let rows = &scene.platforms.rows;
    for (at, (row, _)) in rows.iter().enumerate() {
        let (neighbour, neighbours_key) = &rows[(at + 1) % rows.len()];
        let audience = row.is["audience"].as_str().unwrap_or(crate::support::ISSUER);
        let issuer = scene.platforms.issuer(row);
        for (what, changes, reason) in [
            ("another service", json!({ "aud": "https://other.example" }), "audience"),
            ("another service too", json!({ "aud": [audience, "https://other.example"] }), "audience"),
            ("nobody", json!({ "aud": null }), "`aud`"),
            ("another issuer", json!({ "iss": format!("{issuer}/") }), "issuer is not one we believe"),
            ("expired", json!({ "exp": now() - 61, "iat": now() - 400, "nbf": now() - 400 }), "expired"),
            ("not yet", json!({ "nbf": now() + 120 }), "not valid before"),
            ("for ever", json!({ "exp": null }), "`exp`"),
        ] {
            scene.refuses(row, what, &scene.platforms.token(row, &changes), reason).await;
        }
        for (what, key) in [("a stranger's key", &stranger), ("another platform's key", neighbours_key)] {
            scene.refuses(row, what, &scene.platforms.token_by(key, row, &json!({})), "signature").await;
        }
        let passed_off = json!({ "iss": scene.platforms.issuer(neighbour) });
        scene.refuses(row, "another platform's issuer", &scene.platforms.token(row, &passed_off), "signature").await;
        for (what, case) in row.each("refused") {
            let token = scene.platforms.token(row, &case[0]);
            scene.refuses(row, what, &token, case[1].as_str().unwrap()).await;
        }
    }
}

/// What `config check` says of a rule.
fn checked(rule: &str, words: &[&str]) {
    let world = World::new();
    let tables = format!("[[trust_domain]]\nname = \"ci.procura.test\"\n\n{rule}\n[[user_issuer]]");
    world.edit("[[user_issuer]]", &tables);
    run(procura(&["config", "check"]).arg(world.config())).says(2, words);
}

/// F13: no path gives two principals one identifier.
#[test]
fn a_path_that_leaves_out_who_it_is_stops_the_start() {
    for row in rows() {
        let issuer = row.is["issuer"].as_str().unwrap_or("https://issuer.example");
        checked(&row.rule(issuer, "path = \"/everybody\""), &["platform.path", "leaves out"]);
    }
}

/// F07: an issuer that has many customers vouches for strangers, too.
#[test]
fn a_rule_for_everybody_s_issuer_says_who_is_ours() {
    for (kind, issuer) in [
        ("gitlab-ci", ""),
        ("hcp-terraform", ""),
        ("hcp-terraform", "https://app.eu.terraform.io"),
        ("buildkite", ""),
        ("bitbucket-pipelines", "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"),
        ("oidc", "https://idp.example"),
    ] {
        let issuer = if issuer.is_empty() { String::new() } else { format!("issuer = \"{issuer}\"\n") };
        let rule = format!("[[platform]]\nkind = \"{kind}\"\ntrust_domain = \"ci.procura.test\"\n{issuer}");
        checked(&rule, &["platform.require", "strangers"]);
    }
}
