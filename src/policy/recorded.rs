//! Requests and decisions as they are written down: in the audit log, in tables of tests, in files to be explained.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use procura_token::{Actor, ActorChain, Resource, ScopeSet, UnixTime, WorkloadId, sha256};
use serde::{Deserialize, Serialize};

use super::{
    Action, Approval, Country, Credential, Decision, Delegate, DelegateDetail, Hop, Parent, Platform, Posture, Request, Target,
    Targets, User,
};

/// A [`Request`] as it is written down: borrowed from it, or owned if it was read. What is left out has the meaning that is said
/// beside it, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest<'a> {
    /// Who asks to act.
    pub workload: Cow<'a, WorkloadId>,
    /// What it was authenticated by. Left out: `wit`.
    #[serde(default = "wit")]
    pub credential: Cow<'a, str>,
    /// What its platform says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<RecordedPlatform<'a>>,
    /// What it wants to do. Left out: `delegate`.
    #[serde(default)]
    pub action: RecordedAction,
    /// Where: the URI of a target, or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'a, str>>,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<RecordedUser<'a>>,
    /// Who acts by the token this one is made from, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Cow<'a, WorkloadId>>,
    /// How this token follows from that one. Left out: `begin`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hop: Hop,
    /// What that one was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordedParent<'a>>,
    /// What an attester says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posture: Option<Cow<'a, Posture>>,
    /// What the user agreed to: `true` is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<RecordedApproval>,
    /// When. Left out: noon of Monday, 5 January 2026, in UTC.
    #[serde(default)]
    pub time: RecordedTime,
    /// The address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<IpAddr>,
    /// The country that address is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Seconds the token was asked to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
}

/// The name of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is documented at `Action`")]
pub enum RecordedAction {
    #[default]
    Delegate,
    DelegateDetail,
    ActAsSelf,
    IssueWit,
}

impl fmt::Display for RecordedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delegate => "delegate",
            Self::DelegateDetail => "delegate_detail",
            Self::ActAsSelf => "act_as_self",
            Self::IssueWit => "issue_wit",
        })
    }
}

/// A [`Platform`] as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedPlatform<'a> {
    /// The platform.
    pub kind: Cow<'a, str>,
    /// The rule that let the workload in.
    pub rule: Cow<'a, str>,
    /// What is known.
    #[serde(default)]
    pub attributes: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// A [`User`] as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedUser<'a> {
    /// The alias of the issuer.
    pub issuer: Cow<'a, str>,
    /// The subject at that issuer.
    pub sub: Cow<'a, str>,
    /// The groups the issuer puts the user in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups: Cow<'a, [String]>,
    /// Authentication context class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Cow<'a, str>>,
    /// Authentication methods.
    #[serde(default, skip_serializing_if = "is_default")]
    pub amr: Cow<'a, [String]>,
    /// Seconds since the user was authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_age: Option<u64>,
}

/// A [`Parent`] as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedParent<'a> {
    /// What it is for.
    pub target: Cow<'a, Resource>,
    /// Its newest actor.
    pub actor: Cow<'a, WorkloadId>,
}

/// An [`Approval`] as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`approved` is not `true`, `false` or scopes such as \"mail.read mail.send\"")]
pub enum RecordedApproval {
    /// Everything or nothing.
    All(bool),
    /// These scopes.
    Scopes(ScopeSet),
}

/// An instant, written as RFC 3339 has it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordedTime(pub UnixTime);

impl Default for RecordedTime {
    fn default() -> Self {
        Self(UnixTime::from_secs(1_767_614_400))
    }
}

impl TryFrom<String> for RecordedTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = humantime::parse_rfc3339(&text).ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let remedy = "is not an instant since 1970: write it like \"2026-11-22T07:30:00Z\"";
        time.map(|since| Self(UnixTime::new(since))).ok_or_else(|| format!("`{}` {remedy}", text.escape_debug()))
    }
}

impl From<RecordedTime> for String {
    fn from(RecordedTime(time): RecordedTime) -> Self {
        super::question::rfc3339(time)
    }
}

