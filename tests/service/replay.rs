//! One proof, one token, whatever the number of presentations at once, and of services.

use serde_json::json;

use crate::redis::RedisServer;
use crate::support::{Agent, Form, Service, World};

const PRESENTATIONS: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_presentations_of_a_proof_one_is_granted_with_memory() {
    let world = patient();
    let service = world.serve();
    one_is_granted(&world, &[&service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_presentations_of_a_proof_one_is_granted_with_redis() {
    let (world, redis) = (patient(), RedisServer::start(&[]));
    world.use_redis(&redis.url(), "30s");
    let service = world.serve();
    one_is_granted(&world, &[&service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_presentations_of_a_proof_one_is_granted_by_two_services() {
    let (world, redis) = (patient(), RedisServer::start(&[]));
    world.use_redis(&redis.url(), "30s");
    let (one, other) = (world.serve(), Service::start(&world.variant("other.toml", &[("audit/events", "audit/other")])));
    one_is_granted(&world, &[&one, &other]).await;
}

#[tokio::test]
async fn two_services_continue_one_anothers_delegations_and_accept_one_anothers_nonces() {
    let (world, redis) = (patient(), RedisServer::start(&[]));
    world.use_redis(&redis.url(), "30s");
    let (one, other) = (world.serve(), Service::start(&world.variant("other.toml", &[("audit/events", "audit/other")])));
    let planner = Agent::new(&world, "/agent/planner");
    let form = planner.delegation(&world.user_token(json!({})));
    let nonce = one.nonce(&planner, &form).await;
    let delegation = async |service: &Service| {
        let token = service.post(&planner.proof(Some(&nonce)), &form).await.token();
        crate::support::claims(&token)["delegation"].clone()
    };
    assert_eq!(delegation(&one).await, delegation(&other).await);
    // An SVID that one made a WIT from makes none with the other.
    let wit = planner.wit(&world.svid("/agent/planner", 600));
    assert_eq!(one.post(&planner.proof(Some(&nonce)), &wit).await.status, 200);
    assert_eq!(other.post(&planner.proof(Some(&nonce)), &wit).await.refusal(), (400, "invalid_request".to_owned()));
}

/// A world whose service gives up on nothing: a slow machine works on a thousand requests for a while.
fn patient() -> World {
    let world = World::new();
    world.edit("[keys.token]", "request_timeout = \"5m\"\nheader_timeout = \"5m\"\n\n[keys.token]");
    world
}

async fn one_is_granted(world: &World, services: &[&Service]) {
    let planner = Agent::new(world, "/agent/planner");
    let form: Form = planner.delegation(&world.user_token(json!({})));
    let nonce = services[0].nonce(&planner, &form).await;
    let proof = planner.proof(Some(&nonce));
    let presentations = services.iter().cycle().take(PRESENTATIONS).map(|service| {
        let request = service.presentation(&proof, &form);
        tokio::spawn(async move {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        })
    });
    let mut granted = 0;
    for presentation in presentations.collect::<Vec<_>>() {
        match presentation.await.unwrap() {
            (200, _) => granted += 1,
            (400, text) if text.contains("invalid_dpop_proof") => {}
            (status, text) => panic!("{status} {text}"),
        }
    }
    assert_eq!(granted, 1);
}
