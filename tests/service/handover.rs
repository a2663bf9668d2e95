//! Delegations as Biscuits: issued, handed over where no server sees it, and brought back.

use procura_handover::{HandOver, UnverifiedHandover};
use procura_token::ScopeSet;
use serde_json::{Value, json};

use crate::support::{
    ARCHIVIST, Agent, BISCUIT, CALENDAR, Form, Operator, PLANNER, RESEARCHER, Trio, World, actors, claims, eventually, procura,
    run,
};

impl Trio {
    /// What the planner gets for alice.
    async fn biscuit(&self) -> String {
        let form = self.planner.delegation(&self.world.user_token(json!({}))).add("requested_token_type", BISCUIT);
        let answer = self.service.exchange(&self.planner, &form).await;
        let body = answer.json();
        assert_eq!((&body["issued_token_type"], &body["token_type"]), (&json!(BISCUIT), &json!("N_A")), "{answer:?}");
        assert_eq!(body["cnf"], json!({ "jkt": self.planner.key_thumbprint() }));
        answer.token()
    }

    /// No server is asked for this, but for the WIT that the next agent has anyway.
    async fn hand_over(&self, biscuit: &str, from: &Agent, to: &Agent, scope: Option<&str>) -> String {
        let wit = self.wit(to).await;
        let scope: Option<ScopeSet> = scope.map(|scope| scope.parse().unwrap());
        let to = HandOver { wit: &wit, scope: scope.as_ref(), until: None };
        UnverifiedHandover::parse(biscuit).unwrap().hand_over(&from.key, &to).unwrap()
    }

    async fn handed_over_twice(&self) -> String {
        let once = self.hand_over(&self.biscuit().await, &self.planner, &self.researcher, Some("calendar.read")).await;
        self.hand_over(&once, &self.researcher, &self.archivist, None).await
    }

    fn reason(&self) -> String {
        self.world.audit().last().unwrap()["error.reason"].to_string()
    }
}

fn redeem(agent: &Agent, biscuit: &str) -> Form {
    agent.onward(biscuit).set("subject_token_type", BISCUIT)
}

