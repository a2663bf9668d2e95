//! The words policies are written in: the schema, and the entities known when a policy is loaded.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};
use procura_token::{Resource, UnixTime, WorkloadId};

use super::question::{datetime, text, texts};
use super::{PolicyError, SCHEMA, Target, Targets};

/// Schema, names and entities, parsed once.
pub(super) struct Vocabulary {
    pub(super) schema: Schema,
    workload: EntityTypeName,
    group: EntityTypeName,
    target: EntityTypeName,
    trust_domain: EntityTypeName,
    user: EntityTypeName,
    posture: EntityTypeName,
    detail: EntityTypeName,
    amounts: EntityTypeName,
    delegate: EntityUid,
    delegate_detail: EntityUid,
    act_as_self: EntityUid,
    issue_wit: EntityUid,
    unread_time: RestrictedExpression,
    actions: Entities,
    /// For each target, itself alone: no action of the schema is in a group, so nobody looks actions up.
    targets: HashMap<Resource, Entities>,
}

impl Vocabulary {
    pub(super) fn new(targets: &Targets) -> Result<Self, PolicyError> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(PolicyError::engine)?;
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(PolicyError::engine);
        let action = |id: &str| name("Action").map(|name| EntityUid::from_type_name_and_id(name, EntityId::new(id)));
        let mut vocabulary = Self {
            workload: name("Workload")?,
            group: name("Group")?,
            target: name("Target")?,
            trust_domain: name("TrustDomain")?,
            user: name("User")?,
            posture: name("Posture")?,
            detail: name("Detail")?,
            amounts: name("Amounts")?,
            delegate: action("delegate")?,
            delegate_detail: action("delegate_detail")?,
            act_as_self: action("act_as_self")?,
            issue_wit: action("issue_wit")?,
            unread_time: datetime(UnixTime::from_secs(0)),
            actions: schema.action_entities().map_err(PolicyError::engine)?,
            targets: HashMap::new(),
            schema,
        };
        for target in targets.iter() {
            let entities = vocabulary.with_target(target)?;
            vocabulary.targets.insert(target.resource.clone(), entities);
        }
        Ok(vocabulary)
    }

    fn with_target(&self, target: &Target) -> Result<Entities, PolicyError> {
        let mut attributes = HashMap::from([
            ("tags".to_owned(), texts(target.tags.iter().map(String::as_str))),
            ("scopes".to_owned(), texts(target.scopes.iter().map(|scope| scope.as_str()))),
        ]);
        attributes.extend(target.owner.as_deref().map(|owner| ("owner".to_owned(), text(owner))));
        let entity = Entity::new(self.target_uid(&target.resource), attributes, HashSet::new()).map_err(PolicyError::engine)?;
        // Held against the schema, and then without the actions that come with it.
        Entities::from_entities([entity.clone()], Some(&self.schema)).map_err(PolicyError::engine)?;
        Entities::from_entities([entity], None).map_err(PolicyError::engine)
    }

    /// The schema where every request is held against it: in development builds. In release builds the types suffice.
    pub(super) fn schema_in_debug(&self) -> Option<&Schema> {
        cfg!(debug_assertions).then_some(&self.schema)
    }

    /// The actions of the schema that `head`, an action or a group of actions, stands for.
    pub(super) fn actions_in(&self, head: &EntityUid) -> impl Iterator<Item = &EntityUid> {
        self.schema.actions().filter(move |action| *action == head || self.actions.is_ancestor_of(head, action))
    }

    /// Whether `uid` names a target that does not exist.
    pub(super) fn is_unknown_target(&self, uid: &EntityUid) -> bool {
        let known = |resource: &Resource| self.targets.contains_key(resource);
        *uid.type_name() == self.target && !uid.id().unescaped().parse().is_ok_and(|resource| known(&resource))
    }

    /// The name of the group that `uid` is, if it is one's.
    pub(super) fn group_name<'a>(&self, uid: &'a EntityUid) -> Option<&'a str> {
        (*uid.type_name() == self.group).then(|| uid.id().unescaped())
    }

    /// Whether `uid` is a user's, and no user can be called that: `<alias>:<subject>`.
    pub(super) fn is_impossible_user(&self, uid: &EntityUid) -> bool {
        *uid.type_name() == self.user && !uid.id().unescaped().contains(':')
    }

    /// The identifier of the workload that `uid` is, if it is one's.
    pub(super) fn workload_name<'a>(&self, uid: &'a EntityUid) -> Option<&'a str> {
        (*uid.type_name() == self.workload).then(|| uid.id().unescaped())
    }

    /// The target with this URI, if it exists.
    pub(super) fn target(&self, resource: &Resource) -> Option<&Entities> {
        self.targets.get(resource)
    }

    /// The detail that is asked about: there is one at a time.
    pub(super) fn detail(&self) -> EntityUid {
        uid(&self.detail, "asked")
    }

    /// Its amounts.
    pub(super) fn amounts(&self) -> EntityUid {
        uid(&self.amounts, "asked")
    }

    pub(super) fn delegate_detail(&self) -> EntityUid {
        self.delegate_detail.clone()
    }

    pub(super) fn delegate(&self) -> EntityUid {
        self.delegate.clone()
    }

    pub(super) fn act_as_self(&self) -> EntityUid {
        self.act_as_self.clone()
    }

    pub(super) fn issue_wit(&self) -> EntityUid {
        self.issue_wit.clone()
    }

    pub(super) fn workload(&self, id: &WorkloadId) -> EntityUid {
        uid(&self.workload, id.as_str())
    }

    pub(super) fn group(&self, name: &str) -> EntityUid {
        uid(&self.group, name)
    }

    /// The user's name as in tokens: the issuer's alias, which has no colon, and the subject.
    pub(super) fn user(&self, issuer: &str, subject: &str) -> EntityUid {
        uid(&self.user, &format!("{issuer}:{subject}"))
    }

    /// A time for policies that read none: Cedar takes a parser to make one.
    pub(super) fn unread_time(&self) -> RestrictedExpression {
        self.unread_time.clone()
    }

    pub(super) fn posture(&self, attester: &str) -> EntityUid {
        uid(&self.posture, attester)
    }

    pub(super) fn target_uid(&self, resource: &Resource) -> EntityUid {
        uid(&self.target, resource.as_str())
    }

    pub(super) fn trust_domain(&self, name: &str) -> EntityUid {
        uid(&self.trust_domain, name)
    }
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_is_in_a_group() {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        assert_eq!(schema.action_groups().count(), 0);
    }
}
