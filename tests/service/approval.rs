//! What needs the user's approval: who may give it, for what, and what the refusal says without it.

use procura_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::support::{
    ACCESS_TOKEN, Agent, Answer, Form, ISSUER, JWT, PAYMENTS, Provider, Service, THIS_MACHINE, Vouching, World, claims,
    eventually, now, procura, run,
};

const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
const RESEARCHER: &str = "spiffe://dev.procura.test/agent/researcher";

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    approver: Vouching,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&World)) -> Self {
        let world = World::new();
        world.needs_evidence();
        let approver = Vouching::approver(&world);
        change(&world);
        let planner = Agent::new(&world, "/agent/planner");
        Self { service: world.serve(), world, planner, approver }
    }

    /// Asks to act for alice at the payments.
    fn form(&self, scope: &str) -> Form {
        self.form_of(&self.world.user_token(json!({})), scope)
    }

    fn form_of(&self, user_token: &str, scope: &str) -> Form {
        self.planner.delegation(user_token).set("resource", PAYMENTS).add("scope", scope)
    }

    async fn send(&self, form: &Form) -> Answer {
        self.service.exchange(&self.planner, form).await
    }

    /// Asks with this approval.
    async fn with_approval(&self, scope: &str, approval: &str) -> Answer {
        self.send(&self.form(scope).add("approval_token", approval)).await
    }

    fn event(&self) -> Value {
        self.world.audit().pop().unwrap()
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{reason}: {answer:?}");
        let event = self.event();
        assert!(event["error.reason"].as_str().unwrap().contains(reason), "{reason}: {event}");
        assert!(!answer.text.contains(reason), "{answer:?}");
    }
}

#[track_caller]
fn granted(answer: &Answer, scope: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["scope"], scope);
    assert_eq!(claims(&answer.token())["scope"], scope);
}

/// AUD-09.
#[tokio::test]
async fn without_an_approval_the_refusal_says_what_the_user_would_have_to_approve() {
    let scene = Scene::new();
    let answer = scene.send(&scene.form("pay.send pay.close")).await;
    assert_eq!(answer.refusal(), (400, "consent_required".to_owned()));
    let needed = json!({ "agent": PLANNER, "target": PAYMENTS, "scope": "pay.close pay.send" });
    assert_eq!(answer.json()["procura_approval_required"], needed);
    let event = scene.event();
    assert_eq!((&event["error.code"], &event["approval.missing"]), (&json!("consent_required"), &json!("pay.close pay.send")));
    assert_eq!(event["policy.ids"], json!(["payments-approved"]));
    // Nothing of it where nothing is missing.
    let refused = scene.send(&scene.form("pay.unknown")).await;
    assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned()));
    assert!(refused.json()["procura_approval_required"].is_null());
}

/// AUD-02, AUD-09.
#[tokio::test]
async fn an_approval_permits_what_it_says_until_it_ends_and_is_in_the_record() {
    let scene = Scene::new();
    let ends = now() + 90;
    let approval = scene.approver.approval(json!({ "jti": "approval-7", "exp": ends }));
    let answer = scene.with_approval("pay.send", &approval).await;
    granted(&answer, "pay.send");
    assert!(claims(&answer.token())["exp"].as_u64().unwrap() <= ends, "nothing outlives the approval it rests on");
    let event = scene.event();
    assert_eq!((&event["approval.id"], &event["approval.issuer"]), (&json!("approval-7"), &json!("https://consent.test")));
    assert_eq!((&event["approval.by"], &event["outcome"]), (&json!(["token"]), &json!("granted")));
    // It is true until it ends, so it may be shown again.
    granted(&scene.with_approval("pay.send", &approval).await, "pay.send");
}

#[tokio::test]
async fn scopes_that_lack_the_approval_are_left_out_of_what_is_granted() {
    let scene = Scene::new();
    granted(&scene.send(&scene.form("pay.list pay.send")).await, "pay.list");
    assert_eq!(scene.event()["approval.missing"], "pay.send");
    let approval = scene.approver.approval(json!({}));
    granted(&scene.with_approval("pay.send pay.close", &approval).await, "pay.send");
    assert_eq!(scene.event()["approval.missing"], "pay.close");
    // One of everything; and one of other things, which is an approval all the same.
    granted(
        &scene.with_approval("pay.send pay.close", &scene.approver.approval(json!({ "scope": null }))).await,
        "pay.close pay.send",
    );
    let other = scene.approver.approval(json!({ "scope": "pay.list" }));
    let answer = scene.with_approval("pay.send", &other).await;
    assert_eq!(answer.refusal(), (400, "consent_required".to_owned()));
    assert_eq!(answer.json()["procura_approval_required"]["scope"], "pay.send");
}

