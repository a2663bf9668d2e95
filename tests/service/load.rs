//! Limits of what is worked on.

use serde_json::json;

use crate::support::{Agent, Held, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_gets_503_and_when_to_try_again() {
    let world = World::new();
    world.edit("[keys.token]", "request_timeout = \"300ms\"\n\n[keys.token]");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    let answer = Held::begin(&service, &planner.proof(None), &form).abandon();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_at_once_than_allowed_get_503_and_when_to_try_again() {
    let world = World::new();
    world.edit("[keys.token]", "max_requests = 1\nrequest_timeout = \"5m\"\n\n[keys.token]");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    let proof = planner.proof(Some(&service.nonce(&planner, &form).await));
    let held = Held::begin(&service, &proof, &form);
    let refused = service.get("/healthz").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(held.finish().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(service.get("/healthz").await.status, 200);
}
