//! The conditions of a policy, one by one.

use cedar_policy::{Authorizer, Decision, EvalResult, Expression, Policy, PolicySet, Request as CedarRequest, eval_expression};
use serde_json::{Value, json};

use super::super::question::Question;
use super::PolicyOutcome;

/// The most values told of one condition, and the most characters of one.
const MAX_VALUES: usize = 8;
const MAX_TEXT: usize = 300;

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCondition {
    /// Whether it is an `unless`, and therefore true; else it is a `when` and false.
    pub is_unless: bool,
    /// The part of it that decides, in Cedar's language.
    pub text: String,
    /// What it looks at, and what is there.
    pub values: Vec<(String, String)>,
}

/// A policy as JSON, its head and its conditions apart.
pub(super) struct Taken {
    head: Policy,
    conditions: Vec<Condition>,
}

struct Condition {
    is_unless: bool,
    body: Value,
}

impl Taken {
    pub(super) fn apart(policy: &Policy) -> Option<Self> {
        let mut json = policy.to_json().ok()?;
        let object = json.as_object_mut()?;
        let conditions = object.insert("conditions".to_owned(), json!([]))?;
        object.insert("effect".to_owned(), json!("permit"));
        let conditions = conditions.as_array()?.iter();
        let conditions =
            conditions.map(|it| Some(Condition { is_unless: it.get("kind")? == "unless", body: it.get("body")?.clone() }));
        Some(Self { conditions: conditions.collect::<Option<_>>()?, head: Policy::from_json(None, json).ok()? })
    }

    pub(super) fn head_fits(&self, question: &Question, asked: &CedarRequest) -> bool {
        evaluate(self.head.clone(), question, asked) == Ok(true)
    }

    pub(super) fn outcome(&self, question: &Question, asked: &CedarRequest) -> PolicyOutcome {
        let mut failed = Vec::new();
        for condition in &self.conditions {
            match condition.holds(question, asked) {
                Ok(true) => {}
                Ok(false) => failed.push(condition.failed(question, asked)),
                // Cedar stops at the first condition that is false, and so does not meet this error.
                Err(_) if !failed.is_empty() => {}
                Err(reason) => return PolicyOutcome::Broken(reason),
            }
        }
        if failed.is_empty() { PolicyOutcome::Holds } else { PolicyOutcome::Fails(failed) }
    }
}

impl Condition {
    fn holds(&self, question: &Question, asked: &CedarRequest) -> Result<bool, String> {
        is_true(&self.body, question, asked).map(|value| value != self.is_unless)
    }

    fn failed(&self, question: &Question, asked: &CedarRequest) -> FailedCondition {
        let decisive = if self.is_unless { &self.body } else { first_false(&self.body, question, asked) };
        let mut paths = Vec::new();
        collect_paths(decisive, &mut paths);
        paths.dedup();
        paths.truncate(MAX_VALUES);
        let value = |path: String| {
            let value = look(&path, question, asked).map_or_else(|| "not there".to_owned(), |value| cut(&value.to_string()));
            (path, value)
        };
        let values = paths.into_iter().map(value).collect();
        FailedCondition { is_unless: self.is_unless, text: cut(&text(decisive)), values }
    }
}

/// Of conditions joined by `&&`, the first that is false.
fn first_false<'a>(body: &'a Value, question: &Question, asked: &CedarRequest) -> &'a Value {
    let both = body.get("&&").and_then(|and| Some((and.get("left")?, and.get("right")?)));
    match both {
        Some((left, _)) if is_true(left, question, asked) != Ok(true) => first_false(left, question, asked),
        Some((_, right)) => first_false(right, question, asked),
        None => body,
    }
}

/// A policy for everybody with this condition.
fn only(body: &Value) -> Option<Policy> {
    let any = json!({ "op": "All" });
    let conditions = json!([{ "kind": "when", "body": body }]);
    let json = json!({ "effect": "permit", "principal": any, "action": any, "resource": any, "conditions": conditions });
    Policy::from_json(None, json).ok()
}

fn is_true(body: &Value, question: &Question, asked: &CedarRequest) -> Result<bool, String> {
    evaluate(only(body).ok_or("the condition cannot be taken apart")?, question, asked)
}

fn evaluate(policy: Policy, question: &Question, asked: &CedarRequest) -> Result<bool, String> {
    let policies = PolicySet::from_policies([policy]).map_err(|err| err.to_string())?;
    let response = Authorizer::new().is_authorized(asked, &policies, &question.entities);
    match response.diagnostics().errors().next() {
        Some(cedar_policy::AuthorizationError::PolicyEvaluationError(error)) => Err(error.inner().to_string()),
        None => Ok(response.decision() == Decision::Allow),
    }
}

/// The condition in Cedar's language.
fn text(body: &Value) -> String {
    let policy = only(body).map(|policy| policy.to_string()).unwrap_or_default();
    let inner = policy.split_once("when {").and_then(|(_, rest)| rest.rsplit_once('}')).map(|(inner, _)| inner.trim());
    inner.unwrap_or_default().to_owned()
}

/// What `body` looks at: attributes and tags of principal, resource and context.
fn collect_paths(body: &Value, found: &mut Vec<String>) {
    if let Some(path) = path(body) {
        if path.contains(['.', '[']) && !found.contains(&path) {
            found.push(path);
        }
        return;
    }
    match body {
        Value::Object(members) => members.values().for_each(|member| collect_paths(member, found)),
        Value::Array(items) => items.iter().for_each(|item| collect_paths(item, found)),
        _ => {}
    }
}

fn path(body: &Value) -> Option<String> {
    let (kind, inner) = body.as_object()?.iter().next()?;
    match kind.as_str() {
        "Var" => Some(inner.as_str()?.to_owned()),
        "." | "has" => Some(format!("{}[{}]", path(inner.get("left")?)?, quoted(inner.get("attr")?.as_str()?)))
            .map(|path| plain(&path).unwrap_or(path)),
        "hasTag" | "getTag" => {
            let tag = inner.get("right")?.get("Value")?.as_str()?;
            Some(format!("{}.getTag({})", path(inner.get("left")?)?, quoted(tag)))
        }
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// `a["b"]` as `a.b`, if `b` is a plain word.
fn plain(path: &str) -> Option<String> {
    let (left, attribute) = path.strip_suffix("\"]")?.rsplit_once("[\"")?;
    let is_word = !attribute.is_empty() && attribute.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    is_word.then(|| format!("{left}.{attribute}"))
}

fn look(path: &str, question: &Question, asked: &CedarRequest) -> Option<EvalResult> {
    let expression: Expression = path.parse().ok()?;
    eval_expression(asked, &question.entities, &expression).ok()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT).chain(['…']).collect()
}
