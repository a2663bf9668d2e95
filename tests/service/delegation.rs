//! `POST /token` for a delegation token.

use procura_token::{AccessToken, AccessTokenRules, Algorithm, JwkSet, KeySet, UnixTime, Unverified};
use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, Agent, CALENDAR, ISSUER, World, claims, header, malleate, now};

#[tokio::test]
async fn a_delegation_token_says_who_for_whom_at_what_until_when_and_by_which_key() {
    let (world, began) = (World::new(), now());
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let user_token = world.user_token(json!({ "auth_time": began - 7 }));
    let answer = service.exchange(&planner, &planner.delegation(&user_token).add("scope", "calendar.read")).await;
    let token = answer.token();

    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("access_token");
    let expected = json!({
        "issued_token_type": ACCESS_TOKEN, "token_type": "DPoP", "expires_in": 1800, "scope": "calendar.read",
        "resource": [CALENDAR],
    });
    assert_eq!(body, expected);

    let jwks = service.get("/jwks.json").await.json();
    assert_eq!(header(&token), json!({ "typ": "at+jwt", "alg": "ES256", "kid": jwks["keys"][0]["kid"] }));
    let said = claims(&token);
    let iat = said["iat"].as_u64().unwrap();
    assert!((began..=now()).contains(&iat), "{said}");
    let expected = json!({
        "iss": ISSUER, "sub": "dev:alice", "aud": CALENDAR, "client_id": "spiffe://dev.procura.test/agent/planner",
        "iat": iat, "exp": iat + 1800, "jti": said["jti"], "scope": "calendar.read",
        "act": { "iss": "spiffe://dev.procura.test", "sub": "spiffe://dev.procura.test/agent/planner" },
        "cnf": { "jkt": thumbprint(&planner) },
        "delegation": { "id": said["delegation"]["id"], "until": said["delegation"]["until"] },
        "auth_time": began - 7, "acr": "urn:example:loa2", "amr": ["pwd", "otp"], "groups": ["staff"],
    });
    assert_eq!(said, expected);
    assert!(said["jti"].as_str().unwrap().len() >= 16 && said["delegation"]["id"].as_str().unwrap().len() >= 16, "{said}");
    assert_eq!(said["delegation"]["until"].as_f64().unwrap().floor() as u64, iat + 1800);

    let keys = KeySet::new(&JwkSet::parse(jwks.to_string().as_bytes()).unwrap(), &[Some("sig")]);
    let (issuer, audience) = (ISSUER.parse().unwrap(), CALENDAR.parse().unwrap());
    let skew = std::time::Duration::ZERO;
    let rules = AccessTokenRules { issuer: &issuer, audience: &audience, algorithms: Algorithm::DEFAULT, skew };
    let verified = Unverified::<AccessToken>::parse(&token).unwrap().verify(&keys, &rules, UnixTime::from_secs(now())).unwrap();
    verified.verify_binding(planner.key_thumbprint()).unwrap();
}

#[tokio::test]
async fn without_scope_all_that_policy_grants_is_granted() {
    let world = World::new();
    let service = world.serve();
    for (path, granted, lifetime) in
        [("/agent/planner", "calendar.read calendar.write", 1800), ("/agent/researcher", "calendar.read", 900)]
    {
        let agent = Agent::new(&world, path);
        let body = service.exchange(&agent, &agent.delegation(&world.user_token(json!({})))).await.json();
        assert_eq!((&body["scope"], &body["expires_in"]), (&json!(granted), &json!(lifetime)), "{path}");
    }
}

#[tokio::test]
async fn scope_is_narrowed_to_what_policy_grants_and_refused_when_nothing_is_left() {
    let world = World::new();
    let (service, researcher) = (world.serve(), Agent::new(&world, "/agent/researcher"));
    let form = researcher.delegation(&world.user_token(json!({})));
    let narrowed = service.exchange(&researcher, &form.clone().add("scope", "calendar.write calendar.read")).await;
    assert_eq!(narrowed.json()["scope"], "calendar.read");
    assert_eq!(claims(&narrowed.token())["scope"], "calendar.read");
    for scope in ["calendar.write", "mail.read", "no.such"] {
        let refused = service.exchange(&researcher, &form.clone().add("scope", scope)).await;
        assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned()), "{scope}");
    }
}

#[tokio::test]
async fn a_scope_claim_of_the_users_token_is_a_ceiling() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({ "scope": "openid calendar.read" })));
    for form in [form.clone(), form.clone().add("scope", "calendar.read calendar.write")] {
        assert_eq!(service.exchange(&planner, &form).await.json()["scope"], "calendar.read");
    }
    let refused = service.exchange(&planner, &form.add("scope", "calendar.write")).await;
    assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned()));
}

