//! What is asked, and how it is put to Cedar.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityUid, Request as CedarRequest, RestrictedExpression as Expression};
use procura_token::{ActorChain, Scope, ScopeSet, UnixTime, WorkloadId};

use super::Target;
use super::platform::{self, Platform};
use super::vocabulary::Vocabulary;

/// One question to the policies. Everything in it was verified before: a policy believes what it is told.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub workload: &'a WorkloadId,
    /// The groups the workload is in, by configuration: `principal in Group::"…"`.
    pub groups: &'a [String],
    /// What the workload was authenticated by.
    pub credential: Credential,
    /// What its platform says of it, if one does.
    pub platform: Option<Platform<'a>>,
    /// What it wants to do.
    pub action: Action<'a>,
    /// Now.
    pub time: UnixTime,
    /// The address the request came from; an IPv4 address mapped into IPv6 counts as IPv4.
    pub source_ip: Option<IpAddr>,
    /// How long the token was asked to live, in whole seconds.
    pub ttl: Option<Duration>,
}

/// What authenticated a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A JWT-SVID: a bearer credential.
    JwtSvid,
    /// A Workload Identity Token, with proof of its key.
    Wit,
    /// An X.509-SVID, over mutual TLS.
    X509Svid,
    /// What a platform gave it, by the platform's name, such as `github-actions`.
    Platform(&'static str),
}

impl Credential {
    /// The name policies use: `jwt-svid`, `wit`, `x509-svid`, or the platform's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JwtSvid => "jwt-svid",
            Self::Wit => "wit",
            Self::X509Svid => "x509-svid",
            Self::Platform(kind) => kind,
        }
    }
}

/// What a workload may want to do.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// Act for a user at a target.
    Delegate(Delegate<'a>),
    /// Get a Workload Identity Token for itself, in its own trust domain.
    IssueWit,
}

/// Acting for a user.
#[derive(Clone, Copy, Debug)]
pub struct Delegate<'a> {
    /// Where: one of the targets the policy was loaded with.
    pub target: &'a Target,
    /// What is asked for. Scopes that the target does not know are denied.
    pub scopes: &'a ScopeSet,
    /// For whom.
    pub user: User<'a>,
    /// Who acted for the user before, newest first.
    pub chain: Option<&'a ActorChain>,
}

impl Delegate<'_> {
    /// How many actors the token would name: the previous ones and the workload that asks.
    pub fn depth(&self) -> u32 {
        let previous = self.chain.map_or(0, ActorChain::len);
        u32::try_from(previous).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// The user a workload wants to act for.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// The alias of the issuer, as in the configuration.
    pub issuer: &'a str,
    /// The subject at that issuer.
    pub subject: &'a str,
    /// The groups the issuer puts the user in.
    pub groups: &'a [String],
    /// Authentication context class.
    pub acr: Option<&'a str>,
    /// Authentication methods.
    pub amr: &'a [String],
    /// The time since the user was authenticated, in whole seconds.
    pub auth_age: Option<Duration>,
}

/// A request in Cedar's terms: what all its scopes share.
pub(super) struct Question {
    pub(super) action: EntityUid,
    /// The workload, then its groups: whatever a policy's head may name to mean it.
    pub(super) principals: Vec<EntityUid>,
    pub(super) resource: EntityUid,
    pub(super) entities: Entities,
    context: Vec<(String, Expression)>,
}

impl Question {
    /// Puts `request` to Cedar; an error, for the log, if Cedar cannot express it.
    pub(super) fn new(vocabulary: &Vocabulary, request: &Request<'_>) -> Result<Self, String> {
        let workload = vocabulary.workload(request.workload);
        let groups: Vec<EntityUid> = request.groups.iter().map(|name| vocabulary.group(name)).collect();
        let (action, resource, known, mut context) = match &request.action {
            Action::Delegate(delegate) => {
                let resource = &delegate.target.resource;
                let known = vocabulary.target(resource).ok_or_else(|| format!("the target `{resource}` is unknown here"))?;
                (vocabulary.delegate(), vocabulary.target_uid(resource), known, delegate_context(delegate)?)
            }
            Action::IssueWit => {
                let resource = vocabulary.trust_domain(request.workload.trust_domain());
                (vocabulary.issue_wit(), resource, vocabulary.actions(), Vec::new())
            }
        };
        common_context(request, &mut context);
        let mut attributes = HashMap::from([
            ("trust_domain".to_owned(), text(request.workload.trust_domain())),
            ("path".to_owned(), text(request.workload.path())),
        ]);
        let mut tags = Vec::new();
        if let Some(platform) = &request.platform {
            attributes.insert("platform".to_owned(), platform::record(platform)?);
            tags.extend(platform.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
        }
        let parents: HashSet<EntityUid> = groups.iter().cloned().collect();
        let principal = Entity::new_with_tags(workload.clone(), attributes, parents, tags).map_err(|err| err.to_string())?;
        let entities = known.clone().add_entities([principal], vocabulary.schema_in_debug()).map_err(|err| err.to_string())?;
        let principals = core::iter::once(workload).chain(groups).collect();
        Ok(Self { action, principals, resource, entities, context })
    }

    /// The request for one scope, or for an action that has none.
    pub(super) fn ask(&self, vocabulary: &Vocabulary, scope: Option<&Scope>) -> Result<CedarRequest, String> {
        let scope = scope.map(|scope| ("scope".to_owned(), text(scope.as_str())));
        let context = Context::from_pairs(self.context.iter().cloned().chain(scope)).map_err(|err| err.to_string())?;
        let principal = self.principals.first().ok_or("a request without a principal")?.clone();
        CedarRequest::new(principal, self.action.clone(), self.resource.clone(), context, vocabulary.schema_in_debug())
            .map_err(|err| err.to_string())
    }
}

fn common_context(request: &Request<'_>, context: &mut Vec<(String, Expression)>) {
    let mut put = |name: &str, value| context.push((name.to_owned(), value));
    put("credential", text(request.credential.as_str()));
    put("time", datetime(request.time));
    if let Some(address) = request.source_ip {
        put("source_ip", Expression::new_ip(address.to_canonical().to_string()));
    }
    if let Some(ttl) = request.ttl {
        put("ttl", seconds(ttl));
    }
}

fn delegate_context(delegate: &Delegate<'_>) -> Result<Vec<(String, Expression)>, String> {
    let user = &delegate.user;
    let mut record = vec![
        ("issuer".to_owned(), text(user.issuer)),
        ("sub".to_owned(), text(user.subject)),
        ("groups".to_owned(), texts(user.groups.iter().map(String::as_str))),
        ("amr".to_owned(), texts(user.amr.iter().map(String::as_str))),
    ];
    record.extend(user.acr.map(|acr| ("acr".to_owned(), text(acr))));
    record.extend(user.auth_age.map(|age| ("auth_age".to_owned(), seconds(age))));
    let record = Expression::new_record(record).map_err(|err| err.to_string())?;
    let chain = delegate.chain.into_iter().flat_map(ActorChain::iter).map(|actor| actor.id.as_str());
    Ok(vec![
        ("user".to_owned(), record),
        ("chain".to_owned(), texts(chain)),
        ("depth".to_owned(), Expression::new_long(delegate.depth().into())),
    ])
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

fn datetime(time: UnixTime) -> Expression {
    let instant = std::time::UNIX_EPOCH + time.since_epoch().min(LAST);
    Expression::new_datetime(humantime::format_rfc3339_millis(instant).to_string())
}
