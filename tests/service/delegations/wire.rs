//! `/delegations` of the admin listener.

use serde_json::{Value, json};

use super::{begun, ids, scene, sorted};
use crate::support::{Agent, Answer, CALENDAR, Operator, TOKEN, World, claims, now};

const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";

#[tokio::test]
async fn operators_see_who_acts_for_whom_at_what_since_when_and_until_when() {
    let (world, service, operator) = scene();
    let (before, planner) = (now(), Agent::new(&world, "/agent/planner"));
    let token = service.exchange(&planner, &planner.delegation(&world.user_token(json!({})))).await.token();
    let delegation = claims(&token)["delegation"].clone();
    let id = delegation["id"].as_str().unwrap();

    let listed = operator.get("/delegations").await;
    assert_eq!((listed.status, listed.header("cache-control")), (200, Some("no-store")));
    let seen = &listed.json()["delegations"][0];
    let expected = json!({
        "id": id, "state": "active", "user": "dev:alice", "agent": PLANNER, "target": CALENDAR,
        "began": seen["began"], "until": seen["until"],
    });
    assert_eq!(*seen, expected);
    let seconds = |time: &Value| {
        let time = humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
        time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    };
    assert!((before..=now()).contains(&seconds(&seen["began"])), "{seen}");
    assert_eq!(seconds(&seen["until"]), delegation["until"].as_f64().unwrap() as u64);
    assert_eq!(operator.get(&format!("/delegations/{id}")).await.json(), *seen);
    // The same request goes on with it.
    assert_eq!(listed.json()["delegations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_listing_is_of_an_agent_a_user_or_a_target_and_comes_in_pages() {
    let (world, service, operator) = scene();
    let alice = begun(&world, &service, "/agent/planner", "alice").await;
    let bob = begun(&world, &service, "/agent/planner", "bob").await;
    let other = begun(&world, &service, "/agent/researcher", "alice").await;
    let all = sorted(&[&alice, &bob, &other]);
    for (query, expected) in [
        ("".to_owned(), all.clone()),
        (format!("?agent={PLANNER}"), sorted(&[&alice, &bob])),
        ("?user=dev:alice".into(), sorted(&[&alice, &other])),
        ("?user=dev%3Aalice&agent=spiffe://dev.procura.test/agent/researcher".into(), vec![&other]),
        (format!("?target={CALENDAR}"), all.clone()),
        ("?target=https://elsewhere.example".into(), vec![]),
        ("?user=alice".into(), vec![]),
    ] {
        assert_eq!(ids(&operator.get(&format!("/delegations{query}")).await.json()), expected, "{query}");
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = operator.get(&format!("/delegations?limit=1{cursor}")).await.json();
        found.extend(ids(&page).into_iter().map(str::to_owned));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    found.sort();
    assert_eq!(found, all);
}

#[tokio::test]
async fn without_the_operators_token_nothing_is_told_and_nothing_ended() {
    let (world, service, operator) = scene();
    let id = begun(&world, &service, "/agent/planner", "alice").await;
    let paths = [
        ("GET", "/delegations".to_owned()),
        ("GET", format!("/delegations/{id}")),
        ("GET", "/delegations/unknown".into()),
        ("POST", format!("/delegations/{id}/revoke")),
        ("POST", "/delegations/revoke?user=dev:alice".into()),
        ("DELETE", format!("/delegations/{id}")),
    ];
    for (method, path) in &paths {
        for token in [None, Some(""), Some("wrong"), Some(&TOKEN[1..]), Some(&TOKEN.to_uppercase())] {
            let mut request = operator.door.request(method, path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let refused = Answer::of(request).await;
            assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"procura admin\""), "{method} {path}");
            problem(&refused, 401);
            assert!(!refused.text.contains(&id));
        }
    }
    assert_eq!(operator.get(&format!("/delegations/{id}")).await.json()["state"], "active");
    service.logged("without the operators' token");
    assert!(!service.log().contains(TOKEN) && !service.log().contains(&TOKEN[1..]));
    // Clients do not get there at all.
    assert_eq!(Answer::of(service.request("GET", "/delegations").bearer_auth(TOKEN)).await.status, 404);
}

#[tokio::test]
async fn without_a_configured_token_there_is_nothing_to_ask() {
    let world = World::new();
    world.edit("[keys.token]", "[admin]\nlisten = \"127.0.0.1:0\"\n\n[keys.token]");
    let service = world.serve();
    let operator = Operator::of(&world, &service);
    for path in ["/delegations", "/delegations/x", "/delegations/revoke?user=dev:alice"] {
        problem(&operator.get(path).await, 404);
        problem(&operator.post(path).await, 404);
    }
    assert_eq!(operator.door.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn what_is_asked_badly_is_a_problem_and_ends_nothing() {
    let (world, service, operator) = scene();
    let id = begun(&world, &service, "/agent/planner", "alice").await;
    for query in [
        "agent=planner",
        "agent=",
        "user=",
        "target=calendar",
        "user=dev:alice&user=dev:bob",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "cursor=%20",
        "cursor=x",
        "state=active",
        "users=dev:alice",
        &format!("user={}", "u".repeat(3000)),
    ] {
        problem(&operator.get(&format!("/delegations?{query}")).await, 400);
    }
    for path in ["/delegations/revoke", "/delegations/revoke?limit=5&user=dev:alice", "/delegations/revoke?reason=x"] {
        problem(&operator.post(path).await, 400);
    }
    for wrong in ["AAAA", "%ff", "%00", &"A".repeat(5000), "no name of ours", "..%2fx"] {
        problem(&operator.get(&format!("/delegations/{wrong}")).await, 404);
        problem(&operator.post(&format!("/delegations/{wrong}/revoke")).await, 404);
    }
    let revoke = format!("/delegations/{id}/revoke");
    problem(&operator.post(&format!("{revoke}?reason=x")).await, 400);
    for body in [
        "x",
        "[]",
        "{\"reason\":1}",
        "{\"reason\":\"a\",\"reason\":\"b\"}",
        "{\"why\":\"a\"}",
        &format!("{{\"reason\":\"{}\"}}", "r".repeat(1001)),
        &format!("{{\"reason\":\"{}\"}}", "r".repeat(100_000)),
        &"[".repeat(10_000),
    ] {
        problem(&operator.post_json(&revoke, body).await, 400);
    }
    let form = operator.door.request("POST", &revoke).bearer_auth(TOKEN).header("content-type", "text/plain").body("{}");
    problem(&Answer::of(form).await, 400);
    for (method, path) in
        [("POST", "/delegations"), ("DELETE", &*format!("/delegations/{id}")), ("GET", &revoke), ("PUT", &revoke)]
    {
        let refused = Answer::of(operator.door.request(method, path).bearer_auth(TOKEN)).await;
        problem(&refused, 405);
        assert!(refused.header("allow").is_some(), "{refused:?}");
    }
    assert_eq!(operator.get(&format!("/delegations/{id}")).await.json()["state"], "active");
    assert!(world.audit().iter().all(|event| event["event.kind"] != "delegation.revoke"));
}

#[track_caller]
fn problem(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/problem+json")), "{answer:?}");
    assert_eq!(answer.json()["status"], status);
    assert!(!answer.text.contains(TOKEN), "{answer:?}");
}
