//! `POST /token` with `authorization_details` (RFC 9396).

use serde_json::{Value, json};

use crate::support::{Agent, Answer, CALENDAR, Form, Provider, Service, World, claims};

const MAIL: &str = "http://127.0.0.1:8090/mail";
const CODE: &str = "invalid_authorization_details";

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
        Self { world, service, planner }
    }

    /// Asks for `details` at the calendar, by nothing else.
    fn form(&self, details: &Value) -> Form {
        self.planner.delegation(&self.world.user_token(json!({}))).add("authorization_details", &details.to_string())
    }

    async fn send(&self, form: &Form) -> Answer {
        self.service.exchange(&self.planner, form).await
    }

    async fn ask(&self, details: &Value) -> Answer {
        self.send(&self.form(details)).await
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (400, CODE.to_owned()), "{reason}: {answer:?}");
        let last = self.world.audit().pop().unwrap();
        assert!(last["error.reason"].as_str().unwrap().contains(reason), "{reason}: {last}");
        assert!(!answer.text.contains(reason), "{answer:?}");
    }
}

/// What the planner may have: policy says up to ten guests, in whichever calendar.
fn invitation(most: u32) -> Value {
    json!({ "type": "calendar_invitation", "actions": ["send"], "guests": { "most": most } })
}

/// RAR-01, RAR-08, RAR-09, RAR-11.
#[tokio::test]
async fn details_are_granted_without_a_scope_and_stand_in_token_answer_and_metadata() {
    let scene = Scene::new();
    let asked = json!([invitation(10), invitation(2)]);
    let answer = scene.ask(&asked).await;
    let said = claims(&answer.token());
    assert_eq!((&said["authorization_details"], &answer.json()["authorization_details"]), (&asked, &asked));
    assert_eq!((said.get("scope"), answer.json().get("scope")), (None, None));
    assert_eq!((&said["aud"], &said["sub"]), (&json!(CALENDAR), &json!("dev:alice")));
    // The limit of the permit counts.
    assert_eq!(answer.json()["expires_in"], 300);
    let metadata = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["authorization_details_types_supported"], json!(["calendar_invitation"]));
}

/// RAR-04.
#[tokio::test]
async fn details_beside_a_scope_are_granted_with_it() {
    let scene = Scene::new();
    let details = json!([invitation(1)]);
    let answer = scene.send(&scene.form(&details).add("scope", "calendar.read")).await;
    let said = claims(&answer.token());
    assert_eq!((&said["scope"], &said["authorization_details"]), (&json!("calendar.read"), &details));
    assert_eq!(answer.json()["expires_in"], 300, "the least limit of all permits");
    // Neither comes without the other: half of what was asked is not what was asked.
    let refused = scene.send(&scene.form(&details).add("scope", "mail.read")).await;
    assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned()));
    let refused = scene.send(&scene.form(&json!([invitation(11)])).add("scope", "calendar.read")).await;
    scene.refused(&refused, "policy does not grant all of them");
}

/// RAR-01, RAR-03.
#[tokio::test]
async fn what_is_no_list_of_known_objects_is_refused() {
    let scene = Scene::new();
    let with = |name: &str, value: Value| {
        let mut changed = invitation(1);
        changed[name] = value;
        json!([changed])
    };
    for (details, reason) in [
        (invitation(1), "not an array"),
        (json!([]), "1 to 16 objects"),
        (json!(vec![invitation(1); 17]), "1 to 16 objects"),
        (json!(["calendar_invitation"]), "no object"),
        (json!([{ "actions": ["send"] }]), "no `type`"),
        (with("type", json!("payment")), "unknown"),
        (with("type", json!("Calendar_invitation")), "unknown"),
        (with("privileges", json!(["admin"])), "does not have"),
        (with("guests", json!({ "most": 1, "least": 1 })), "does not have"),
        (with("guests", json!({ "most": "many" })), "not of its type"),
        (with("guests", json!({ "most": -1 })), "not of its type"),
        (with("actions", json!("send")), "JSON type"),
        (with("calendar", json!(["team"])), "not of its type"),
        (json!([{ "type": "calendar_invitation", "guests": { "most": 1 } }]), "required"),
    ] {
        scene.refused(&scene.ask(&details).await, reason);
    }
    for text in ["[", "[{\"type\":\"a\",\"type\":\"calendar_invitation\"}]", "calendar_invitation"] {
        let form = scene.form(&json!([])).set("authorization_details", text);
        scene.refused(&scene.send(&form).await, "authorization details: ");
    }
    let twice = scene.form(&json!([invitation(1)])).add("authorization_details", "[]");
    assert_eq!(scene.send(&twice).await.refusal(), (400, "invalid_request".to_owned()));
}

/// RAR-06.
#[tokio::test]
async fn every_object_is_granted_or_none_is() {
    let scene = Scene::new();
    for details in [json!([invitation(11)]), json!([invitation(1), invitation(11)])] {
        scene.refused(&scene.ask(&details).await, "policy does not grant all of them");
    }
    let cancel = json!([{ "type": "calendar_invitation", "actions": ["send", "cancel"], "guests": { "most": 1 } }]);
    scene.refused(&scene.ask(&cancel).await, "policy does not grant all of them");
    let unlimited = json!([{ "type": "calendar_invitation", "actions": ["send"] }]);
    scene.refused(&scene.ask(&unlimited).await, "policy does not grant all of them");
    let researcher = Agent::new(&scene.world, "/agent/researcher");
    let form = researcher.delegation(&scene.world.user_token(json!({})));
    let refused =
        scene.service.exchange(&researcher, &form.add("authorization_details", &json!([invitation(1)]).to_string())).await;
    scene.refused(&refused, "policy does not grant all of them");
}

