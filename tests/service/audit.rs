//! What is left behind: one event for each decision, and nowhere a token.

use serde_json::{Value, json};

use crate::support::{Agent, CALENDAR, Form, World, claims};

#[tokio::test]
async fn every_decision_leaves_one_event_and_no_token_is_written_anywhere() {
    let world = World::new();
    // The most talkative log there is.
    world.edit("[server]", "[log]\nlevel = \"trace\"\n\n[server]");
    let service = world.serve();
    let (planner, archivist) = (Agent::new(&world, "/agent/planner"), Agent::new(&world, "/agent/archivist"));
    let user_token = world.user_token(json!({}));
    let form = planner.delegation(&user_token);
    let nonce = service.nonce(&planner, &form).await;
    let proof = planner.proof(Some(&nonce));
    let mut expected = vec![json!("use_dpop_nonce")];
    let fresh = || planner.proof(Some(&nonce));
    for (proof, form) in [
        (proof.clone(), form.clone()),
        (proof, form.clone()),
        (fresh(), form.clone().add("scope", "mail.read")),
        (archivist.proof(Some(&nonce)), archivist.delegation(&user_token)),
        (fresh(), form.clone().set("client_assertion", &user_token)),
        (fresh(), form.clone().set("subject_token", &planner.svid)),
        (fresh(), form.clone().add("subject_token", &user_token)),
        (fresh(), Form::default().add(&user_token, &user_token)),
        (user_token.clone(), form.clone().set("grant_type", &user_token)),
        (fresh(), form.clone().set("resource", &user_token).set("client_id", &user_token)),
        (fresh(), planner.wit(&world.svid("/agent/planner", 600))),
    ] {
        let answer = service.post(&proof, &form).await;
        expected.push(if answer.status == 200 { Value::Null } else { answer.json()["error"].clone() });
    }

    let audit = world.audit();
    let codes: Vec<Value> = audit.iter().map(|event| event["error.code"].clone()).collect();
    assert_eq!(codes, expected);
    for event in &audit {
        let outcome = if event["error.code"].is_null() { "granted" } else { "refused" };
        assert_eq!(event["outcome"], outcome, "{event}");
        assert_eq!(event["source.address"], "127.0.0.1", "{event}");
        assert!(event["error.code"].is_null() || event["error.reason"].is_string(), "{event}");
    }
    let ids: std::collections::BTreeSet<String> = audit.iter().map(|event| event["event.id"].to_string()).collect();
    assert_eq!(ids.len(), audit.len());
    assert_eq!(audit.iter().filter(|event| event["event.kind"] == "wit.issue").count(), 1);

    let written = std::fs::read_to_string(world.path("audit/events.jsonl")).unwrap();
    for (place, text) in [("audit log", &written), ("log", &service.log())] {
        for line in text.lines() {
            assert!(!line.contains("eyJ"), "a token in the {place}: {line}");
        }
    }
    service.logged("exchange refused");
}

#[tokio::test]
async fn the_event_of_a_delegation_says_all_that_the_token_says() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({}))).add("scope", "calendar.read mail.read");
    let token = claims(&service.exchange(&planner, &form).await.token());
    let mut event = world.audit().pop().unwrap();
    let me = "spiffe://dev.procura.test/agent/planner";
    for (name, expected) in [
        ("event.kind", json!("token.exchange")),
        ("outcome", json!("granted")),
        ("caller.id", json!(me)),
        ("caller.credential", json!("jwt-svid")),
        ("subject.id", token["sub"].clone()),
        ("subject.issuer", json!("https://users.dev.procura.test")),
        ("actor.id", json!(me)),
        ("actor.chain", json!([me])),
        ("target", json!(CALENDAR)),
        ("scope.asked", json!("calendar.read mail.read")),
        ("scope.granted", token["scope"].clone()),
        ("delegation.id", token["delegation"]["id"].clone()),
        ("token.jti", token["jti"].clone()),
        ("token.kind", json!("at+jwt")),
        ("key.thumbprint", token["cnf"]["jkt"].clone()),
        ("policy.ids", json!(["planner-calendar"])),
    ] {
        assert_eq!(event[name].take(), expected, "{name}");
    }
    assert!(event["policy.set"].is_string() && event["token.parent"].is_string(), "{event}");
}

#[tokio::test]
async fn without_room_for_the_event_nothing_is_issued() {
    let world = World::new();
    world.edit("path = \"audit/events.jsonl\"", "path = \"/dev/full\"");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    for form in [form.clone(), form.add("scope", "no.such")] {
        let answer = service.exchange(&planner, &form).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()));
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    service.logged("the audit log cannot be written");
    assert_eq!(service.get("/readyz").await.status, 503);
}
