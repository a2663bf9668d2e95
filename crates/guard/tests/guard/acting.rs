//! In whose name a request is made.

use procura_guard::{Acting, AuthorizationDetails, Refusal};
use procura_token::{AccessToken, Subject};

use crate::world::{NOW, PLANNER, Proof, World};

async fn judge(world: &World, token: &AccessToken) -> Result<procura_guard::Caller, Refusal> {
    let token = token.issue(&world.issuer_key).unwrap();
    let request = world.request_with(&token, &Proof::for_token(&token).sign(&world.agent_key));
    world.guard().verify(&request, NOW).await
}

#[tokio::test]
async fn a_delegation_names_the_user_and_who_acts() {
    let world = World::new();
    let caller = judge(&world, &world.claims()).await.unwrap();
    let Acting::For { subject, actors, delegation } = caller.acting() else { panic!("{caller:?}") };
    assert_eq!((subject.as_str(), actors.current().id.as_str(), delegation.id.as_str()), ("dev:alice", PLANNER, "delegation-1"));
}

/// ARCH-09.
#[tokio::test]
async fn a_workloads_own_token_names_nobody_else() {
    let world = World::new();
    let planner = PLANNER.parse().unwrap();
    let own = AccessToken { sub: Subject::from(&planner), act: None, delegation: None, ..world.claims() };
    let caller = judge(&world, &own).await.unwrap();
    assert_eq!((caller.workload.as_str(), caller.acting()), (PLANNER, Acting::ForItself));
    caller.require(&"calendar.read".parse().unwrap()).unwrap();
}

/// Nobody's token passes for a user's own, nor an agent's for another's.
#[tokio::test]
async fn a_token_without_an_actor_is_its_clients_or_nobodys() {
    let world = World::new();
    for sub in ["dev:alice", "spiffe://dev.procura.test/agent/researcher", "spiffe://dev.procura.test/agent/planner/"] {
        let token = AccessToken { sub: sub.parse().unwrap(), act: None, delegation: None, ..world.claims() };
        assert_eq!(judge(&world, &token).await.unwrap_err().to_response::<String>().status(), 401, "{sub}");
    }
}

/// RAR-09.
#[tokio::test]
async fn authorization_details_are_shown_as_they_were_granted() {
    let world = World::new();
    let details = AuthorizationDetails::parse(r#"[{"type":"invitation","actions":["send"],"guests":{"most":2}}]"#).unwrap();
    let token = AccessToken { authorization_details: Some(details.clone()), scope: "".parse().unwrap(), ..world.claims() };
    let caller = judge(&world, &token).await.unwrap();
    let grant = caller.grant.as_ref().unwrap();
    assert_eq!((grant.authorization_details(), grant.scope().is_empty()), (Some(&details), true));
    assert_eq!(judge(&world, &world.claims()).await.unwrap().grant.unwrap().authorization_details(), None);
    let detail = details.iter().next().unwrap();
    assert_eq!((detail.kind(), detail.get("guests.most").unwrap().to_string()), ("invitation", "2".to_owned()));
    assert_eq!(detail.list("actions").unwrap().collect::<Vec<_>>(), ["send"]);
}