#[tokio::test]
async fn a_target_is_found_by_either_name_or_both_and_refused_when_unknown_or_denied() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({}))).without("resource");
    let by_name = service.exchange(&planner, &form.clone().add("audience", "calendar")).await;
    assert_eq!((&claims(&by_name.token())["aud"], &by_name.json()["resource"]), (&json!(CALENDAR), &json!([CALENDAR])));
    for (name, value) in [
        ("audience", "no-such-target"),
        ("audience", CALENDAR),
        ("resource", "calendar"),
        ("resource", "http://127.0.0.1:8090/calendar/"),
        ("resource", "http://127.0.0.1:8090/calendar#fragment"),
        // Known, and policy grants the planner nothing there.
        ("audience", "files"),
    ] {
        let refused = service.exchange(&planner, &form.clone().add(name, value)).await;
        assert_eq!(refused.refusal(), (400, "invalid_target".to_owned()), "{name} {value}");
    }
    let both = service.exchange(&planner, &form.clone().add("resource", CALENDAR).add("audience", "calendar")).await;
    assert_eq!(claims(&both.token())["aud"], CALENDAR);
    for not_one in [form.clone(), form.clone().add("resource", CALENDAR).add("audience", "mail")] {
        assert_eq!(service.exchange(&planner, &not_one).await.refusal(), (400, "invalid_target".to_owned()));
    }
    let twice = form.add("resource", CALENDAR).add("resource", CALENDAR);
    assert_eq!(service.exchange(&planner, &twice).await.refusal(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn policy_judges_the_user_as_well_as_the_agent() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let guest = world.user_token(json!({ "sub": "mallory", "groups": null }));
    let refused = service.exchange(&planner, &planner.delegation(&guest)).await;
    assert_eq!(refused.refusal(), (400, "invalid_target".to_owned()));
    let archivist = Agent::new(&world, "/agent/archivist");
    let refused = service.exchange(&archivist, &archivist.delegation(&world.user_token(json!({})))).await;
    assert_eq!(refused.refusal(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn may_act_admits_the_actor_it_names_and_no_other() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let me = "spiffe://dev.procura.test/agent/planner";
    for (may_act, is_granted) in [
        (json!({ "sub": me }), true),
        (json!({ "sub": me, "iss": "spiffe://dev.procura.test" }), true),
        (json!({ "sub": "spiffe://dev.procura.test/agent/researcher" }), false),
        (json!({ "sub": me, "iss": "spiffe://other.test" }), false),
        (json!({ "client_id": me }), false),
        (json!("planner"), false),
    ] {
        let form = planner.delegation(&world.user_token(json!({ "may_act": may_act })));
        let answer = service.exchange(&planner, &form).await;
        let expected = if is_granted { 200 } else { 400 };
        assert_eq!(answer.status, expected, "{may_act}: {answer:?}");
        assert!(is_granted || answer.refusal().1 == "invalid_request", "{may_act}: {answer:?}");
    }
}

#[tokio::test]
async fn a_token_ends_with_the_users_token_or_with_the_session_that_replaces_it() {
    let world = World::new();
    let began = now();
    let limited = world.user_token(json!({ "exp": began + 600, "auth_time": began - 1000 }));
    {
        let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
        let token = claims(&service.exchange(&planner, &planner.delegation(&limited)).await.token());
        assert_eq!((&token["exp"], &token["delegation"]["until"]), (&json!(began + 600), &json!(began + 600)));
    }
    world.edit("algorithms = [\"ES256\"]", "algorithms = [\"ES256\"]\nsession = \"20m\"");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let token = claims(&service.exchange(&planner, &planner.delegation(&limited)).await.token());
    assert_eq!((&token["exp"], &token["delegation"]["until"]), (&json!(began + 200), &json!(began + 200)));
    // Without `auth_time` the session began when the token was issued; a session long over grants nothing.
    let other = world.user_token(json!({ "iat": began - 100, "auth_time": null }));
    let token = claims(&service.exchange(&planner, &planner.delegation(&other)).await.token());
    assert_eq!(token["exp"], json!(began + 1100));
    let over = planner.delegation(&world.user_token(json!({ "auth_time": began - 1201 })));
    assert_eq!(service.exchange(&planner, &over).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn asking_again_continues_the_delegation_whatever_becomes_of_the_signature() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let user_token = world.user_token(json!({}));
    let delegation = async |agent: &Agent, user_token: &str, resource: &str| -> Value {
        let form = agent.delegation(user_token).set("resource", resource);
        claims(&service.exchange(agent, &form).await.token())["delegation"].clone()
    };
    let first = delegation(&planner, &user_token, CALENDAR).await;
    // Another second, so that a delegation begun anew would show in `until`.
    let began = now();
    while now() == began {
        tokio::task::yield_now().await;
    }
    assert_eq!(delegation(&planner, &user_token, CALENDAR).await, first);
    let malleated = malleate(&user_token);
    assert_ne!(malleated, user_token);
    assert_eq!(delegation(&planner, &malleated, CALENDAR).await, first);
    // The same agent with another key and another SVID is the same agent.
    assert_eq!(delegation(&Agent::new(&world, "/agent/planner"), &user_token, CALENDAR).await, first);
    // Another target, agent or subject token is another delegation.
    for other in [
        delegation(&planner, &user_token, "http://127.0.0.1:8090/mail").await,
        delegation(&Agent::new(&world, "/agent/researcher"), &user_token, CALENDAR).await,
        delegation(&planner, &world.user_token(json!({ "exp": claims(&user_token)["exp"] })), CALENDAR).await,
    ] {
        assert_ne!(other["id"], first["id"]);
    }
}

/// The thumbprint as it stands in `cnf`.
fn thumbprint(agent: &Agent) -> Value {
    json!(agent.key_thumbprint())
}