/// RAR-05, RAR-09, RES-05.
#[tokio::test]
async fn a_token_names_the_locations_of_its_target_and_no_others() {
    let scene = Scene::new();
    let at = |locations: Value| {
        let mut detail = invitation(1);
        detail["locations"] = locations;
        json!([detail])
    };
    let team = format!("{CALENDAR}/team");
    let answer = scene.ask(&at(json!([team, MAIL, "https://other.example/"]))).await;
    assert_eq!(claims(&answer.token())["authorization_details"], at(json!([team])));
    assert_eq!(answer.json()["authorization_details"], at(json!([team])));
    for elsewhere in [json!([MAIL]), json!([format!("{CALENDAR}s")]), json!([format!("{CALENDAR}/../mail")])] {
        scene.refused(&scene.ask(&at(elsewhere)).await, "no location at the target");
    }
    // A target that does not know the type.
    let mail = scene.form(&json!([invitation(1)])).set("resource", MAIL);
    scene.refused(&scene.send(&mail).await, "the type is unknown");
}

/// RAR-06, RAR-07: F05.
#[tokio::test]
async fn a_later_hop_gets_no_more_than_the_token_it_comes_from() {
    let scene = Scene::new();
    let root = scene.send(&scene.form(&json!([invitation(5)])).add("scope", "calendar.read")).await.token();
    let onward = |details: Value| scene.planner.onward(&root).add("authorization_details", &details.to_string());
    let narrower = scene.send(&onward(json!([invitation(4)]))).await.token();
    assert_eq!(claims(&narrower)["authorization_details"], json!([invitation(4)]));
    assert_eq!(claims(&narrower).get("scope"), None);
    for wider in [json!([invitation(6)]), json!([invitation(2), invitation(2)])] {
        scene.refused(&scene.send(&onward(wider)).await, "wider");
    }
    // What was given up does not come back, nor what was never there.
    let again = scene.planner.onward(&narrower).add("authorization_details", &json!([invitation(5)]).to_string());
    scene.refused(&scene.send(&again).await, "wider");
    let none = scene.send(&scene.planner.onward(&root)).await.token();
    assert_eq!(claims(&none).get("authorization_details"), None);
    let again = scene.planner.onward(&none).add("authorization_details", &json!([invitation(1)]).to_string());
    scene.refused(&scene.send(&again).await, "wider");
    let scope = scene.planner.onward(&narrower).add("scope", "calendar.read");
    assert_eq!(scene.send(&scope).await.refusal(), (400, "invalid_scope".to_owned()));
}

/// RAR-06: what the user's own token says is a ceiling.
#[tokio::test]
async fn a_users_token_is_a_ceiling() {
    let scene = Scene::new();
    for (said, most, is_granted) in [
        (json!([invitation(3)]), 3, true),
        (json!([invitation(3)]), 4, false),
        (json!([{ "type": "payment", "anything": { "goes": [1, null] } }]), 1, false),
        (json!("unreadable"), 1, false),
    ] {
        let form = scene.form(&json!([invitation(most)]));
        let form = form.set("subject_token", &scene.world.user_token(json!({ "authorization_details": said })));
        let answer = scene.send(&form).await;
        assert_eq!(answer.status, if is_granted { 200 } else { 400 }, "{said}: {answer:?}");
        if !is_granted {
            scene.refused(&answer, "wider");
        }
        // And none for scopes.
        let by_scope = form.without("authorization_details").add("scope", "calendar.read");
        assert_eq!(scene.send(&by_scope).await.status, 200, "{said}");
    }
}

/// An access token permits what it says; one without details permits none.
#[tokio::test]
async fn an_access_token_without_details_makes_none() {
    let (world, provider) = (World::new(), Provider::new().await.start().await);
    provider.trusted_as(
        &world,
        "idp",
        "token_kinds = [\"access_token\"]\nworkloads = { calendar-api = \"spiffe://dev.procura.test/agent/planner\" }\n",
    );
    let scene = Scene { service: world.serve(), planner: Agent::new(&world, "/agent/planner"), world };
    for (said, is_granted) in [(Value::Null, false), (json!([invitation(2)]), true), (json!([invitation(1)]), false)] {
        let token = provider.access_token(&scene.world, json!({ "aud": "calendar-api", "authorization_details": said }));
        let form = scene.planner.delegation_by_access_token(&token);
        let answer = scene.send(&form.add("authorization_details", &json!([invitation(2)]).to_string())).await;
        assert_eq!(answer.status, if is_granted { 200 } else { 400 }, "{said}: {answer:?}");
    }
}

/// RAR-12.
#[tokio::test]
async fn the_audit_log_names_types_and_a_hash_and_repeats_nothing() {
    let scene = Scene::new();
    let hostile = "a\u{202e}\"}{\u{1f4a3}<script>";
    let details = json!([{ "type": hostile, "secret": "do-not-write-this" }]);
    scene.refused(&scene.ask(&details).await, "unknown");
    let text = std::fs::read_to_string(scene.world.path("audit/events.jsonl")).unwrap();
    assert!(!text.contains("do-not-write-this") && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{text}");
    let event = scene.world.audit().pop().unwrap();
    assert_eq!((&event["details.asked"], event.get("details.granted")), (&json!([hostile]), None));
    scene.ask(&json!([invitation(1)])).await.token();
    let event = scene.world.audit().pop().unwrap();
    assert_eq!(event["details.granted"], json!(["calendar_invitation"]));
    assert_eq!(event["details.granted.sha256"], event["details.asked.sha256"]);
    assert!(event["policy.ids"].as_array().unwrap().contains(&json!("planner-invitations")), "{event}");
}
