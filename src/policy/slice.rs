//! Policies, filed under what their heads name.

use std::collections::HashMap;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};
use procura_token::Scope;
use serde_json::{Value, json};

use super::PolicyError;
use super::question::Question;
use super::vocabulary::Vocabulary;

/// Each policy lies in one drawer for each action it may apply to: the one its head names by principal and resource, where
/// `None` is "any". A question goes to the drawers that its own principal, groups and resource lead to, and to no others;
/// as every policy lies in at most one of these, the answers add up to that of the whole set.
#[derive(Default)]
pub(super) struct Slices(HashMap<EntityUid, ByPrincipal>);

type ByPrincipal = HashMap<Option<EntityUid>, ByResource>;
type ByResource = HashMap<Option<EntityUid>, Drawer>;

/// Policies with one principal (or group) and one resource in their heads. As whoever looks in here has these, all of the heads
/// but their types is left out: Cedar would take half of its time to look at them again.
#[derive(Default)]
struct Drawer {
    /// The policies that begin by asking for a scope or a user, under what they ask for.
    by_text: HashMap<Asks, PolicySet>,
    others: PolicySet,
}

/// One of the texts without which a policy says nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Asks {
    Scope(String),
    /// A user's name at the issuer.
    User(String),
}

impl Slices {
    /// Files policies, each with its body in Cedar's JSON.
    pub(super) fn new<'a>(
        vocabulary: &Vocabulary,
        policies: impl Iterator<Item = (&'a Policy, Value)>,
    ) -> Result<Self, PolicyError> {
        let mut slices = Self::default();
        for (policy, body) in policies {
            let asks = asks(&body);
            let headless = headless(vocabulary, policy, body).unwrap_or_else(|| policy.clone());
            let (principal, resource) = head(policy);
            for action in actions(vocabulary, policy) {
                let of_action = slices.0.entry(action).or_default();
                let drawer = of_action.entry(principal.clone()).or_default().entry(resource.clone()).or_default();
                for slice in drawer.slices(asks.as_deref()) {
                    slice.add(headless.clone()).map_err(PolicyError::engine)?;
                }
            }
        }
        Ok(slices)
    }

    /// The policies that may have something to say, without what their drawers say.
    pub(super) fn of<'a>(&'a self, question: &'a Question, scope: Option<&'a Scope>) -> impl Iterator<Item = &'a PolicySet> {
        let by_principal = self.0.get(&question.action);
        let principals = question.principals.iter().map(Some).chain([None]);
        let by_resource = principals.filter_map(move |principal| by_principal?.get(&principal.cloned()));
        let resources = [Some(question.resource.clone()), None];
        let drawers = by_resource.flat_map(move |drawers| resources.clone().into_iter().filter_map(|it| drawers.get(&it)));
        let scope = scope.map(|scope| Asks::Scope(scope.as_str().to_owned()));
        let user = question.user.as_ref().map(|user| Asks::User(user.clone()));
        let texts = [scope, user];
        drawers.flat_map(move |drawer| {
            let others = Some(&drawer.others).filter(|others| !others.is_empty());
            let by_text = |asks: &Option<Asks>| drawer.by_text.get(asks.as_ref()?);
            others.into_iter().chain(texts.each_ref().map(by_text).into_iter().flatten())
        })
    }
}

impl Drawer {
    /// Where a policy belongs that asks for one of these, or for none.
    fn slices(&mut self, asks: Option<&[Asks]>) -> Vec<&mut PolicySet> {
        let Some(asks) = asks else { return vec![&mut self.others] };
        asks.iter().for_each(|asks| _ = self.by_text.entry(asks.clone()).or_default());
        self.by_text.iter_mut().filter(|(text, _)| asks.contains(text)).map(|(_, slice)| slice).collect()
    }
}

/// `policy` without those parts of its head that are so for every question that finds it.
fn headless(vocabulary: &Vocabulary, policy: &Policy, mut body: Value) -> Option<Policy> {
    // `in` a group leads its members here, `==` a group nobody.
    let is_nobody =
        matches!(policy.principal_constraint(), PrincipalConstraint::Eq(uid) if vocabulary.workload_name(&uid).is_none());
    for part in ["principal", "action", "resource"] {
        let is_type = body.get(part).is_some_and(|part| part["op"] == "is");
        let stays = is_type || (is_nobody && part == "principal");
        if !stays {
            body[part] = json!({ "op": "All" });
        }
    }
    Policy::from_json(Some(policy.id().clone()), body).ok()
}

/// The actions that `policy` may apply to.
pub(super) fn actions(vocabulary: &Vocabulary, policy: &Policy) -> Vec<EntityUid> {
    let constraint = policy.action_constraint();
    let applies = |action: &&EntityUid| match &constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => named.iter().any(|named| vocabulary.actions_in(named).any(|a| a == *action)),
    };
    vocabulary.schema.actions().filter(applies).cloned().collect()
}

/// The principal (or group) and the resource that a policy's head names.
fn head(policy: &Policy) -> (Option<EntityUid>, Option<EntityUid>) {
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => Some(uid),
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Some(uid),
    };
    (principal, resource)
}

/// The scopes or users without which `policy` says nothing: those that the first thing it asks for lists, as in
/// `when { context.scope == "read" && … }` or `when { ["bob", "eve"].contains(context.user.sub) }`.
///
/// Only the first thing: what stands before a condition can fail, and then that is the answer, whatever the scope.
fn asks(policy: &Value) -> Option<Vec<Asks>> {
    let first = policy.get("conditions")?.get(0)?;
    let mut expression = first.get("body").filter(|_| first.get("kind").is_some_and(|kind| kind == "when"))?;
    while let Some(both) = expression.get("&&") {
        expression = both.get("left")?;
    }
    let sides = |operator: &Value| Some((operator.get("left")?.clone(), operator.get("right")?.clone()));
    let (asked, texts) = match (expression.get("==").and_then(sides), expression.get("contains").and_then(sides)) {
        (Some((left, right)), _) if text(&right).is_some() => (asked_text(&left)?, vec![right]),
        (Some((left, right)), _) => (asked_text(&right)?, vec![left]),
        (None, Some((list, text))) => (asked_text(&text)?, list.get("Set")?.as_array()?.clone()),
        (None, None) => return None,
    };
    texts.iter().map(|literal| text(literal).map(asked)).collect()
}

/// What is asked about, if `expression` is `context.scope` or `context.user.sub`.
fn asked_text(expression: &Value) -> Option<fn(String) -> Asks> {
    let attribute = |left: Value, attr: &str| json!({ ".": { "left": left, "attr": attr } });
    let context = json!({ "Var": "context" });
    if *expression == attribute(context.clone(), "scope") {
        return Some(Asks::Scope);
    }
    (*expression == attribute(attribute(context, "user"), "sub")).then_some(Asks::User)
}

fn text(literal: &Value) -> Option<String> {
    literal.get("Value")?.as_str().map(str::to_owned)
}