/// F05, F06, F07, F34, F35.
#[tokio::test]
async fn an_approval_that_does_not_fit_is_refused_and_never_left_aside() {
    let scene = Scene::with(|world| {
        // A user issuer that the approver may not approve for, whose users have the same names.
        let other = "[[user_issuer]]\nurl = \"https://other.test\"\nalias = \"other\"\njwks_file = \"trust/users.jwks.json\"";
        world.edit("[[user_issuer]]", &format!("{other}\n\n[[user_issuer]]"));
    });
    let dev = "https://users.dev.procura.test";
    for (changes, reason) in [
        (json!({ "user": { "iss": dev, "sub": "bob" } }), "another user's"),
        (json!({ "user": { "iss": "https://other.test", "sub": "alice" } }), "may not speak of them"),
        (json!({ "user": { "iss": "https://nobody.test", "sub": "alice" } }), "not one we believe"),
        (json!({ "user": { "iss": format!("{dev}/"), "sub": "alice" } }), "not one we believe"),
        (json!({ "agent": RESEARCHER }), "for another agent"),
        (json!({ "agent": "spiffe://other.test/agent/planner" }), "for another agent"),
        (json!({ "target": "http://127.0.0.1:8090/calendar" }), "for another target"),
        (json!({ "target": format!("{PAYMENTS}/") }), "for another target"),
        (json!({ "iss": "https://nobody.test" }), "not one we believe"),
        (json!({ "iss": "https://users.dev.procura.test" }), "not one we believe"),
        (json!({ "aud": "https://sts.other.test" }), "audience"),
        (json!({ "aud": [ISSUER, "https://sts.other.test"] }), "audience"),
        (json!({ "iat": now() - 200, "exp": now() - 61 }), "expired"),
        (json!({ "iat": now() + 120, "exp": now() + 300 }), "not valid before"),
        (json!({ "exp": now() + 86_500 }), "`exp`"),
        (json!({ "scope": "" }), "`scope`"),
        (json!({ "user": null }), "user"),
        (json!({ "act": { "sub": PLANNER } }), "`act`"),
    ] {
        // Not even for what needs no approval.
        for scope in ["pay.send", "pay.list"] {
            scene.refused(&scene.with_approval(scope, &scene.approver.approval(changes.clone())).await, reason);
        }
    }
    let forger = Vouching { issuer: "https://consent.test", key: SigningKey::generate(Algorithm::Es256).unwrap() };
    scene.refused(&scene.with_approval("pay.send", &forger.approval(json!({}))).await, "no trusted key");
    let good = scene.approver.approval(json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = scene.approver.approval(json!({}));
    let mixed = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    scene.refused(&scene.with_approval("pay.send", &mixed).await, "signature");
    granted(&scene.with_approval("pay.send", &good).await, "pay.send");
}

/// F01, F28: one kind of token is not taken for another.
#[tokio::test]
async fn an_approval_is_nothing_else_and_nothing_else_is_an_approval() {
    let scene = Scene::with(|world| drop(Vouching::attester(world)));
    let approval = scene.approver.approval(json!({}));
    let user_token = scene.world.user_token(json!({}));
    let wit = scene.send(&scene.planner.wit(&scene.planner.svid)).await.token();
    let delegation = scene.with_approval("pay.send", &approval).await.token();
    let proof = scene.planner.proof(None);
    for other in [&user_token, &wit, &delegation, &proof, &scene.planner.svid] {
        scene.refused(&scene.with_approval("pay.send", other).await, "approval: ");
    }
    let claims = scene.approver.approval_claims(json!({}));
    for typ in ["JWT", "at+jwt", "wit+jwt", "procura-posture+jwt", "procura-approval", "approval+jwt"] {
        let signed = scene.approver.sign(json!({ "alg": "ES256", "typ": typ }), claims.clone());
        scene.refused(&scene.with_approval("pay.send", &signed).await, "`typ`");
    }
    scene.refused(&scene.send(&scene.form_of(&approval, "pay.send")).await, "subject token: ");
    let as_access_token = scene.form_of(&approval, "pay.send").set("subject_token_type", ACCESS_TOKEN);
    scene.refused(&scene.send(&as_access_token).await, "subject token: ");
    let as_actor = scene.form("pay.send").add("actor_token", &approval).add("actor_token_type", JWT);
    scene.refused(&scene.send(&as_actor).await, "actor token: ");
    scene.refused(&scene.send(&scene.form("pay.send").add("posture_token", &approval)).await, "posture: ");
    let as_assertion = scene.form("pay.send").set("client_assertion", &approval);
    assert_eq!(scene.send(&as_assertion).await.refusal(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn an_approval_is_presented_once_as_a_token_and_for_a_delegation() {
    let scene = Scene::new();
    let approval = scene.approver.approval(json!({}));
    let twice = scene.form("pay.send").add("approval_token", &approval).add("approval_token", &approval);
    scene.refused(&scene.send(&twice).await, "occurs twice");
    for text in ["approved", "a.b", "a.b.c.d", &approval.replace('.', "~")] {
        scene.refused(&scene.with_approval("pay.send", text).await, "approval_token");
    }
    let wit = scene.planner.wit(&scene.planner.svid).add("approval_token", &approval);
    scene.refused(&scene.send(&wit).await, "for delegations");
}

/// W10.
#[tokio::test]
async fn a_disabled_approver_is_believed_no_longer() {
    let scene = Scene::new();
    let approval = scene.approver.approval(json!({}));
    granted(&scene.with_approval("pay.send", &approval).await, "pay.send");
    let change = |arguments: &[&str]| run(procura(&["trust"]).args(arguments).arg("--config").arg(scene.world.config()));
    let told = change(&["disable", "--reason", "key on a laptop", "--issuer", "https://consent.test"]);
    assert_eq!(told.code, 0, "{told:?}");
    eventually(async || scene.with_approval("pay.send", &approval).await.status == 400).await;
    scene.refused(&scene.with_approval("pay.send", &approval).await, "is disabled since");
    // What needs no approval goes on.
    granted(&scene.send(&scene.form("pay.list")).await, "pay.list");
    // An approval lives for a day: until then it would be believed again.
    let told = change(&["enable", "--issuer", "https://consent.test"]);
    assert!(told.code != 0 && told.stderr.contains("1d"), "{told:?}");
}

#[tokio::test]
async fn an_approver_is_listed_shown_and_tried_like_everybody_who_is_believed() {
    let scene = Scene::new();
    let ask = |arguments: &[&str]| run(procura(&["trust"]).args(arguments).arg("--config").arg(scene.world.config()));
    let list = ask(&["list"]).stdout;
    assert!(list.contains("APPROVER") && list.contains("consent-app") && list.contains("https://consent.test"), "{list}");
    let shown = ask(&["show", "consent-app"]).stdout;
    assert!(shown.contains("speaks of") && shown.contains("dev") && shown.contains("ES256"), "{shown}");
    let tried = ask(&["test", &scene.approver.approval(json!({}))]);
    assert_eq!(tried.code, 0, "{tried:?}");
    for words in ["approval", "believed", "dev:alice", PLANNER, PAYMENTS, "pay.send"] {
        assert!(tried.stdout.contains(words), "{words}: {tried:?}");
    }
    let refused = ask(&["test", &scene.approver.approval(json!({ "aud": "https://other.test" }))]);
    assert!(refused.code != 0 && refused.stdout.contains("refused"), "{refused:?}");
}

#[tokio::test]
async fn the_keys_of_an_approver_are_discovered() {
    let (world, provider) = (World::new(), Provider::new().await.start().await);
    world.needs_evidence();
    provider.trusted_for_tls_by(&world, "trust/consent-ca.pem");
    let table = format!(
        "[[approver]]\nname = \"hosted\"\nissuer = \"{}\"\nca_file = \"trust/consent-ca.pem\"\n{THIS_MACHINE}\nuser_issuers = [\"dev\"]",
        provider.url
    );
    world.edit("[[user_issuer]]", &format!("{table}\n\n[[user_issuer]]"));
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let url: &'static str = Box::leak(provider.url.clone().into_boxed_str());
    let approver = Vouching { issuer: url, key: provider.key };
    let form = planner.delegation(&world.user_token(json!({}))).set("resource", PAYMENTS).add("scope", "pay.send");
    granted(&service.exchange(&planner, &form.add("approval_token", &approver.approval(json!({})))).await, "pay.send");
}

/// ACT-14: `may_act` confirms an actor that is known otherwise.
#[tokio::test]
async fn a_user_token_that_names_the_actor_is_an_approval_of_everything() {
    let scene = Scene::new();
    let token = |may_act: Value| scene.world.user_token(json!({ "may_act": may_act }));
    let answer = scene.send(&scene.form_of(&token(json!({ "sub": PLANNER })), "pay.send pay.close")).await;
    granted(&answer, "pay.close pay.send");
    assert!(claims(&answer.token())["may_act"].is_null(), "it is not copied");
    assert_eq!(scene.event()["approval.by"], json!(["may_act"]));
    let named = json!({ "iss": "spiffe://dev.procura.test", "sub": PLANNER });
    granted(&scene.send(&scene.form_of(&token(named), "pay.send")).await, "pay.send");
    for other in [json!({ "sub": RESEARCHER }), json!({ "iss": "https://users.dev.procura.test", "sub": PLANNER })] {
        scene.refused(&scene.send(&scene.form_of(&token(other), "pay.send")).await, "may_act");
    }
    // Both are evidence, and both are told.
    let form = scene.form_of(&token(json!({ "sub": PLANNER })), "pay.close");
    granted(&scene.send(&form.add("approval_token", &scene.approver.approval(json!({})))).await, "pay.close");
    assert_eq!(scene.event()["approval.by"], json!(["token", "may_act"]));
}

#[tokio::test]
async fn a_consent_claim_says_whom_where_and_in_what() {
    let scene = Scene::with(|world| world.edit("alias = \"dev\"", "alias = \"dev\"\nconsent_claim = \"agents\""));
    let ask = async |agents: Value, scope: &str| {
        let token = scene.world.user_token(json!({ "agents": agents }));
        scene.send(&scene.form_of(&token, scope)).await
    };
    granted(&ask(json!([PLANNER]), "pay.send pay.close").await, "pay.close pay.send");
    assert_eq!(scene.event()["approval.by"], json!(["consent_claim"]));
    let some = json!([RESEARCHER, { "agent": PLANNER, "target": PAYMENTS, "scope": "pay.send" }]);
    granted(&ask(some.clone(), "pay.send pay.close").await, "pay.send");
    let both = json!([{ "agent": PLANNER, "scope": "pay.send" }, { "agent": PLANNER, "scope": "pay.close" }]);
    granted(&ask(both, "pay.send pay.close").await, "pay.close pay.send");
    for nothing in [
        json!([]),
        json!([RESEARCHER]),
        json!([{ "agent": PLANNER, "target": "http://127.0.0.1:8090/calendar" }]),
        json!([{ "agent": PLANNER, "scope": "pay.list" }]),
        Value::Null,
    ] {
        assert_eq!(ask(nothing.clone(), "pay.send").await.refusal(), (400, "consent_required".to_owned()), "{nothing}");
    }
    // What is not understood may be a limit.
    for odd in [json!(PLANNER), json!([{ "agent": PLANNER, "until": 0 }]), json!(["planner"])] {
        scene.refused(&ask(odd, "pay.list").await, "consent");
    }
}

#[tokio::test]
async fn at_the_next_hop_the_approval_is_for_who_acts_then() {
    let scene = Scene::new();
    let researcher = Agent::new(&scene.world, "/agent/researcher");
    let root = scene.with_approval("pay.send", &scene.approver.approval(json!({}))).await.token();
    let wit = scene.service.exchange(&researcher, &researcher.wit(&researcher.svid)).await.token();
    let push = scene.planner.push(&root, &wit).set("resource", PAYMENTS);
    let answer = scene.send(&push).await;
    assert_eq!(answer.refusal(), (400, "consent_required".to_owned()));
    assert_eq!(answer.json()["procura_approval_required"]["agent"], RESEARCHER);
    let of_planner = push.clone().add("approval_token", &scene.approver.approval(json!({})));
    scene.refused(&scene.send(&of_planner).await, "for another agent");
    let of_bob = json!({ "agent": RESEARCHER, "user": { "iss": "https://users.dev.procura.test", "sub": "bob" } });
    scene.refused(&scene.send(&push.clone().add("approval_token", &scene.approver.approval(of_bob))).await, "another user's");
    let approval = scene.approver.approval(json!({ "agent": RESEARCHER }));
    granted(&scene.send(&push.add("approval_token", &approval)).await, "pay.send");
}
