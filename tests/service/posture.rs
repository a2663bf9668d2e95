//! What an attester says of an agent, and what policy makes of it.

use procura_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::support::{Agent, Answer, Form, ISSUER, Service, VAULT, Vouching, World, claims, eventually, now, procura, run};

const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
const RESEARCHER: &str = "spiffe://dev.procura.test/agent/researcher";

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    attester: Vouching,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        world.needs_evidence();
        let attester = Vouching::attester(&world);
        let planner = Agent::new(&world, "/agent/planner");
        Self { service: world.serve(), world, planner, attester }
    }

    fn form(&self) -> Form {
        self.planner.delegation(&self.world.user_token(json!({}))).set("resource", VAULT)
    }

    async fn send(&self, form: &Form) -> Answer {
        self.service.exchange(&self.planner, form).await
    }

    async fn with_posture(&self, posture: &str) -> Answer {
        self.send(&self.form().add("posture_token", posture)).await
    }

    fn event(&self) -> Value {
        self.world.audit().pop().unwrap()
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{reason}: {answer:?}");
        let event = self.event();
        assert!(event["error.reason"].as_str().unwrap().contains(reason), "{reason}: {event}");
    }
}

/// AUD-02: the posture that was used is in the record.
#[tokio::test]
async fn a_healthy_agent_gets_what_an_unknown_one_does_not() {
    let scene = Scene::new();
    assert_eq!(scene.send(&scene.form()).await.refusal(), (400, "invalid_target".to_owned()));
    let ends = now() + 90;
    let answer = scene.with_posture(&scene.attester.posture(json!({ "jti": "scan-3", "exp": ends }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(claims(&answer.token())["exp"].as_u64().unwrap() <= ends, "nothing outlives the posture it rests on");
    let event = scene.event();
    assert_eq!((&event["posture.id"], &event["posture.issuer"]), (&json!("scan-3"), &json!("https://edr.test")));
    for sick in
        [json!({ "state": "infected", "cves": 0 }), json!({ "state": "healthy", "cves": 3 }), json!({ "state": "healthy" })]
    {
        let answer = scene.with_posture(&scene.attester.posture(json!({ "posture": sick }))).await;
        assert_eq!(answer.refusal(), (400, "invalid_target".to_owned()));
        assert_eq!(scene.event()["posture.issuer"], "https://edr.test");
    }
}

/// F01, F07, F17, F34, F35.
#[tokio::test]
async fn a_posture_that_does_not_fit_is_refused_and_never_left_aside() {
    let scene = Scene::new();
    for (changes, reason) in [
        (json!({ "sub": RESEARCHER }), "another workload"),
        (json!({ "sub": "spiffe://dev.procura.test/server/calendar" }), "may not speak of them"),
        (json!({ "sub": "spiffe://dev.procura.test/agent" }), "may not speak of them"),
        (json!({ "sub": "spiffe://dev.procura.test/agent-evil/planner" }), "may not speak of them"),
        (json!({ "sub": "spiffe://other.test/agent/planner" }), "may not speak of them"),
        (json!({ "sub": "alice" }), "posture: "),
        (json!({ "iss": "https://nobody.test" }), "not one we believe"),
        (json!({ "aud": "https://sts.other.test" }), "audience"),
        (json!({ "aud": [ISSUER, "https://sts.other.test"] }), "audience"),
        (json!({ "iat": now() - 200, "exp": now() - 61 }), "expired"),
        (json!({ "exp": now() + 3700 }), "`exp`"),
        (json!({ "posture": {} }), "posture: "),
        (json!({ "posture": { "state": { "is": "healthy" } } }), "posture: "),
        (json!({ "cnf": { "jkt": "x" } }), "`cnf`"),
    ] {
        scene.refused(&scene.with_posture(&scene.attester.posture(changes)).await, reason);
    }
    let forger = Vouching { issuer: "https://edr.test", key: SigningKey::generate(Algorithm::Es256).unwrap() };
    scene.refused(&scene.with_posture(&forger.posture(json!({}))).await, "no trusted key");
    scene.refused(&scene.with_posture(&scene.world.user_token(json!({}))).await, "`typ`");
    scene.refused(&scene.with_posture(&scene.planner.svid).await, "`typ`");
    let posture = scene.attester.posture(json!({}));
    scene.refused(&scene.send(&scene.planner.delegation(&posture).set("resource", VAULT)).await, "subject token: ");
    scene.refused(&scene.send(&scene.form().add("approval_token", &posture)).await, "`typ`");
    let twice = scene.form().add("posture_token", &posture).add("posture_token", &posture);
    scene.refused(&scene.send(&twice).await, "occurs twice");
    let wit = scene.planner.wit(&scene.planner.svid).add("posture_token", &posture);
    scene.refused(&scene.send(&wit).await, "for delegations");
}

#[tokio::test]
async fn at_a_push_the_posture_is_the_next_agent_s() {
    let scene = Scene::new();
    let researcher = Agent::new(&scene.world, "/agent/researcher");
    let root = scene.with_posture(&scene.attester.posture(json!({}))).await.token();
    let wit = scene.service.exchange(&researcher, &researcher.wit(&researcher.svid)).await.token();
    let push = scene.planner.push(&root, &wit).set("resource", VAULT);
    let of_planner = push.clone().add("posture_token", &scene.attester.posture(json!({})));
    scene.refused(&scene.send(&of_planner).await, "another workload");
    let of_researcher = scene.attester.posture(json!({ "sub": RESEARCHER }));
    assert_eq!(scene.send(&push.add("posture_token", &of_researcher)).await.status, 200);
}

/// W10.
#[tokio::test]
async fn a_disabled_attester_is_believed_no_longer_and_shown_as_that() {
    let scene = Scene::new();
    let posture = scene.attester.posture(json!({}));
    assert_eq!(scene.with_posture(&posture).await.status, 200);
    let ask = |arguments: &[&str]| run(procura(&["trust"]).args(arguments).arg("--config").arg(scene.world.config()));
    let tried = ask(&["test", &posture]);
    assert!(tried.code == 0 && tried.stdout.contains(PLANNER) && tried.stdout.contains("healthy"), "{tried:?}");
    assert_eq!(ask(&["disable", "--reason", "feed poisoned", "--issuer", "https://edr.test"]).code, 0);
    eventually(async || scene.with_posture(&posture).await.status == 400).await;
    scene.refused(&scene.with_posture(&posture).await, "is disabled since");
    let list = ask(&["list"]).stdout;
    assert!(
        list.contains("ATTESTER") && list.contains("spiffe://dev.procura.test/agent/*") && list.contains("disabled"),
        "{list}"
    );
    assert!(ask(&["test", &posture]).stdout.contains("refused"));
}
