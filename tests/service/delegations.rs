//! Operators see delegations and end them.

mod command;
mod copies;
mod tree;
mod wire;

use serde_json::{Value, json};

use crate::support::{Agent, Operator, Service, World, claims};

/// A service with operators.
pub(crate) fn scene() -> (World, Service, Operator) {
    let world = World::new();
    world.use_operators();
    let service = world.serve();
    let operator = Operator::of(&world, &service);
    (world, service, operator)
}

/// Begins a delegation of this agent for this user at the calendar, and gives its name.
async fn begun(world: &World, service: &Service, path: &str, user: &str) -> String {
    let agent = Agent::new(world, path);
    let token = service.exchange(&agent, &agent.delegation(&world.user_token(json!({ "sub": user })))).await.token();
    claims(&token)["delegation"]["id"].as_str().unwrap().to_owned()
}

fn ids(list: &Value) -> Vec<&str> {
    let mut ids: Vec<_> = list["delegations"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn sorted<'a>(ids: &[&'a str]) -> Vec<&'a str> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}
