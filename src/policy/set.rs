//! A policy set, loaded: every policy parsed, held against the schema, and filed under what its head names.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Authorizer, Effect, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, Request as CedarRequest,
    ResourceConstraint, ValidationMode, Validator,
};

use super::answered::Answered;
use super::file::PolicyFile;
use super::parse::{offset, parse, reason};
use super::question::Question;
use super::vocabulary::Vocabulary;
use super::{Place, PolicyError, PolicySetHash, file};

/// Policies that can be asked.
///
/// Each policy lies in one slice for each action it may apply to: the one its head names by principal and resource, where
/// `None` is "any". A question goes to the slices that its own principal, groups and resource lead to, and to no others;
/// as every policy lies in at most one of these, the answers add up to that of the whole set.
pub(super) struct Set {
    slices: HashMap<EntityUid, HashMap<Head, PolicySet>>,
    rules: HashMap<PolicyId, Rule>,
    pub(super) hash: PolicySetHash,
    /// `None` if some policy reads what is new in every request.
    pub(super) answered: Option<Answered>,
    /// Whether an approval could change an answer.
    pub(super) minds_approval: bool,
    authorizer: Authorizer,
    #[cfg(test)]
    pub(super) whole: PolicySet,
}

/// The principal (or group) and the resource that a policy's head names.
type Head = (Option<EntityUid>, Option<EntityUid>);

/// What is known of a policy beside its conditions.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) ttl: Option<Duration>,
    pub(super) depth: Option<u32>,
    /// Whether the chain may name a workload twice.
    pub(super) repeats: bool,
    pub(super) needs_approval: bool,
    /// The index of its file, and where it begins.
    pub(super) file: usize,
    pub(super) place: Place,
}

impl Rule {
    /// Whether it has an annotation that only a permit can have.
    const fn limits(&self) -> bool {
        self.ttl.is_some() || self.depth.is_some() || self.repeats || self.needs_approval
    }
}

/// What the policies say to one question.
#[derive(Default)]
pub(super) struct Answer<'a> {
    /// The permits that hold.
    pub(super) permits: Vec<&'a Rule>,
    /// The forbids that hold, and the policies that could not be evaluated.
    pub(super) against: Vec<&'a Rule>,
    pub(super) errors: Vec<String>,
}

impl Set {
    /// Parses `files` and holds them against the schema. Warnings go to the log.
    pub(super) fn new(vocabulary: &Vocabulary, files: &[PolicyFile]) -> Result<Self, PolicyError> {
        let mut whole = PolicySet::new();
        let mut rules = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            for (policy, rule) in parse(file, index)? {
                match rules.entry(policy.id().clone()) {
                    Entry::Occupied(first) => return Err(duplicate(first.get(), rule)),
                    Entry::Vacant(place) => _ = place.insert(rule),
                }
                whole.add(policy).map_err(PolicyError::engine)?;
            }
        }
        hold_against_schema(vocabulary, files, &whole, &rules)?;
        warn_of_oddities(vocabulary, &whole, &rules);
        let reads_what_is_new = whole.policies().any(|policy| reads(policy, NEW));
        let reads_approved = whole.policies().any(|policy| reads(policy, &["approved"]));
        Ok(Self {
            slices: slice(vocabulary, &whole)?,
            minds_approval: reads_approved || rules.values().any(|rule: &Rule| rule.needs_approval),
            rules,
            hash: file::hash(files),
            answered: (!reads_what_is_new).then(Answered::default),
            authorizer: Authorizer::new(),
            #[cfg(test)]
            whole,
        })
    }

    /// Whether there is no policy at all.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Asks the slices that may have something to say.
    pub(super) fn answer(&self, question: &Question, request: &CedarRequest) -> Answer<'_> {
        let mut answer = Answer::default();
        let Some(slices) = self.slices.get(&question.action) else { return answer };
        let resource = Some(question.resource.clone());
        for principal in question.principals.iter().cloned().map(Some).chain([None]) {
            for head in [(principal.clone(), resource.clone()), (principal, None)] {
                if let Some(slice) = slices.get(&head) {
                    self.consult(slice, question, request, &mut answer);
                }
            }
        }
        answer
    }

    pub(super) fn consult<'a>(
        &'a self,
        policies: &PolicySet,
        question: &Question,
        request: &CedarRequest,
        answer: &mut Answer<'a>,
    ) {
        let response = self.authorizer.is_authorized(request, policies, &question.entities);
        let holding = response.diagnostics().reason().filter_map(|id| self.rules.get(id));
        match response.decision() {
            cedar_policy::Decision::Allow => answer.permits.extend(holding),
            cedar_policy::Decision::Deny => answer.against.extend(holding),
        }
        for error in response.diagnostics().errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(failure) = error;
            answer.against.extend(self.rules.get(failure.policy_id()));
            answer.errors.push(error.to_string());
        }
    }
}

