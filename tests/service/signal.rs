//! Signals to a service that runs.

use serde_json::json;

use crate::support::{Agent, Held, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_service_ends() {
    for signal in ["-TERM", "-INT"] {
        let world = World::new();
        let (mut service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
        let form = planner.delegation(&world.user_token(json!({})));
        let proof = planner.proof(Some(&service.nonce(&planner, &form).await));
        let held = Held::begin(&service, &proof, &form);
        service.signal(signal);
        service.logged("stopping");
        let answer = held.finish();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("access_token"), "{answer}");
        assert_eq!(service.wait().code(), Some(0));
        assert_eq!(world.audit().last().unwrap()["outcome"], "granted");
    }
}

#[tokio::test]
async fn policies_are_loaded_again_and_broken_ones_change_nothing() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    let scope = async || service.exchange(&planner, &form).await.json()["scope"].clone();
    assert_eq!(scope().await, "calendar.read calendar.write");

    let mine = world.path("policies/mine.cedar");
    std::fs::write(&mine, "forbid (principal, action, resource) when { context.scope }").unwrap();
    service.signal("-HUP");
    assert!(service.logged("policies could not be loaded").contains("mine.cedar"));
    assert_eq!(scope().await, "calendar.read calendar.write");

    let forbid = "forbid (principal, action == Action::\"delegate\", resource) when { context.scope == \"calendar.write\" };";
    std::fs::write(&mine, forbid).unwrap();
    service.signal("-HUP");
    service.logged("policies loaded");
    assert_eq!(scope().await, "calendar.read");
}
