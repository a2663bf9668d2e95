//! Delegations as a table: who asks, with what, and what comes of it. The rows are in `table/rows.toml`, which begins with
//! the words they are written in.

mod credential;
mod expectation;
mod scene;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use serde::Deserialize;
use serde_json::Value;

use self::credential::Credential;
use self::expectation::{Granted, Refused};
use self::scene::Scene;
use crate::support::{Answer, eventually};

/// One request, and what a user relies on when it is made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    /// The requirements and attacks that it stands for.
    #[serde(default)]
    about: String,
    subject: String,
    subject_type: Option<String>,
    #[serde(default)]
    subject_change: Change,
    /// Who asks: whoever acts in the subject token, if nothing is said.
    caller: Option<String>,
    /// Whose key makes the proof: the caller's, if nothing is said; nobody's, if it is empty.
    key: Option<String>,
    actor: Option<String>,
    actor_type: Option<String>,
    #[serde(default)]
    actor_change: Change,
    target: Option<String>,
    scope: Option<String>,
    /// Other parameters; an empty one is left out.
    #[serde(default)]
    form: BTreeMap<String, String>,
    /// Who is disabled once the tokens are there: a line of the list.
    disabled: Option<String>,
    /// The token whose delegation is revoked first.
    revoked: Option<String>,
    granted: Option<Granted>,
    refused: Option<Refused>,
}

/// What is changed in a token before it is signed anew.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    claims: Option<String>,
    without: Vec<String>,
    header: Option<String>,
    /// The file of the key that signs, if it is not the one that signed before.
    signed_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    row: Vec<Row>,
    /// Rows that need a service of their own, by the configuration it needs.
    #[serde(default)]
    configured: Vec<Configured>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    /// Text of the configuration, and what it becomes.
    #[serde(default)]
    edit: Vec<[String; 2]>,
    row: Vec<Row>,
}

fn table() -> Table {
    toml::from_str(include_str!("table/rows.toml")).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn every_row_of_the_table_is_so() {
    let mut scene = Scene::new(&[]).await;
    scene.play_all(&table().row).await;
}

#[tokio::test]
async fn every_row_with_a_configuration_of_its_own_is_so() {
    for Configured { edit, row } in &table().configured {
        let mut scene = Scene::new(edit).await;
        scene.play_all(row).await;
    }
}

#[test]
fn the_table_is_long_and_no_two_rows_have_one_name() {
    let table = table();
    let rows = table.row.iter().chain(table.configured.iter().flat_map(|configured| &configured.row));
    let names: Vec<&str> = rows.map(|row| row.name.as_str()).collect();
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len());
    assert!(names.len() >= 80, "{}", names.len());
}

impl Scene {
    /// Plays every row, and only then says which are not so: what each said instead stands above.
    async fn play_all(&mut self, rows: &[Row]) {
        let mut failed = Vec::new();
        for row in rows {
            if !self.play(row).await {
                failed.push(&row.name);
            }
        }
        assert!(failed.is_empty(), "not so: {failed:#?}");
    }

    /// Whether what comes of it is what the row expects.
    async fn play(&mut self, row: &Row) -> bool {
        let told = format!("{} ({})", row.name, row.about);
        if let Some(words) = &row.revoked {
            let revoked = self.credential(words).await;
            self.revoke(&revoked).await;
        }
        let subject = self.credential(&row.subject).await;
        let subject = self.changed(subject, &row.subject_change);
        let mut actor = None;
        if let Some(text) = &row.actor {
            let credential = self.credential(text).await;
            actor = Some(self.changed(credential, &row.actor_change));
        }
        let mut answer = self.ask(row, &subject, actor.as_ref()).await;
        if let Some(line) = &row.disabled {
            assert_eq!(answer.status, 200, "{told}: {answer:?}");
            std::fs::write(
                self.world.path("trust/disabled.toml"),
                format!("[[disabled]]\nsince = \"2026-01-01T00:00:00Z\"\nreason = \"test\"\n{line}\n"),
            )
            .unwrap();
            let mut last = None;
            eventually(async || {
                let answer = self.ask(row, &subject, actor.as_ref()).await;
                let is_refused = answer.status != 200;
                last = Some(answer);
                is_refused
            })
            .await;
            answer = last.unwrap();
        }
        let event = self.world.audit().pop().unwrap();
        let asked = Asked { scene: self, row, subject: &subject, actor: actor.as_ref() };
        let compared = AssertUnwindSafe(|| match (&row.granted, &row.refused) {
            (Some(granted), None) => granted.compare(&asked, &answer, &event, &told),
            (None, Some(refused)) => refused.compare(&answer, &event, &told),
            _ => panic!("{told}: a row expects one thing"),
        });
        std::panic::catch_unwind(compared).is_ok()
    }

    async fn ask(&mut self, row: &Row, subject: &Credential, actor: Option<&Credential>) -> Answer {
        let caller = row.caller.clone().or_else(|| subject.holder.clone()).unwrap_or_else(|| "planner".to_owned());
        let target = self.target(row.target.as_deref().unwrap_or("calendar"));
        let mut form = self.form(&caller, &subject.text).set("resource", &target);
        form = form.set("subject_token_type", &token_type(row.subject_type.as_deref().unwrap_or(subject.kind)));
        if let Some(actor) = actor {
            let kind = token_type(row.actor_type.as_deref().unwrap_or(actor.kind));
            form = form.add("actor_token", &actor.text).add("actor_token_type", &kind);
        }
        if let Some(scope) = &row.scope {
            form = form.add("scope", scope);
        }
        for (name, value) in &row.form {
            form = form.without(name);
            if !value.is_empty() {
                form = form.add(name, value);
            }
        }
        self.send(&caller, row.key.as_deref(), &form).await
    }
}

/// What a row asked with.
struct Asked<'a> {
    scene: &'a Scene,
    row: &'a Row,
    subject: &'a Credential,
    actor: Option<&'a Credential>,
}

/// By its last word, or whole.
fn token_type(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("urn:ietf:params:oauth:token-type:{name}") }
}

/// The same JSON with its words made what they stand for: `@now+60`, `@jwk NAME`, `@jkt NAME`, `@groups 400`.
fn filled(scene: &Scene, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(word) = text.strip_prefix('@') {
                *value = scene.word(word);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|value| filled(scene, value)),
        Value::Object(all) => all.values_mut().for_each(|value| filled(scene, value)),
        _ => {}
    }
}