fn duplicate(first: &Rule, second: Rule) -> PolicyError {
    PolicyError::DuplicateId { id: first.id.to_string(), first: first.place.clone(), second: second.place }
}

fn hold_against_schema(
    vocabulary: &Vocabulary,
    files: &[PolicyFile],
    whole: &PolicySet,
    rules: &HashMap<PolicyId, Rule>,
) -> Result<(), PolicyError> {
    let result = Validator::new(vocabulary.schema.clone()).validate(whole, ValidationMode::Strict);
    for warning in result.validation_warnings() {
        let place = rules.get(warning.policy_id()).map(|rule| rule.place.to_string());
        tracing::warn!(policy = %warning.policy_id(), place, "{warning}");
    }
    let mut errors: Vec<(Place, String)> = Vec::new();
    for error in result.validation_errors() {
        let Some(rule) = rules.get(error.policy_id()) else { return Err(PolicyError::engine(error)) };
        let error = DetailedError::from(error);
        let exact = files.get(rule.file).map(|file| file.place(offset(&error))).filter(|place| place.line.is_some());
        errors.push((exact.unwrap_or_else(|| rule.place.clone()), reason(&error)));
    }
    errors.sort_by(|(a, _), (b, _)| (&a.file, a.line).cmp(&(&b.file, b.line)));
    match errors.into_iter().next() {
        Some((place, reason)) => Err(PolicyError::Schema { place, reason }),
        None => Ok(()),
    }
}

/// Logs what is allowed but can hardly be meant.
fn warn_of_oddities(vocabulary: &Vocabulary, whole: &PolicySet, rules: &HashMap<PolicyId, Rule>) {
    for policy in whole.policies() {
        let Some(rule) = rules.get(policy.id()) else { continue };
        for uid in policy.entity_literals().iter().filter(|uid| vocabulary.is_unknown_target(uid)) {
            tracing::warn!(policy = %rule.id, place = %rule.place, "the policy names {uid}, which is no configured target");
        }
        if policy.effect() == Effect::Forbid && rule.limits() {
            let what = "`@ttl`, `@depth`, `@repeats` and `@approval` mean nothing on a forbid";
            tracing::warn!(policy = %rule.id, place = %rule.place, "{what}");
        }
    }
}

/// What differs when the same is asked again. (So do weekday and country, but so seldom that they are part of the question.)
const NEW: &[&str] = &["time", "source_ip", "auth_age"];

/// Whether `policy` may look at one of these attributes: their names occur in it.
///
/// In JSON a name has one spelling. A policy that compares its whole context with a record has to name `time` as well, one
/// that compares the whole user `auth_age`: the schema takes no record that leaves members out.
fn reads(policy: &Policy, attributes: &[&str]) -> bool {
    let Ok(json) = policy.to_json() else { return true };
    let json = json.to_string();
    attributes.iter().any(|name| json.contains(&format!("\"{name}\"")))
}

fn slice(vocabulary: &Vocabulary, whole: &PolicySet) -> Result<HashMap<EntityUid, HashMap<Head, PolicySet>>, PolicyError> {
    let mut slices: HashMap<EntityUid, HashMap<Head, PolicySet>> = HashMap::new();
    for action in vocabulary.schema.actions() {
        let applies = |policy: &&Policy| match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(named) => named == *action,
            ActionConstraint::In(named) => named.iter().any(|named| vocabulary.actions_in(named).any(|a| a == action)),
        };
        let slices = slices.entry(action.clone()).or_default();
        for policy in whole.policies().filter(applies) {
            slices.entry(head(policy)).or_default().add(policy.clone()).map_err(PolicyError::engine)?;
        }
    }
    Ok(slices)
}

fn head(policy: &Policy) -> Head {
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
