//! `POST /token` for a Workload Identity Token, and what one is good for there.

use std::time::Duration;

use procura_token::{JwkSet, KeySet, Signer as _, UnixTime, Unverified, Wit};
use serde_json::json;

use crate::support::{Agent, JWT, WIT, World, claims, header, malleate, now};

const PLANNER: &str = "/agent/planner";

#[tokio::test]
async fn a_jwt_svid_becomes_one_wit_that_is_bound_to_the_proofs_key_and_ends_with_the_svid() {
    let (world, began) = (World::new(), now());
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let svid = world.svid(PLANNER, 600);
    let answer = service.exchange(&planner, &planner.wit(&svid)).await;
    let wit = answer.token();

    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    let said = claims(&wit);
    let (iat, exp) = (said["iat"].as_u64().unwrap(), claims(&svid)["exp"].as_u64().unwrap());
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("access_token");
    let expected = json!({
        "issued_token_type": WIT, "token_type": "N_A", "expires_in": exp - iat, "cnf": { "jkt": planner.key_thumbprint() },
    });
    assert_eq!(body, expected);

    let bundle = service.get("/spiffe/bundle").await.json();
    assert_eq!(bundle["keys"][0]["use"], "wit-svid");
    assert_eq!(header(&wit), json!({ "typ": "wit+jwt", "alg": "ES256", "kid": bundle["keys"][0]["kid"] }));
    assert!((began..=now()).contains(&iat));
    let key = serde_json::to_value(planner.key.public_key()).unwrap();
    let expected = json!({
        "iss": "spiffe://dev.procura.test/token-service", "sub": "spiffe://dev.procura.test/agent/planner",
        "iat": iat, "exp": exp, "jti": said["jti"],
        "cnf": { "jwk": { "kty": "EC", "crv": "P-256", "alg": "ES256", "x": key["x"], "y": key["y"] } },
    });
    assert_eq!(said, expected);
    let keys = KeySet::new(&JwkSet::parse(bundle.to_string().as_bytes()).unwrap(), &[Some("wit-svid")]);
    Unverified::<Wit>::parse(&wit).unwrap().verify(&keys, Duration::ZERO, UnixTime::from_secs(now())).unwrap();

    // Once: not for another key, nor under the other valid signature.
    let other = Agent::new(&world, PLANNER);
    for (agent, svid) in [(&planner, &svid), (&other, &svid), (&other, &malleate(&svid))] {
        assert_eq!(service.exchange(agent, &agent.wit(svid)).await.refusal(), (400, "invalid_request".to_owned()));
    }
}

#[tokio::test]
async fn a_wit_lasts_no_longer_than_policy_says() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let answer = service.exchange(&planner, &planner.wit(&world.svid(PLANNER, 7200))).await;
    assert_eq!(answer.json()["expires_in"], 3600);
}

#[tokio::test]
async fn a_wit_is_renewed_by_its_own_key_only_and_never_outlives_what_it_was() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let wit = service.exchange(&planner, &planner.wit(&world.svid(PLANNER, 600))).await.token();
    // As often as wanted.
    for _ in 0..2 {
        let renewed = claims(&service.exchange(&planner, &planner.wit(&wit)).await.token());
        assert_eq!((&renewed["exp"], &renewed["cnf"]), (&claims(&wit)["exp"], &claims(&wit)["cnf"]));
        assert_ne!(renewed["jti"], claims(&wit)["jti"]);
    }
    let thief = Agent::new(&world, PLANNER);
    assert_eq!(service.exchange(&thief, &thief.wit(&wit)).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn nobody_gets_a_wit_for_another_workload_or_that_policy_does_not_give() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let of_another = planner.wit(&world.svid("/agent/researcher", 600));
    assert_eq!(service.exchange(&planner, &of_another).await.refusal(), (400, "invalid_request".to_owned()));
    let of_a_user = planner.wit(&world.user_token(json!({})));
    assert_eq!(service.exchange(&planner, &of_a_user).await.refusal(), (400, "invalid_request".to_owned()));
    // Servers may call, and policy gives WITs to agents only.
    let server = Agent::new(&world, "/server/calendar");
    let form = server.wit(&world.svid("/server/calendar", 600));
    assert_eq!(service.exchange(&server, &form).await.refusal(), (400, "unauthorized_client".to_owned()));
}

#[tokio::test]
async fn a_trust_domain_without_issue_wit_gets_none() {
    let world = World::new();
    world.edit("issue_wit = true", "issue_wit = false");
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let form = planner.wit(&world.svid(PLANNER, 600));
    assert_eq!(service.exchange(&planner, &form).await.refusal(), (400, "unauthorized_client".to_owned()));
}

#[tokio::test]
async fn a_delegation_with_a_wit_as_actor_is_bound_to_its_key_and_ends_with_it() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let wit = service.exchange(&planner, &planner.wit(&world.svid(PLANNER, 300))).await.token();
    let user_token = world.user_token(json!({}));
    let with_wit = |agent: &Agent| agent.delegation(&user_token).add("actor_token", &wit).add("actor_token_type", JWT);

    let token = claims(&service.exchange(&planner, &with_wit(&planner)).await.token());
    assert_eq!(token["cnf"]["jkt"], json!(planner.key_thumbprint()));
    assert_eq!(token["exp"], claims(&wit)["exp"]);
    // The deadline of the delegation is the policy's, not the credential's.
    assert!(token["delegation"]["until"].as_f64().unwrap() >= (token["iat"].as_u64().unwrap() + 1800) as f64);

    let thief = Agent::new(&world, PLANNER);
    assert_eq!(service.exchange(&thief, &with_wit(&thief)).await.refusal(), (400, "invalid_request".to_owned()));
    let other = Agent::new(&world, "/agent/researcher");
    assert_eq!(service.exchange(&other, &with_wit(&other)).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn an_actor_token_must_be_whole_known_and_of_the_caller() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let form = planner.delegation(&world.user_token(json!({})));
    let own = world.svid(PLANNER, 600);
    let granted = form.clone().add("actor_token", &own).add("actor_token_type", JWT);
    assert_eq!(service.exchange(&planner, &granted).await.status, 200);
    for refused in [
        form.clone().add("actor_token", &own),
        form.clone().add("actor_token_type", JWT),
        form.clone().add("actor_token", &own).add("actor_token_type", crate::support::ID_TOKEN),
        form.clone().add("actor_token", &world.svid("/agent/researcher", 600)).add("actor_token_type", JWT),
        form.clone().add("actor_token", "not.a.token").add("actor_token_type", JWT),
        form.clone().add("actor_token", "nothing").add("actor_token_type", JWT),
    ] {
        assert_eq!(service.exchange(&planner, &refused).await.refusal(), (400, "invalid_request".to_owned()));
    }
}
