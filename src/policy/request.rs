//! What is asked.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use procura_token::{ActorChain, Resource, Scope, ScopeSet, UnixTime, WorkloadId};
use serde::{Deserialize, Serialize};

use super::{Country, DelegateDetail, Platform, Target};

/// One question to the policies. Everything in it was verified before: a policy believes what it is told.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks to act: of a delegation, the workload that the token would name as its newest actor.
    pub workload: &'a WorkloadId,
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
    /// Where that address is, if a database says so.
    pub country: Option<Country>,
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
    /// Act for a user at a target, by one authorization detail.
    DelegateDetail(DelegateDetail<'a>),
    /// Act at a target for nobody but itself.
    ActForItself {
        /// Where: one of the targets the policy was loaded with.
        target: &'a Target,
        /// What is asked for. Scopes that the target does not know are denied.
        scopes: &'a ScopeSet,
    },
    /// Get a Workload Identity Token for itself, in its own trust domain.
    IssueWit,
}

impl Action<'_> {
    /// What is asked for where, if it is asked for scope by scope.
    pub(super) const fn scopes(&self) -> Option<(&Target, &ScopeSet)> {
        match self {
            Self::Delegate(delegate) => Some((delegate.target, delegate.scopes)),
            Self::ActForItself { target, scopes } => Some((target, scopes)),
            Self::DelegateDetail(_) | Self::IssueWit => None,
        }
    }

    /// Whether the user agreed to `scope`, if the action is on behalf of one.
    pub(super) fn approved(&self, scope: Option<&Scope>) -> Option<bool> {
        match self {
            Self::Delegate(delegate) => scope.map(|scope| delegate.is_approved(scope)),
            Self::DelegateDetail(asked) => Some(asked.is_approved()),
            Self::ActForItself { .. } | Self::IssueWit => None,
        }
    }
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
    /// Who acts by the token this one is made from, newest first; `None` if that token is the user's.
    pub chain: Option<&'a ActorChain>,
    /// How this token follows from that one.
    pub hop: Hop,
    /// What that one was for; `None` if it is the user's.
    pub parent: Option<Parent<'a>>,
    /// What an attester says of the machine or program that asks.
    pub posture: Option<&'a Posture>,
    /// What the user agreed to.
    pub approval: Option<&'a Approval>,
}

impl Delegate<'_> {
    /// Who acted before the workload that asks, newest first. Who continues is the newest of the chain himself.
    pub(super) fn before(&self) -> impl Iterator<Item = &WorkloadId> {
        let newest = usize::from(self.hop == Hop::Continue);
        self.chain.into_iter().flat_map(ActorChain::iter).skip(newest).map(|actor| &actor.id)
    }

    /// How many actors the token would name: the previous ones and the workload that asks.
    pub fn depth(&self) -> u32 {
        u32::try_from(self.before().count()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Whether `workload` would join a chain that names it already.
    pub(super) fn repeats(&self, workload: &WorkloadId) -> bool {
        self.hop != Hop::Continue && self.before().any(|before| before == workload)
    }

    /// Whether the user agreed to `scope`.
    pub(super) fn is_approved(&self, scope: &Scope) -> bool {
        self.approval.is_some_and(|approval| approval.scopes.as_ref().is_none_or(|scopes| scopes.contains(scope)))
    }
}

/// How a token follows from the one it is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hop {
    /// From a user's token.
    #[default]
    Begin,
    /// The same actor at the same target once more.
    Continue,
    /// The actor hands on to another workload, at the same target.
    Push,
    /// The server that a token is for calls further.
    Pull,
    /// From a delegation that was handed over without asking us.
    Handover,
}

impl Hop {
    /// The name policies use: `begin`, `continue`, `push`, `pull` or `handover`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Continue => "continue",
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Handover => "handover",
        }
    }
}

/// The delegation token that another one is made from.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// What it is for.
    pub target: &'a Resource,
    /// Its newest actor.
    pub actor: &'a WorkloadId,
}

/// What an attester says of the machine or program that asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posture {
    /// The name of the attester in the configuration.
    pub attester: String,
    /// What it says, by name.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
}

/// What the user agreed to: this agent, this target, and these scopes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Approval {
    /// The scopes; `None` is all.
    pub scopes: Option<ScopeSet>,
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
