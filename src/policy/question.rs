//! How a request is put to Cedar.

use core::time::Duration;
use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityUid, Request as CedarRequest, RestrictedExpression as Expression};
use procura_token::{Resource, Scope, UnixTime, WorkloadId};

use super::agent::Agents;
use super::reads::Reads;
use super::vocabulary::Vocabulary;
use super::{Action, Agent, Delegate, Parent, Posture, Request, Target, User, platform};

/// A request in Cedar's terms: what all its scopes share.
pub(super) struct Question {
    pub(super) action: EntityUid,
    /// The workload, then its groups: whatever a policy's head may name to mean it.
    pub(super) principals: Vec<EntityUid>,
    pub(super) resource: EntityUid,
    /// The name of the user it is about, at the issuer.
    pub(super) user: Option<String>,
    pub(super) entities: Entities,
    context: Vec<(String, Expression)>,
}

impl Question {
    /// Puts `request` to Cedar, for policies that read what `reads` says; an error, for the log, if Cedar cannot express it.
    pub(super) fn new(vocabulary: &Vocabulary, agents: &Agents, reads: &Reads, request: &Request<'_>) -> Result<Self, String> {
        let workload = vocabulary.workload(request.workload);
        let agent = agents.find(request.workload);
        let groups = agent.map(|known| known.groups.as_slice()).unwrap_or_default();
        let (action, resource, target, mut context) = match &request.action {
            Action::Delegate(delegate) => {
                let resource = &delegate.target.resource;
                let target = vocabulary.target(resource).ok_or_else(|| unknown(resource))?;
                (vocabulary.delegate(), vocabulary.target_uid(resource), Some(target), delegate_context(vocabulary, delegate)?)
            }
            Action::DelegateDetail(asked) => {
                let resource = &asked.delegate.target.resource;
                let target = vocabulary.target(resource).ok_or_else(|| unknown(resource))?;
                let mut context = delegate_context(vocabulary, &asked.delegate)?;
                context.extend(asked.context(vocabulary));
                (vocabulary.delegate_detail(), vocabulary.target_uid(resource), Some(target), context)
            }
            Action::ActForItself { target, .. } => {
                let Target { resource, .. } = target;
                let target = vocabulary.target(resource).ok_or_else(|| unknown(resource))?;
                (vocabulary.act_as_self(), vocabulary.target_uid(resource), Some(target), Vec::new())
            }
            Action::IssueWit => {
                let resource = vocabulary.trust_domain(request.workload.trust_domain());
                (vocabulary.issue_wit(), resource, None, Vec::new())
            }
        };
        common_context(vocabulary, reads, request, &mut context);
        let mut attributes = HashMap::from([
            ("trust_domain".to_owned(), text(request.workload.trust_domain())),
            ("path".to_owned(), text(request.workload.path())),
        ]);
        describe(agent.map(|known| &*known.agent), &mut attributes);
        let mut tags = Vec::new();
        if let Some(platform) = &request.platform {
            attributes.insert("platform".to_owned(), platform::record(platform)?);
            tags.extend(platform.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
        }
        let parents: HashSet<EntityUid> = groups.iter().cloned().collect();
        let principal = Entity::new_with_tags(workload.clone(), attributes, parents, tags).map_err(|err| err.to_string())?;
        let (delegate, detail) = match &request.action {
            Action::Delegate(delegate) => (Some(delegate), None),
            Action::DelegateDetail(asked) => (Some(&asked.delegate), Some(asked.entities(vocabulary)?)),
            Action::ActForItself { .. } | Action::IssueWit => (None, None),
        };
        let user = delegate.map(|delegate| &delegate.user);
        let user_name = user.map(|user| user.subject.to_owned());
        let user = user.map(|user| user_entity(vocabulary, reads, user)).transpose()?;
        let posture = delegate.and_then(|delegate| delegate.posture);
        let posture = posture.map(|posture| posture_entity(vocabulary, posture)).transpose()?;
        let entities = core::iter::once(principal).chain(user).chain(posture).chain(detail.into_iter().flatten());
        let entities = target
            .cloned()
            .unwrap_or_else(Entities::empty)
            .add_entities(entities, vocabulary.schema_in_debug())
            .map_err(|err| err.to_string())?;
        let principals = core::iter::once(workload).chain(groups.iter().cloned()).collect();
        Ok(Self { action, principals, resource, user: user_name, entities, context })
    }

    /// The request for one scope, or for an action that has none.
    pub(super) fn ask(&self, vocabulary: &Vocabulary, scope: Option<Asked<'_>>) -> Result<CedarRequest, String> {
        let mut context = self.context.clone();
        if let Some(Asked { scope, approved }) = scope {
            context.push(("scope".to_owned(), text(scope.as_str())));
            context.extend(approved.map(|approved| ("approved".to_owned(), Expression::new_bool(approved))));
        }
        let context = Context::from_pairs(context).map_err(|err| err.to_string())?;
        let principal = self.principals.first().ok_or("a request without a principal")?.clone();
        CedarRequest::new(principal, self.action.clone(), self.resource.clone(), context, vocabulary.schema_in_debug())
            .map_err(|err| err.to_string())
    }
}

/// One scope of a request.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) scope: &'a Scope,
    /// Whether the user agreed to it, if the action is on behalf of one.
    pub(super) approved: Option<bool>,
}