/// Why a recorded request cannot be put to the policies of today.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The action needs a target.
    #[error("no `target` is named, which this action needs")]
    NoTarget,
    /// The target is not configured.
    #[error("the target `{0}` is not configured")]
    UnknownTarget(String),
    /// The action needs a user.
    #[error("no `user` is named, which this action needs")]
    NoUser,
    /// What a detail says is not written down.
    #[error("authorization details are not written down, so policies cannot be asked about them again")]
    Detail,
    /// More actors than any token names.
    #[error("the `chain` is longer than that of any token")]
    Chain,
}

impl<'a> From<&Request<'a>> for RecordedRequest<'a> {
    fn from(request: &Request<'a>) -> Self {
        let Request { workload, credential, platform, action, time, source_ip, country, ttl } = *request;
        let mut recorded = Self {
            workload: Cow::Borrowed(workload),
            credential: credential.as_str().into(),
            platform: platform.map(RecordedPlatform::new),
            action: RecordedAction::IssueWit,
            target: None,
            scope: ScopeSet::default(),
            user: None,
            chain: Vec::new(),
            hop: Hop::Begin,
            parent: None,
            posture: None,
            approved: None,
            time: RecordedTime(time),
            source_ip,
            country,
            ttl: ttl.map(|ttl| ttl.as_secs()),
        };
        match action {
            Action::IssueWit => {}
            Action::ActForItself { target, scopes } => recorded.at(RecordedAction::ActAsSelf, target, scopes),
            Action::Delegate(delegate) => recorded.delegates(delegate),
            Action::DelegateDetail(DelegateDetail { delegate, .. }) => {
                recorded.delegates(delegate);
                (recorded.action, recorded.scope) = (RecordedAction::DelegateDetail, ScopeSet::default());
            }
        }
        recorded
    }
}

impl<'a> RecordedRequest<'a> {
    fn at(&mut self, action: RecordedAction, target: &'a Target, scopes: &ScopeSet) {
        self.action = action;
        self.target = Some(target.resource.as_str().into());
        self.scope = scopes.clone();
    }

    fn delegates(&mut self, delegate: Delegate<'a>) {
        let Delegate { target, scopes, user, chain, hop, parent, posture, approval } = delegate;
        self.at(RecordedAction::Delegate, target, scopes);
        self.user = Some(RecordedUser::new(user));
        self.chain = chain.into_iter().flat_map(ActorChain::iter).map(|actor| Cow::Borrowed(&actor.id)).collect();
        self.hop = hop;
        let parent = parent.map(|parent| (Cow::Borrowed(parent.target), Cow::Borrowed(parent.actor)));
        self.parent = parent.map(|(target, actor)| RecordedParent { target, actor });
        self.posture = posture.map(Cow::Borrowed);
        self.approved = approval.map(|approval| match &approval.scopes {
            None => RecordedApproval::All(true),
            Some(scopes) => RecordedApproval::Scopes(scopes.clone()),
        });
    }