#[tokio::test]
async fn what_was_handed_over_twice_unseen_is_a_token_with_everybody_in_it() {
    let scene = Trio::new();
    let biscuit = scene.handed_over_twice().await;
    let token = claims(&scene.service.exchange(&scene.archivist, &redeem(&scene.archivist, &biscuit)).await.token());
    assert_eq!(actors(&token), [ARCHIVIST, RESEARCHER, PLANNER]);
    assert_eq!((&token["sub"], &token["aud"], &token["scope"]), (&json!("dev:alice"), &json!(CALENDAR), &json!("calendar.read")));
    assert_eq!((&token["client_id"], &token["cnf"]), (&json!(ARCHIVIST), &json!({ "jkt": scene.archivist.key_thumbprint() })));
    let events = scene.world.audit();
    let [first, last] = ["biscuit", "at+jwt"].map(|kind| {
        let mut of_kind = events.iter().filter(|event| event["token.kind"] == kind);
        of_kind.next_back().unwrap()
    });
    assert_eq!((&first["delegation.hop"], &last["delegation.hop"]), (&json!("begin"), &json!("handover")));
    assert_eq!((&last["token.parent"], &last["delegation.id"]), (&first["token.jti"], &first["delegation.id"]));
    assert_eq!((&token["delegation"]["id"], &token["delegation"]["parent"]), (&first["delegation.id"], &first["token.jti"]));
    assert_eq!(last["actor.chain"], json!([ARCHIVIST, RESEARCHER, PLANNER]));
    // From here on it is a token like any other, and goes back to nobody.
    let wit = scene.wit(&scene.researcher).await;
    let token = scene.service.exchange(&scene.archivist, &redeem(&scene.archivist, &biscuit)).await.token();
    let back = scene.service.exchange(&scene.archivist, &scene.archivist.push(&token, &wit)).await;
    assert_eq!(back.refusal(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn whoever_holds_it_may_bring_it_back_and_nobody_else() {
    let scene = Trio::new();
    let biscuit = scene.biscuit().await;
    let own = claims(&scene.service.exchange(&scene.planner, &redeem(&scene.planner, &biscuit)).await.token());
    assert_eq!((actors(&own), &own["scope"]), (vec![PLANNER.to_owned()], &json!("calendar.read calendar.write")));
    let twice = scene.handed_over_twice().await;
    let thief = Agent::new(&scene.world, "/agent/archivist");
    let wit = scene.wit(&scene.researcher).await;
    for (agent, form) in [
        // Who had it before, and who has the right name and another key.
        (&scene.planner, redeem(&scene.planner, &twice)),
        (&scene.researcher, redeem(&scene.researcher, &twice)),
        (&thief, redeem(&thief, &twice)),
        // The right key and another name.
        (&scene.archivist, redeem(&scene.researcher, &twice)),
        // It is brought back, not handed on here.
        (
            &scene.archivist,
            redeem(&scene.archivist, &twice).add("actor_token", &wit).add("actor_token_type", crate::support::JWT),
        ),
        // It is neither an access token nor a Biscuit again.
        (&scene.archivist, scene.archivist.onward(&twice)),
        (&scene.archivist, redeem(&scene.archivist, &twice).add("requested_token_type", BISCUIT)),
    ] {
        assert_eq!(scene.service.exchange(agent, &form).await.refusal(), (400, "invalid_request".to_owned()));
    }
    let elsewhere = redeem(&scene.archivist, &twice).set("resource", "http://127.0.0.1:8090/files");
    assert_eq!(scene.service.exchange(&scene.archivist, &elsewhere).await.refusal(), (400, "invalid_target".to_owned()));
    let more = redeem(&scene.archivist, &twice).add("scope", "calendar.write");
    assert_eq!(scene.service.exchange(&scene.archivist, &more).await.refusal(), (400, "invalid_scope".to_owned()));
}

#[tokio::test]
async fn policy_is_asked_about_everybody_who_handed_it_on() {
    let scene = Trio::with(|world| {
        let policy = format!(
            "@id(\"no-unseen-researcher\") forbid(principal == Workload::\"{RESEARCHER}\", action == Action::\"delegate\", resource) \
             when {{ context.hop == \"handover\" }};"
        );
        std::fs::write(world.path("policies/unseen.cedar"), policy).unwrap();
    });
    let twice = scene.handed_over_twice().await;
    let refused = scene.service.exchange(&scene.archivist, &redeem(&scene.archivist, &twice)).await;
    assert_eq!(refused.refusal(), (400, "invalid_target".to_owned()));
    // The archivist gets what the researcher gives it, and nothing from anybody else.
    let biscuit = scene.biscuit().await;
    let skipped = scene.hand_over(&biscuit, &scene.planner, &scene.archivist, Some("calendar.read")).await;
    let refused = scene.service.exchange(&scene.archivist, &redeem(&scene.archivist, &skipped)).await;
    assert_eq!(refused.refusal(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn it_ends_with_anybody_in_it() {
    let scene = Trio::new();
    let twice = scene.handed_over_twice().await;
    let form = redeem(&scene.archivist, &twice);
    assert_eq!(scene.service.exchange(&scene.archivist, &form).await.status, 200);
    let disabled = "[[disabled]]\nworkload = \"spiffe://dev.procura.test/agent/researcher\"\nsince = \"2020-01-01T00:00:00Z\"\nreason = \"test\"\n";
    std::fs::write(scene.world.path("trust/disabled.toml"), disabled).unwrap();
    eventually(async || scene.service.exchange(&scene.archivist, &form).await.status == 400).await;
    assert!(scene.reason().contains("agent/researcher` is disabled"), "{}", scene.reason());
}

#[tokio::test]
async fn it_ends_with_its_delegation() {
    let scene = Trio::with(World::use_operators);
    let twice = scene.handed_over_twice().await;
    let form = redeem(&scene.archivist, &twice);
    let token = claims(&scene.service.exchange(&scene.archivist, &form).await.token());
    let operator = Operator::of(&scene.world, &scene.service);
    let path = format!("/delegations/{}/revoke", token["delegation"]["id"].as_str().unwrap());
    assert_eq!(operator.post(&path).await.status, 200);
    assert_eq!(scene.service.exchange(&scene.archivist, &form).await.refusal(), (400, "invalid_request".to_owned()));
    assert!(scene.reason().contains("revoked"), "{}", scene.reason());
}

#[tokio::test]
async fn without_a_key_for_them_there_are_no_biscuits() {
    let scene = Trio::with(|world| world.edit("[keys.handover]\nactive = \"keys/handover.jwk\"\n", ""));
    let metadata = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata.get("procura_handover_jwks_uri").is_none());
    assert_eq!(scene.service.get("/handover/jwks.json").await.status, 404);
    let form = scene.planner.delegation(&scene.world.user_token(json!({}))).add("requested_token_type", BISCUIT);
    assert_eq!(scene.service.exchange(&scene.planner, &form).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn its_keys_are_published_apart_and_are_ed25519() {
    let scene = Trio::new();
    let metadata = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata["procura_handover_jwks_uri"].as_str().unwrap().ends_with("/handover/jwks.json"));
    assert!(metadata["procura_requested_token_types_supported"].as_array().unwrap().contains(&json!(BISCUIT)));
    let keys = scene.service.get("/handover/jwks.json").await.json();
    assert_eq!((&keys["keys"][0]["crv"], &keys["keys"][1]), (&json!("Ed25519"), &Value::Null));
    scene.world.edit("active = \"keys/handover.jwk\"", "active = \"keys/token.jwk\"");
    scene.world.serve_in_vain().says(1, &["keys/token.jwk", "EdDSA"]);
}

#[tokio::test]
async fn it_is_handed_over_from_a_shell() {
    let scene = Trio::new();
    let write = |name: &str, text: &str| {
        std::fs::write(scene.world.path(name), text).unwrap();
        scene.world.path(name)
    };
    let biscuit = write("biscuit", &scene.biscuit().await);
    let wit = scene.wit(&scene.researcher).await;
    let (wit, key) = (write("wit", &wit), write("key", &scene.planner.key.to_private_jwk().unwrap()));
    let hand_over = |scope: &str| {
        let mut command = procura(&["handover", "--scope", scope, "--biscuit"]);
        run(command.arg(&biscuit).arg("--wit").arg(&wit).arg("--key").arg(&key))
    };
    let handed = hand_over("calendar.read");
    assert_eq!(handed.code, 0, "{handed:?}");
    let form = redeem(&scene.researcher, handed.stdout.trim());
    assert_eq!(actors(&claims(&scene.service.exchange(&scene.researcher, &form).await.token())), [RESEARCHER, PLANNER]);
    hand_over("mail.read").says(1, &["more than is left to hand over"]);
}
