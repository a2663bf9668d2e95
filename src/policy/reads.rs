//! Which parts of a question the policies of a set can tell from others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// What some policy looks at of the values that are dear to make, that are new in every request, or that may be many. Time, address
/// and groups that nobody looks at are left out of questions, or always the same: nobody can tell.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) time: bool,
    pub(super) source_ip: bool,
    pub(super) auth_age: bool,
    /// The only groups of a user that are asked for. `None`: they are looked at in other ways.
    groups: Option<BTreeSet<String>>,
}

impl Reads {
    /// For somebody who wants to see all.
    pub(super) const EVERYTHING: Self = Self { time: true, source_ip: true, auth_age: true, groups: None };

    /// What is read by policies with these bodies, in Cedar's JSON.
    pub(super) fn of(bodies: &[Value]) -> Self {
        let is_read = |attribute| bodies.iter().any(|body| mentions(body, attribute));
        Self {
            time: is_read("time"),
            source_ip: is_read("source_ip"),
            auth_age: is_read("auth_age"),
            groups: asked_groups(bodies),
        }
    }

    /// Those of a user's groups that make a difference.
    pub(super) fn groups<'a>(&self, groups: &'a [String]) -> impl Iterator<Item = &'a str> {
        groups.iter().map(String::as_str).filter(|group| self.groups.as_ref().is_none_or(|asked| asked.contains(*group)))
    }
}

/// Whether a policy may look at this attribute: its name occurs in it.
///
/// In JSON a name has one spelling. A policy that compares its whole context with a record has to name `time` as well: the
/// schema takes no record that leaves members out.
pub(super) fn mentions(body: &Value, attribute: &str) -> bool {
    count(body, attribute) > 0
}

fn count(body: &Value, name: &str) -> usize {
    body.to_string().matches(&format!("\"{name}\"")).count()
}

/// The groups in every `context.user.groups.contains("…")`, if the word occurs nowhere else.
fn asked_groups(bodies: &[Value]) -> Option<BTreeSet<String>> {
    let (mut names, mut asked) = (BTreeSet::new(), 0);
    for body in bodies {
        collect(body, &mut |name| {
            asked += 1;
            names.insert(name.to_owned());
        });
    }
    (asked == bodies.iter().map(|body| count(body, "groups")).sum::<usize>()).then_some(names)
}

fn user() -> Value {
    json!({ ".": { "left": { "Var": "context" }, "attr": "user" } })
}

/// Whether a policy asks for `context.user in …`: never so, and the author means the user's groups.
pub(super) fn puts_user_in(body: &Value) -> bool {
    body.get("in").is_some_and(|asked| asked["left"] == user())
        || match body {
            Value::Object(members) => members.values().any(puts_user_in),
            Value::Array(items) => items.iter().any(puts_user_in),
            _ => false,
        }
}

fn collect(body: &Value, found: &mut impl FnMut(&str)) {
    let groups = json!({ ".": { "left": user(), "attr": "groups" } });
    let contains = body.get("contains").filter(|contains| contains["left"] == groups);
    if let Some(name) = contains.and_then(|contains| contains["right"]["Value"].as_str()) {
        return found(name);
    }
    match body {
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