    /// Puts the request to `then` as it would be put to the policies now.
    ///
    /// # Errors
    /// [`RecordError`] if it makes no sense at these targets.
    pub fn put<T>(&self, targets: &Targets, then: impl FnOnce(&Request<'_>) -> T) -> Result<T, RecordError> {
        let chain = self.chain()?;
        let approval = self.approval();
        let attributes = self.platform.iter().flat_map(|platform| &platform.attributes);
        let attributes: BTreeMap<&str, String> = attributes.map(|(name, value)| (&**name, value.to_string())).collect();
        let digest = sha256(format!("{:?}", self.platform).as_bytes());
        let action = match self.action {
            RecordedAction::IssueWit => Action::IssueWit,
            RecordedAction::DelegateDetail => return Err(RecordError::Detail),
            RecordedAction::ActAsSelf => Action::ActForItself { target: self.target(targets)?, scopes: &self.scope },
            RecordedAction::Delegate => Action::Delegate(Delegate {
                target: self.target(targets)?,
                scopes: &self.scope,
                user: self.user.as_ref().ok_or(RecordError::NoUser)?.to_user(),
                chain: chain.as_ref(),
                hop: self.hop,
                parent: self.parent.as_ref().map(|parent| Parent { target: &parent.target, actor: &parent.actor }),
                posture: self.posture.as_deref(),
                approval: approval.as_ref(),
            }),
        };
        let platform = self.platform.as_ref();
        Ok(then(&Request {
            workload: &self.workload,
            credential: credential(&self.credential),
            platform: platform.map(|it| Platform { kind: &it.kind, rule: &it.rule, attributes: &attributes, digest: &digest }),
            action,
            time: self.time.0,
            source_ip: self.source_ip,
            country: self.country,
            ttl: self.ttl.map(Duration::from_secs),
        }))
    }

    fn target<'t>(&self, targets: &'t Targets) -> Result<&'t Target, RecordError> {
        let name = self.target.as_deref().ok_or(RecordError::NoTarget)?;
        let by_resource = name.parse().ok().and_then(|resource| targets.find(&resource));
        by_resource.or_else(|| targets.find_by_name(name)).ok_or_else(|| RecordError::UnknownTarget(name.to_owned()))
    }

    fn chain(&self) -> Result<Option<ActorChain>, RecordError> {
        let mut oldest_first = self.chain.iter().rev().map(|id| Actor { id: WorkloadId::clone(id), profile: None });
        let Some(first) = oldest_first.next() else { return Ok(None) };
        oldest_first
            .try_fold(ActorChain::new(first), |chain, actor| chain.extend(actor))
            .map(Some)
            .map_err(|_| RecordError::Chain)
    }

    fn approval(&self) -> Option<Approval> {
        match self.approved.as_ref()? {
            RecordedApproval::All(all) => all.then_some(Approval { scopes: None }),
            RecordedApproval::Scopes(scopes) => Some(Approval { scopes: Some(scopes.clone()) }),
        }
    }
}

impl<'a> RecordedPlatform<'a> {
    fn new(platform: Platform<'a>) -> Self {
        let attributes = platform.attributes.iter().map(|(name, value)| ((*name).into(), value.into())).collect();
        Self { kind: platform.kind.into(), rule: platform.rule.into(), attributes }
    }
}

impl<'a> RecordedUser<'a> {
    fn new(user: User<'a>) -> Self {
        Self {
            issuer: user.issuer.into(),
            sub: user.subject.into(),
            groups: user.groups.into(),
            acr: user.acr.map(Cow::from),
            amr: user.amr.into(),
            auth_age: user.auth_age.map(|age| age.as_secs()),
        }
    }

    fn to_user(&self) -> User<'_> {
        User {
            issuer: &self.issuer,
            subject: &self.sub,
            groups: &self.groups,
            acr: self.acr.as_deref(),
            amr: &self.amr,
            auth_age: self.auth_age.map(Duration::from_secs),
        }
    }
}

/// What was decided of a request, as it is written down. The policies that decided stand beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedDecision {
    /// Whether anything is allowed.
    pub allowed: bool,
    /// The scopes granted.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub granted: ScopeSet,
    /// Those that only lack the user's approval.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub approval_missing: ScopeSet,
    /// The longest the token may live, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// The most actors it may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
}

impl From<&Decision> for RecordedDecision {
    fn from(decision: &Decision) -> Self {
        Self {
            allowed: decision.allowed,
            granted: decision.granted.clone(),
            approval_missing: decision.approval_missing.clone(),
            ttl: decision.ttl.map(|ttl| ttl.as_secs()),
            depth: decision.depth,
        }
    }
}

const fn wit() -> Cow<'static, str> {
    Cow::Borrowed(Credential::Wit.as_str())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The credential of this name. The name of a platform is kept as long as the process, once.
fn credential(name: &str) -> Credential {
    static PLATFORMS: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let known = [Credential::JwtSvid, Credential::Wit, Credential::X509Svid];
    known.into_iter().find(|known| known.as_str() == name).unwrap_or_else(|| {
        let mut platforms = PLATFORMS.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = platforms.get(name).copied();
        Credential::Platform(kept.unwrap_or_else(|| {
            let name: &'static str = Box::leak(name.into());
            platforms.insert(name);
            name
        }))
    })
}
