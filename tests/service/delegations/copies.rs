//! What one copy ends has ended at every copy. F12.

use serde_json::json;

use super::{begun, scene};
use crate::redis::RedisServer;
use crate::support::{Agent, Operator, Service, World, claims};

/// Two copies over one Redis, each with its operator.
pub(super) fn copies() -> (World, RedisServer, [(Service, Operator); 2]) {
    let (world, redis) = (World::new(), RedisServer::start(&[]));
    world.use_operators();
    world.use_redis(&redis.url(), "10s");
    let other = world.variant("other.toml", &[("audit/events.jsonl", "audit/other.jsonl")]);
    let copies = [world.serve(), Service::start(&other)].map(|copy| {
        let operator = Operator::of(&world, &copy);
        (copy, operator)
    });
    (world, redis, copies)
}

#[tokio::test]
async fn what_is_revoked_at_one_copy_is_refused_at_the_other_and_recorded() {
    let (world, _redis, [(one, here), (other, there)]) = copies();
    let planner = Agent::new(&world, "/agent/planner");
    let form = planner.delegation(&world.user_token(json!({})));
    let token = one.exchange(&planner, &form).await.token();
    let id = claims(&token)["delegation"]["id"].as_str().unwrap().to_owned();
    let unharmed = begun(&world, &other, "/agent/planner", "bob").await;
    assert_eq!(claims(&other.exchange(&planner, &form).await.token())["delegation"]["id"], *id);

    let done = here.post_json(&format!("/delegations/{id}/revoke"), "{\"reason\":\"left the company\"}").await;
    assert_eq!(done.status, 200, "{done:?}");
    let done = done.json();
    assert_eq!((&done["revoked"], &done["delegations"][0]["state"]), (&json!(1), &json!("revoked")));
    for (copy, operator) in [(&other, &there), (&one, &here)] {
        let refused = copy.exchange(&planner, &form).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
        // The client learns nothing of it.
        assert!(!refused.text.contains("revoked") && !refused.text.contains("company"), "{}", refused.text);
        assert_eq!(operator.get(&format!("/delegations/{id}")).await.json()["state"], "revoked");
        assert_eq!(operator.get(&format!("/delegations/{unharmed}")).await.json()["state"], "active");
    }
    let audit = world.audit();
    assert_eq!(audit.last().unwrap()["error.reason"], "the delegation was revoked");
    let event = audit.iter().find(|event| event["event.kind"] == "delegation.revoke").unwrap();
    let expected = json!({
        "event.id": event["event.id"], "event.time": event["event.time"], "event.kind": "delegation.revoke", "outcome": "granted",
        "caller.credential": "admin-token", "subject.id": "dev:alice", "actor.id": "spiffe://dev.procura.test/agent/planner",
        "target": crate::support::CALENDAR, "delegation.id": id, "delegation.until": event["delegation.until"],
        "revocation.reason": "left the company", "source.address": "127.0.0.1",
    });
    assert_eq!(*event, expected);
    let metrics = here.door.get("/metrics").await.text;
    assert!(metrics.contains("procura_delegations_revoked_total 1\n"), "{metrics}");

    // Once more, at the other: nothing changes, and it is recorded there.
    let again = there.post(&format!("/delegations/{id}/revoke")).await.json();
    assert_eq!((&again["revoked"], &again["revoked_before"]), (&json!(0), &json!(1)));
    assert_eq!(again["delegations"][0]["revoked"], done["delegations"][0]["revoked"]);
    assert!(std::fs::read_to_string(world.path("audit/other.jsonl")).unwrap().contains("delegation.revoke"));
}

#[tokio::test]
async fn all_of_an_agent_or_a_user_end_together() {
    let (world, _redis, [(one, here), (other, there)]) = copies();
    for n in 0..12 {
        let service = if n % 2 == 0 { &one } else { &other };
        begun(&world, service, "/agent/planner", if n < 6 { "alice" } else { "bob" }).await;
    }
    let researchers = begun(&world, &one, "/agent/researcher", "alice").await;
    let done = there.post_json("/delegations/revoke?user=dev:bob", "{\"reason\":\"bob is gone\"}").await.json();
    assert_eq!((&done["revoked"], &done["revoked_before"], &done["cursor"]), (&json!(6), &json!(0), &json!(null)));
    let done = here.post("/delegations/revoke?agent=spiffe://dev.procura.test/agent/planner").await.json();
    assert_eq!((&done["revoked"], &done["revoked_before"]), (&json!(6), &json!(6)));
    assert_eq!(here.get(&format!("/delegations/{researchers}")).await.json()["state"], "active");
    let done = here.post("/delegations/revoke?target=https://elsewhere.example").await.json();
    assert_eq!(done, json!({ "delegations": [], "revoked": 0, "revoked_before": 0 }));
    let events = |file| std::fs::read_to_string(world.path(file)).unwrap().matches("\"delegation.revoke\"").count();
    assert_eq!((events("audit/events.jsonl"), events("audit/other.jsonl")), (6, 6));
}

#[tokio::test]
async fn a_store_that_is_away_or_forgot_is_said_so() {
    let (world, mut redis, [(one, here), _]) = copies();
    let id = begun(&world, &one, "/agent/planner", "alice").await;
    redis.ask::<()>(&["FLUSHALL"]);
    let refused = here.post(&format!("/delegations/{id}/revoke")).await;
    assert!(matches!(refused.status, 404 | 409), "{refused:?}");
    let listed = here.get("/delegations").await.json();
    assert!(listed["delegations"].as_array().unwrap().is_empty() && listed["known_since"].is_string(), "{listed}");
    redis.kill();
    for answer in [
        here.get("/delegations").await,
        here.get(&format!("/delegations/{id}")).await,
        here.post(&format!("/delegations/{id}/revoke")).await,
        here.post("/delegations/revoke?user=dev:alice").await,
    ] {
        assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/problem+json")), "{answer:?}");
        assert!(answer.header("retry-after").is_some());
    }
}

/// In memory, of one copy.
#[tokio::test]
async fn what_is_revoked_does_not_begin_again_with_the_same_users_token() {
    let (world, service, operator) = scene();
    let planner = Agent::new(&world, "/agent/planner");
    let form = planner.delegation(&world.user_token(json!({})));
    let token = service.exchange(&planner, &form).await.token();
    let id = claims(&token)["delegation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(operator.post(&format!("/delegations/{id}/revoke")).await.status, 200);
    assert_eq!(service.exchange(&planner, &form).await.refusal(), (400, "invalid_request".to_owned()));
    // Another token of hers is another delegation: who shall begin none is disabled.
    let other = planner.delegation(&world.user_token(json!({})));
    assert_ne!(claims(&service.exchange(&planner, &other).await.token())["delegation"]["id"], *id);
}