fn unknown(target: &Resource) -> String {
    format!("the target `{target}` is unknown here")
}

/// An entity costs once what a record in the context would cost for every scope.
fn user_entity(vocabulary: &Vocabulary, reads: &Reads, user: &User<'_>) -> Result<Entity, String> {
    let mut attributes = HashMap::from([
        ("issuer".to_owned(), text(user.issuer)),
        ("sub".to_owned(), text(user.subject)),
        ("groups".to_owned(), texts(reads.groups(user.groups))),
        ("amr".to_owned(), texts(user.amr.iter().map(String::as_str))),
    ]);
    attributes.extend(user.acr.map(|acr| ("acr".to_owned(), text(acr))));
    attributes.extend(user.auth_age.map(|age| ("auth_age".to_owned(), seconds(age))));
    Entity::new(vocabulary.user(user.issuer, user.subject), attributes, HashSet::new()).map_err(|err| err.to_string())
}

fn posture_entity(vocabulary: &Vocabulary, posture: &Posture) -> Result<Entity, String> {
    let attributes = HashMap::from([("attester".to_owned(), text(&posture.attester))]);
    let tags = posture.claims.iter().map(|(name, value)| (name.clone(), text(value)));
    Entity::new_with_tags(vocabulary.posture(&posture.attester), attributes, HashSet::new(), tags).map_err(|err| err.to_string())
}

/// What the operator says of the workload.
fn describe(agent: Option<&Agent>, attributes: &mut HashMap<String, Expression>) {
    let mut put = |name: &str, value| attributes.insert(name.to_owned(), value);
    put("tags", texts(agent.into_iter().flat_map(|agent| agent.tags.iter().map(String::as_str))));
    if let Some(owner) = agent.and_then(|agent| agent.owner.as_deref()) {
        put("owner", text(owner));
    }
    if let Some(profile) = agent.and_then(|agent| agent.profile.as_deref()) {
        put("profile", text(profile));
    }
}

fn common_context(vocabulary: &Vocabulary, reads: &Reads, request: &Request<'_>, context: &mut Vec<(String, Expression)>) {
    let mut put = |name: &str, value| context.push((name.to_owned(), value));
    put("credential", text(request.credential.as_str()));
    put("time", if reads.time { datetime(request.time) } else { vocabulary.unread_time() });
    put("weekday", Expression::new_long(weekday(request.time)));
    if let Some(address) = request.source_ip.filter(|_| reads.source_ip) {
        put("source_ip", Expression::new_ip(address.to_canonical().to_string()));
    }
    if let Some(country) = &request.country {
        put("country", text(country.as_str()));
    }
    if let Some(ttl) = request.ttl {
        put("ttl", seconds(ttl));
    }
}

fn delegate_context(vocabulary: &Vocabulary, delegate: &Delegate<'_>) -> Result<Vec<(String, Expression)>, String> {
    let user = vocabulary.user(delegate.user.issuer, delegate.user.subject);
    let mut context = vec![
        ("user".to_owned(), Expression::new_entity_uid(user)),
        ("chain".to_owned(), texts(delegate.before().map(WorkloadId::as_str))),
        ("depth".to_owned(), Expression::new_long(delegate.depth().into())),
        ("hop".to_owned(), text(delegate.hop.as_str())),
    ];
    if let Some(Parent { target, actor }) = delegate.parent {
        let parent = [("target".to_owned(), text(target.as_str())), ("actor".to_owned(), text(actor.as_str()))];
        context.push(("parent".to_owned(), Expression::new_record(parent).map_err(|err| err.to_string())?));
    }
    if let Some(posture) = delegate.posture {
        context.push(("posture".to_owned(), Expression::new_entity_uid(vocabulary.posture(&posture.attester))));
    }
    Ok(context)
}

pub(super) fn text(value: &str) -> Expression {
    Expression::new_string(value.to_owned())
}

pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Expression {
    Expression::new_set(values.into_iter().map(text))
}

fn seconds(duration: Duration) -> Expression {
    Expression::new_long(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

/// The last instant that has a year of four digits, which is all Cedar reads.
const LAST: Duration = Duration::from_secs(253_402_300_799);

pub(super) fn datetime(time: UnixTime) -> Expression {
    Expression::new_datetime(rfc3339(time))
}

/// In UTC, to the millisecond.
pub(super) fn rfc3339(time: UnixTime) -> String {
    let instant = std::time::UNIX_EPOCH + time.since_epoch().min(LAST);
    humantime::format_rfc3339_millis(instant).to_string()
}

/// The day of the week in UTC: 1 is Monday, 7 Sunday.
pub(super) fn weekday(time: UnixTime) -> i64 {
    const DAY: u64 = 24 * 3600;
    // The epoch was a Thursday.
    let day = (time.as_secs() / DAY + 3) % 7 + 1;
    i64::try_from(day).unwrap_or(i64::MAX)
}
