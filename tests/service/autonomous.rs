//! `POST /token` for a workload's own token (`client_credentials`).

use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, Agent, Answer, CALENDAR, Form, Service, World, claims, header};

const ARCHIVIST: &str = "spiffe://dev.procura.test/agent/archivist";
const FILES: &str = "http://127.0.0.1:8090/files";

struct Scene {
    world: World,
    service: Service,
    archivist: Agent,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let (service, archivist) = (world.serve(), Agent::new(&world, "/agent/archivist"));
        Self { world, service, archivist }
    }

    async fn send(&self, form: &Form) -> Answer {
        self.service.exchange(&self.archivist, form).await
    }

    fn last(&self) -> Value {
        self.world.audit().pop().unwrap()
    }
}

/// ARCH-09, AT-05.
#[tokio::test]
async fn a_workload_acts_in_its_own_name_and_nobody_can_take_it_for_a_delegation() {
    let scene = Scene::new();
    let answer = scene.send(&scene.archivist.as_self(FILES)).await;
    let (token, body) = (answer.token(), answer.json());
    assert_eq!((&body["token_type"], &body["scope"], &body["expires_in"]), (&json!("DPoP"), &json!("files.read"), &json!(600)));
    assert_eq!(header(&token)["typ"], "at+jwt");
    let said = claims(&token);
    let expected = json!({
        "iss": "http://127.0.0.1:8080", "sub": ARCHIVIST, "aud": FILES, "client_id": ARCHIVIST,
        "iat": said["iat"], "exp": said["iat"].as_u64().unwrap() + 600, "jti": said["jti"], "scope": "files.read",
        "cnf": { "jkt": scene.archivist.key_thumbprint() },
    });
    assert_eq!(said, expected);
    let event = scene.last();
    assert_eq!((&event["event.kind"], &event["outcome"]), (&json!("token.self"), &json!("granted")));
    assert_eq!((&event["caller.id"], &event["actor.id"]), (&json!(ARCHIVIST), &json!(ARCHIVIST)));
    assert_eq!((&event["policy.ids"], &event["token.jti"]), (&json!(["archivist-own-files"]), &said["jti"]));
    for member in ["subject.id", "actor.chain", "delegation.id", "token.parent"] {
        assert_eq!(event.get(member), None, "{event}");
    }
    let metadata = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("client_credentials")));
}

#[tokio::test]
async fn policy_decides_by_an_action_of_its_own() {
    let scene = Scene::new();
    // What the archivist may for users at the files it may for itself there, because policy says so twice; not elsewhere.
    for (target, scope, code) in [
        (CALENDAR, None, "unauthorized_client"),
        (FILES, Some("files.write"), "invalid_scope"),
        ("https://unknown.example", None, "invalid_target"),
    ] {
        let mut form = scene.archivist.as_self(target);
        if let Some(scope) = scope {
            form = form.add("scope", scope);
        }
        assert_eq!(scene.send(&form).await.refusal(), (400, code.to_owned()), "{target}");
        assert_eq!(scene.last()["event.kind"], "token.self");
    }
    // Who may act for users may not therefore act for itself.
    let planner = Agent::new(&scene.world, "/agent/planner");
    let refused = scene.service.exchange(&planner, &planner.as_self(CALENDAR)).await;
    assert_eq!(refused.refusal(), (400, "unauthorized_client".to_owned()));
}

/// F02.
#[tokio::test]
async fn nothing_that_belongs_to_an_exchange_goes_with_it() {
    let scene = Scene::new();
    let form = scene.archivist.as_self(FILES);
    let user = scene.world.user_token(json!({}));
    for (name, value) in [
        ("subject_token", user.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", &scene.archivist.svid),
        ("actor_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
    ] {
        assert_eq!(scene.send(&form.clone().add(name, value)).await.refusal(), (400, "invalid_request".to_owned()), "{name}");
    }
    let details = form.clone().add("authorization_details", "[{\"type\":\"calendar_invitation\",\"actions\":[\"send\"]}]");
    assert_eq!(scene.send(&details).await.refusal(), (400, "invalid_authorization_details".to_owned()));
    let unknown = form.clone().without("client_assertion").without("client_assertion_type");
    assert_eq!(scene.send(&unknown).await.refusal(), (401, "invalid_client".to_owned()));
    let untargeted = form.without("resource");
    assert_eq!(scene.send(&untargeted).await.refusal(), (400, "invalid_target".to_owned()));
}

/// F02, F11.
#[tokio::test]
async fn a_workloads_own_token_is_nobodys_delegation() {
    let scene = Scene::new();
    let token = scene.send(&scene.archivist.as_self(FILES)).await.token();
    let onward = scene.archivist.onward(&token).set("resource", FILES);
    assert_eq!(scene.send(&onward).await.refusal(), (400, "invalid_request".to_owned()));
    assert!(scene.last()["error.reason"].as_str().unwrap().contains("acts for nobody"), "{}", scene.last());
    let as_id_token = scene.archivist.delegation(&token);
    assert_eq!(scene.send(&as_id_token).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn it_ends_with_what_the_workload_showed() {
    let scene = Scene::new();
    let brief = Agent { svid: scene.world.svid("/agent/archivist", 90), ..Agent::new(&scene.world, "/agent/archivist") };
    let answer = scene.service.exchange(&brief, &brief.as_self(FILES)).await;
    assert!(answer.json()["expires_in"].as_u64().unwrap() <= 90, "{answer:?}");
}

/// A proof is good for one request of this kind too; without one there is no token.
#[tokio::test]
async fn it_takes_a_new_proof() {
    let scene = Scene::new();
    let form = scene.archivist.as_self(FILES);
    let proof = scene.archivist.proof(Some(&scene.service.nonce(&scene.archivist, &form).await));
    assert_eq!(scene.service.post(&proof, &form).await.status, 200);
    for answer in [scene.service.post(&proof, &form).await, scene.service.post_bare(&form).await] {
        assert_eq!(answer.refusal(), (400, "invalid_dpop_proof".to_owned()));
    }
}

/// F07: `spiffe:` and `//dev.procura.test/agent/archivist` would be the archivist.
#[tokio::test]
async fn no_users_name_is_a_workloads() {
    let world = World::new();
    world.edit("alias = \"dev\"", "alias = \"spiffe\"");
    let ended = world.serve_in_vain();
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("`user_issuer.alias`") && ended.stderr.contains("workloads"), "{}", ended.stderr);
}
