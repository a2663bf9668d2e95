//! What is allowed but can hardly be meant.
//!
//! Each of these is certain, as far as it goes: nothing here guesses what conditions mean. That a policy can never hold is
//! said by Cedar's type checker where that knows, and here where a policy contradicts itself word for word.

use std::collections::HashMap;

use cedar_policy::{Effect, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use serde_json::Value;

use super::reads::mentions;
use super::set::{Rule, Set};
use super::slice::actions;
use super::vocabulary::Vocabulary;
use super::{Report, Warning};

/// A policy taken apart.
struct Known<'a> {
    policy: &'a Policy,
    rule: &'a Rule,
    actions: Vec<EntityUid>,
    /// `when` or `unless`, and the expression.
    conditions: Vec<(String, Value)>,
    /// All but the annotations.
    body: Value,
}

/// Adds warnings to `report`, in the order of the policies.
pub(super) fn report(vocabulary: &Vocabulary, set: &Set, has_countries: bool, report: &mut Report) {
    let mut policies: Vec<Known<'_>> = set.whole.policies().filter_map(|policy| know(vocabulary, set, policy)).collect();
    policies.sort_by_key(|known| (known.rule.file, known.rule.place.line));
    let mut warn = |rule: &Rule, what: String| report.warnings.push(rule.warning(what));
    let mut bodies = HashMap::new();
    let stops: Vec<&Known<'_>> = policies.iter().filter(|it| is_unconditional_forbid(it)).collect();
    for known in &policies {
        names_nobody(vocabulary, set, known, &mut warn);
        if known.policy.effect() == Effect::Forbid && known.rule.limits() {
            warn(known.rule, "`@ttl`, `@depth`, `@repeats` and `@approval` mean nothing on a forbid".to_owned());
        }
        if !has_countries && mentions(&known.body, "country") {
            warn(known.rule, "reads `country`, which is never there: no `country_database` is configured".to_owned());
        }
        if let Some(first) = bodies.insert(known.body.to_string(), known) {
            warn(known.rule, format!("says the same as the policy `{}` in {}", first.rule.id, first.rule.place));
        }
        contradicts_itself(known, &mut warn);
        let stop = stops.iter().find(|stop| known.policy.effect() == Effect::Permit && covers(set, stop, known));
        if let Some(stop) = stop {
            let Rule { id, place, .. } = stop.rule;
            warn(known.rule, format!("permits nothing: the policy `{id}` in {place} forbids all of it, without condition"));
        }
    }
    report.warnings.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
}

impl Rule {
    /// Whether it has an annotation that only a permit can have.
    const fn limits(&self) -> bool {
        self.ttl.is_some() || self.depth.is_some() || self.repeats || self.needs_approval
    }

    pub(super) fn warning(&self, what: String) -> Warning {
        Warning { place: self.place.clone(), policy: self.id.clone(), what }
    }
}

fn know<'a>(vocabulary: &Vocabulary, set: &'a Set, policy: &'a Policy) -> Option<Known<'a>> {
    let rule = set.rules.get(policy.id())?;
    let mut body = policy.to_json().ok()?;
    body.as_object_mut()?.remove("annotations");
    let conditions = body.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let conditions = conditions.filter_map(|it| Some((it.get("kind")?.as_str()?.to_owned(), it.get("body")?.clone()))).collect();
    Some(Known { policy, rule, actions: actions(vocabulary, policy), conditions, body })
}

/// Targets, groups and agents that do not exist.
fn names_nobody(vocabulary: &Vocabulary, set: &Set, known: &Known<'_>, warn: &mut impl FnMut(&Rule, String)) {
    for uid in known.policy.entity_literals() {
        if vocabulary.is_unknown_target(&uid) {
            warn(known.rule, format!("the policy names {uid}, which is no configured target"));
        } else if vocabulary.group_name(&uid).is_some_and(|name| !set.agents.has_group(name)) {
            warn(known.rule, format!("the policy names {uid}, which no `[[group]]` describes"));
        } else if vocabulary.is_impossible_user(&uid) {
            warn(
                known.rule,
                format!(
                    "the policy names {uid}, and users are called by their issuer's alias and their name there: `corp:alice`"
                ),
            );
        } else if vocabulary.workload_name(&uid).is_some_and(|id| set.agents.misses(id)) {
            warn(
                known.rule,
                format!("the policy names {uid}, which no `[[agent]]` describes, or which is no workload identifier"),
            );
        }
    }
}

fn contradicts_itself(known: &Known<'_>, warn: &mut impl FnMut(&Rule, String)) {
    for (index, (kind, body)) in known.conditions.iter().enumerate() {
        let before = known.conditions.iter().take(index).filter(|(_, other)| other == body);
        for (other, _) in before {
            let what = if other == kind { "has one condition twice" } else { "can never hold: its `when` is its `unless`" };
            warn(known.rule, what.to_owned());
        }
    }
}

fn is_unconditional_forbid(known: &Known<'_>) -> bool {
    known.policy.effect() == Effect::Forbid && known.conditions.is_empty()
}

/// Whether whatever `permit` may apply to is in the reach of `forbid`'s head.
fn covers(set: &Set, forbid: &Known<'_>, permit: &Known<'_>) -> bool {
    permit.actions.iter().all(|action| forbid.actions.contains(action))
        && covers_principal(set, &forbid.policy.principal_constraint(), &permit.policy.principal_constraint())
        && covers_resource(&forbid.policy.resource_constraint(), &permit.policy.resource_constraint())
}

fn covers_principal(set: &Set, forbid: &PrincipalConstraint, permit: &PrincipalConstraint) -> bool {
    use PrincipalConstraint::{Any, Eq, In, Is, IsIn};
    match (forbid, permit) {
        // Every principal is a workload.
        (Any | Is(_), _) => true,
        (Eq(outer) | In(outer) | IsIn(_, outer), Eq(inner)) => inner == outer || set.agents.is_in(inner, outer),
        (In(outer) | IsIn(_, outer), In(inner) | IsIn(_, inner)) => inner == outer,
        _ => false,
    }
}

fn covers_resource(forbid: &ResourceConstraint, permit: &ResourceConstraint) -> bool {
    use ResourceConstraint::{Any, Eq, In, Is, IsIn};
    match (forbid, permit) {
        (Any, _) => true,
        (Is(outer), Is(inner) | IsIn(inner, _)) => outer == inner,
        (Is(outer), Eq(inner) | In(inner)) => outer == inner.type_name(),
        // Nothing is in a target or a trust domain but itself.
        (Eq(outer) | In(outer) | IsIn(_, outer), Eq(inner) | In(inner) | IsIn(_, inner)) => outer == inner,
        _ => false,
    }
}
