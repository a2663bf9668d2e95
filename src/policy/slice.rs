//! Policies, filed under what their heads name.

use std::collections::HashMap;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};

use super::PolicyError;
use super::question::Question;
use super::vocabulary::Vocabulary;

/// Each policy lies in one slice for each action it may apply to: the one its head names by principal and resource, where
/// `None` is "any". A question goes to the slices that its own principal, groups and resource lead to, and to no others;
/// as every policy lies in at most one of these, the answers add up to that of the whole set.
pub(super) struct Slices(HashMap<EntityUid, HashMap<Head, PolicySet>>);

/// The principal (or group) and the resource that a policy's head names.
type Head = (Option<EntityUid>, Option<EntityUid>);

impl Slices {
    pub(super) fn new(vocabulary: &Vocabulary, whole: &PolicySet) -> Result<Self, PolicyError> {
        let mut slices: HashMap<EntityUid, HashMap<Head, PolicySet>> = HashMap::new();
        for policy in whole.policies() {
            for action in actions(vocabulary, policy) {
                let slice = slices.entry(action).or_default().entry(head(policy)).or_default();
                slice.add(policy.clone()).map_err(PolicyError::engine)?;
            }
        }
        Ok(Self(slices))
    }

    /// The slices that may have something to say.
    pub(super) fn of<'a>(&'a self, question: &'a Question) -> impl Iterator<Item = &'a PolicySet> {
        let slices = self.0.get(&question.action);
        let resource = Some(question.resource.clone());
        let principals = question.principals.iter().cloned().map(Some).chain([None]);
        let heads = principals.flat_map(move |principal| [(principal.clone(), resource.clone()), (principal, None)]);
        heads.filter_map(move |head| slices?.get(&head))
    }
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
