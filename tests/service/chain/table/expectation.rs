//! What a row expects.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::scene::Scene;
use crate::support::{Answer, actors, claims};

/// Everything that a delegation token may say.
const CLAIMS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "client_id",
    "iat",
    "exp",
    "jti",
    "scope",
    "act",
    "cnf",
    "delegation",
    "auth_time",
    "acr",
    "amr",
    "groups",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Granted {
    hop: String,
    scope: String,
    /// Who acts, newest first.
    chain: String,
    /// Whose key the token is bound to, if it is not the actor's.
    bound_to: Option<String>,
    /// When it ends: `parent`, `subject`, `actor`, with the `deadline`, or so long after it was issued, such as `15m`.
    ends: String,
    #[serde(default = "alice")]
    sub: String,
    /// Whether it says which groups its user is in.
    #[serde(default = "yes")]
    groups: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    code: String,
    /// What the audit event says of it, and the client never learns.
    reason: String,
}

fn alice() -> String {
    "dev:alice".to_owned()
}

const fn yes() -> bool {
    true
}

impl Refused {
    pub(super) fn compare(&self, answer: &Answer, event: &Value, told: &str) {
        assert_ne!(answer.status, 200, "{told}: {event}");
        let status = if self.code == "invalid_client" { 401 } else { 400 };
        assert_eq!(answer.refusal(), (status, self.code.clone()), "{told}: {event}");
        assert_eq!((&event["outcome"], &event["error.code"]), (&json!("refused"), &json!(self.code)), "{told}: {event}");
        let reason = event["error.reason"].as_str().unwrap();
        assert!(reason.contains(&self.reason), "{told}: {reason}");
        assert!(!answer.text.contains(reason), "{told}: the client was told: {answer:?}");
        assert!(event["token.jti"].is_null(), "{told}: {event}");
    }
}

impl Granted {
    pub(super) fn compare(&self, asked: &Asked<'_>, answer: &Answer, event: &Value, told: &str) {
        assert_eq!(answer.status, 200, "{told}: {event}");
        let said = claims(&answer.token());
        let told = &format!("{told}: {said}: {event}");
        let names: Vec<&str> = self.chain.split(' ').collect();
        let chain: Vec<String> = names.iter().map(|name| Scene::id(name)).collect();
        let row = asked.row;

        assert!(said.as_object().unwrap().keys().all(|name| CLAIMS.contains(&name.as_str())), "{told}");
        assert_eq!((&said["sub"], &said["scope"]), (&json!(self.sub), &json!(self.scope)), "{told}");
        assert_eq!(answer.json()["scope"], self.scope, "{told}");
        assert_eq!(said["aud"], asked.scene.target(row.target.as_deref().unwrap_or("calendar")), "{told}");
        assert_eq!((&said["client_id"], &said["act"]["sub"]), (&json!(chain[0]), &json!(chain[0])), "{told}");
        assert_eq!(actors(&said), chain, "{told}");
        assert_eq!(said["cnf"], asked.scene.confirmation(self.bound_to.as_deref().unwrap_or(names[0])), "{told}");
        assert_eq!(said["groups"].is_array(), self.groups, "{told}");
        let subject = claims(&asked.subject.text);
        let end = match self.ends.as_str() {
            "deadline" => subject["delegation"]["until"].as_f64().unwrap().floor() as u64,
            "parent" | "subject" => subject["exp"].as_u64().unwrap(),
            "actor" => claims(&asked.actor.unwrap().text)["exp"].as_u64().unwrap(),
            length => said["iat"].as_u64().unwrap() + humantime::parse_duration(length).unwrap().as_secs(),
        };
        assert_eq!(said["exp"], end, "{told}");
        for claim in ["auth_time", "acr", "amr"] {
            assert_eq!(said[claim], subject[claim], "{claim}: {told}");
        }
        match self.hop.as_str() {
            "begin" => assert!(said["act"]["act"].is_null() && said["delegation"]["parent"].is_null(), "{told}"),
            hop => {
                let inner = if hop == "continue" { &said["act"] } else { &said["act"]["act"] };
                assert_eq!(inner, &subject["act"], "{told}");
                for inherited in ["id", "until"] {
                    assert_eq!(said["delegation"][inherited], subject["delegation"][inherited], "{told}");
                }
                assert_eq!(said["delegation"]["parent"], subject["jti"], "{told}");
                assert_eq!(said["groups"], subject["groups"], "{told}");
                assert!(said["exp"].as_u64() <= subject["exp"].as_u64(), "{told}");
            }
        }
        let caller = row.caller.as_ref().or(asked.subject.holder.as_ref()).map_or("planner", String::as_str);
        for (name, expected) in [
            ("outcome", json!("granted")),
            ("delegation.hop", json!(self.hop)),
            ("delegation.id", said["delegation"]["id"].clone()),
            ("caller.id", json!(Scene::id(caller))),
            ("subject.id", json!(self.sub)),
            ("actor.id", json!(chain[0])),
            ("actor.chain", json!(chain)),
            ("target", said["aud"].clone()),
            ("scope.granted", json!(self.scope)),
            ("token.jti", said["jti"].clone()),
        ] {
            assert_eq!(event[name], expected, "{name}: {told}");
        }
    }
}
