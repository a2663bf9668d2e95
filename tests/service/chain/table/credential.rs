//! The tokens of the table, by the words for them.

use serde_json::{Value, json};

use super::scene::Scene;
use super::{Change, filled};
use crate::support::{claims, header, sign};

#[derive(Clone)]
pub(super) struct Credential {
    pub(super) text: String,
    /// Its token type.
    pub(super) kind: &'static str,
    /// The file of the key that signed it; none is the provider's.
    signer: Option<&'static str>,
    /// Who acts in it.
    pub(super) holder: Option<String>,
}

impl Scene {
    /// `alice`, `alice again`, `svid of planner`, `wit of planner`, `own token of planner`, `access token of alice`, or the way of a delegation such as
    /// `alice > planner > researcher < server/calendar@archive`.
    pub(super) async fn credential(&mut self, words: &str) -> Credential {
        if let Some(known) = self.known.get(words) {
            return known.clone();
        }
        if !words.contains(' ') {
            let user = self.user(words);
            self.known.insert(format!("{words} again"), user.clone());
            return user;
        }
        let made = match words.split_once(" of ") {
            Some(("svid", name)) => self.workload(self.agent_svid(name), "authority/svid.jwk", name),
            Some(("wit", name)) => {
                let agent = self.agent(name);
                let form = agent.wit(&agent.svid);
                let text = self.send(name, None, &form).await.token();
                self.workload(text, "keys/wit.jwk", name)
            }
            Some(("own token", name)) => {
                let form = self.agent(name).as_self(&self.target("files"));
                let text = self.send(name, None, &form).await.token();
                Credential { kind: "access_token", ..self.workload(text, "keys/token.jwk", name) }
            }
            Some(("access token", _)) => {
                let text = self.provider.access_token(&self.world, json!({ "aud": "calendar-api" }));
                Credential { text, kind: "access_token", signer: None, holder: None }
            }
            _ => Box::pin(self.delegation(words)).await,
        };
        self.known.insert(words.to_owned(), made.clone());
        made
    }

    fn agent_svid(&self, name: &str) -> String {
        let path = Self::id(name).trim_start_matches("spiffe://dev.procura.test").to_owned();
        self.world.svid(&path, 3600)
    }

    fn workload(&self, text: String, signer: &'static str, name: &str) -> Credential {
        Credential { text, kind: "jwt", signer: Some(signer), holder: Some(name.to_owned()) }
    }

    /// An ID token; `guest` belongs to no group.
    fn user(&self, name: &str) -> Credential {
        let groups = if name == "guest" { Value::Null } else { json!(["staff"]) };
        let text = self.world.user_token(json!({ "sub": name, "groups": groups }));
        Credential { text, kind: "id_token", signer: Some("authority/users.jwk"), holder: None }
    }

    /// The last step of the way: `> planner` begins or is handed the token, `< server` pulls it. Each may name target and
    /// scopes: `planner@calendar:calendar.read+calendar.write`.
    async fn delegation(&mut self, way: &str) -> Credential {
        let (before, step) = way.rsplit_once(' ').unwrap();
        let (before, direction) = before.rsplit_once(' ').unwrap();
        let (name, scope) = step.split_once(':').unwrap_or((step, ""));
        let (name, target) = name.split_once('@').map_or((name, None), |(name, target)| (name, Some(target)));
        let parent = self.credential(before).await;
        let actor = match (direction, &parent.holder) {
            (">", Some(_)) => Some(self.credential(&format!("wit of {name}")).await.text),
            _ => None,
        };
        let caller = match &actor {
            Some(_) => parent.holder.clone().unwrap(),
            None => name.to_owned(),
        };
        let target = match (target, &parent.holder) {
            (Some(target), _) => self.target(target),
            (None, Some(_)) => claims(&parent.text)["aud"].as_str().unwrap().to_owned(),
            (None, None) => self.target("calendar"),
        };
        let kind = super::token_type(parent.kind);
        let mut form = self.form(&caller, &parent.text).set("subject_token_type", &kind).set("resource", &target);
        if let Some(actor) = actor {
            form = form.add("actor_token", &actor).add("actor_token_type", &super::token_type("jwt"));
        }
        if !scope.is_empty() {
            form = form.add("scope", &scope.replace('+', " "));
        }
        let answer = self.send(&caller, None, &form).await;
        assert_eq!(answer.status, 200, "{way}: {answer:?}: {}", self.world.audit().pop().unwrap());
        let (text, holder) = (answer.token(), Some(name.to_owned()));
        Credential { text, kind: "access_token", signer: Some("keys/token.jwk"), holder }
    }

    /// The credential with other claims, signed anew.
    pub(super) fn changed(&self, credential: Credential, change: &Change) -> Credential {
        let Change { claims: changes, without, header: headers, signed_by } = change;
        if changes.is_none() && without.is_empty() && headers.is_none() && signed_by.is_none() {
            return credential;
        }
        let put = |into: &mut Value, changes: &Option<String>| {
            let mut changes: Value = changes.as_deref().map_or(json!({}), |text| serde_json::from_str(text).unwrap());
            filled(self, &mut changes);
            into.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        };
        let (mut said, mut head) = (claims(&credential.text), header(&credential.text));
        put(&mut said, changes);
        put(&mut head, headers);
        said.as_object_mut().unwrap().retain(|name, _| !without.contains(name));
        let text = match signed_by.as_deref().or(credential.signer) {
            Some(file) => sign(&self.world.key(file), &head, &said),
            None => sign(&self.provider.key, &head, &said),
        };
        Credential { text, ..credential }
    }
}
