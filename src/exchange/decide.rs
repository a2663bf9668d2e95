//! **decide**: policy turns [`Evidence`] into a [`Grant`] with limits, or into a refusal.

mod delegation;

use std::net::IpAddr;
use std::time::Duration;

use procura_token::{
    ActorChain, Algorithm, AuthorizationDetails, JwkConfirmation, Resource, ScopeSet, UnixTime, VerifyError, WorkloadId,
};

use super::authenticate::{Caller, CallerCredential};
use super::authority::Authority;
use super::binding::Binding;
use super::credential::WorkloadCredential;
use super::own::OwnGrant;
use super::request::{TargetName, TokenForm};
use super::verify::{Delegated, Evidence, Proofs, Proved};
use super::{Exchange, ExchangeError, record};
use crate::audit::Event;
use crate::policy::{Action, Country, Credential, Decision, Hop, Platform, RecordedRequest, Request, Target};
use crate::trust::PlatformIdentity;

/// What policy grants, once the proofs have been claimed.
pub(super) struct Grant {
    pub(super) proofs: Proofs,
    /// The caller's identifier, and whom of a platform it must belong to, if a platform vouches for the caller.
    pub(super) principal: Option<(WorkloadId, [u8; 32])>,
    pub(super) token: GrantedToken,
}

/// The token that policy grants.
pub(super) enum GrantedToken {
    Delegation(DelegationGrant),
    Own(OwnGrant),
    Wit(WitGrant),
}

/// Somebody may act for the user.
pub(super) struct DelegationGrant {
    pub(super) authority: Authority,
    pub(super) form: TokenForm,
    /// Who acts, and who acted before.
    pub(super) chain: ActorChain,
    pub(super) target: Resource,
    pub(super) scope: ScopeSet,
    pub(super) details: Option<AuthorizationDetails>,
    /// The deadline of the delegation, if it begins now or began before.
    pub(super) until: UnixTime,
    /// The latest end of this token, the deadline of a delegation that began earlier aside.
    pub(super) expires: UnixTime,
    pub(super) binding: Binding,
}

/// The caller may have a WIT for the key it proved.
pub(super) struct WitGrant {
    pub(super) id: WorkloadId,
    pub(super) expires: UnixTime,
    pub(super) key: JwkConfirmation,
    /// The bearer credential it is made from, if it is: that makes one WIT, once.
    pub(super) bearer: Option<BearerCredential>,
}

/// A credential that whoever has it can present.
#[derive(Clone, Copy)]
pub(super) struct BearerCredential {
    pub(super) fingerprint: [u8; 32],
    pub(super) issued_at: Option<UnixTime>,
    pub(super) expires: UnixTime,
}

impl Exchange {
    /// Asks the policy. What it said goes into the event, whatever it said.
    pub(super) fn decide(
        &self,
        evidence: Evidence,
        source: IpAddr,
        now: UnixTime,
        event: &mut Event,
    ) -> Result<Grant, ExchangeError> {
        let Evidence { caller, proofs, binding, credential: beside, wanted } = evidence;
        let subject = match &wanted {
            Proved::Wit { subject } => Some(subject),
            Proved::Delegation(_) | Proved::Own { .. } => None,
        };
        let platform = [beside.as_ref(), subject].into_iter().flatten().find_map(WorkloadCredential::platform);
        let platform = caller.platform().or(platform).cloned();
        let country = self.policy.country(source);
        let question = Question { workload: caller.id(), platform: platform.as_deref(), source, country, now };
        let token = match wanted {
            Proved::Delegation(mut delegated) => {
                let target = self.find(&delegated.target)?;
                self.decide_offline(&question, &mut delegated, target, event)?;
                let (question, credential, bound) = match delegated.hop {
                    // Of the next actor only its WIT is known, and everything ends with that.
                    Hop::Push => {
                        let question = Question { workload: &delegated.actor, platform: None, ..question };
                        (question, Credential::Wit, beside.as_ref().map(WorkloadCredential::expires))
                    }
                    _ => (
                        question,
                        credential(&caller, beside.as_ref()),
                        bound_credential_ends(&caller, &binding, beside.as_ref()),
                    ),
                };
                let chain = self.extend(&delegated, target)?;
                let told = delegated.shown.at(&target.resource)?;
                record::told(event, &told);
                let (decision, details) = self.decide_delegation(&question, credential, (&delegated, &told), target, event)?;
                let Delegated { authority, form, .. } = delegated;
                let expires = limit(now, &decision, self.settings.max_delegation).min(authority.limit());
                let until = match &authority {
                    Authority::User(_) => expires,
                    Authority::Parent(parent) => parent.until,
                };
                GrantedToken::Delegation(DelegationGrant {
                    authority,
                    form,
                    chain,
                    target: target.resource.clone(),
                    scope: decision.granted,
                    details,
                    until,
                    // Bound to a credential's key, nothing outlives that credential; nor what it was granted for.
                    expires: [bound, told.until].into_iter().flatten().fold(expires, Ord::min),
                    binding,
                })
            }
            Proved::Own { target, scope } => {
                GrantedToken::Own(self.decide_own(&question, (&caller, binding), &target, scope.as_ref(), event)?)
            }
            Proved::Wit { subject } => {
                let Binding::Key(key) = binding else {
                    return Err(ExchangeError::ProofMissing("a WIT is for a key, and no proof of one is there"));
                };
                let credential = credential(&caller, Some(&subject));
                let decision = self.decide_wit(&question, credential, caller.may_have_wit, &key, event)?;
                let (expires, bearer) = rests_on(&caller, &subject);
                let expires = limit(now, &decision, self.settings.max_wit).min(expires);
                GrantedToken::Wit(WitGrant { id: caller.id().clone(), expires, key, bearer })
            }
        };
        Ok(Grant { proofs, principal: platform.map(|platform| (caller.id().clone(), *platform.principal())), token })
    }

    pub(super) fn find(&self, name: &TargetName) -> Result<&Target, ExchangeError> {
        let targets = self.policy.targets();
        let found = match name {
            TargetName::Resource(resource) => targets.find(resource),
            TargetName::Audience(name) => targets.find_by_name(name),
            TargetName::Both(resource, name) => targets.find(resource).filter(|target| target.name.as_ref() == Some(name)),
        };
        found.ok_or(ExchangeError::Target("unknown, or the two names are of different ones"))
    }

    fn decide_wit(
        &self,
        question: &Question<'_>,
        credential: Credential,
        may_have_wit: bool,
        key: &JwkConfirmation,
        event: &mut Event,
    ) -> Result<Decision, ExchangeError> {
        if !may_have_wit {
            return Err(ExchangeError::CallerUnauthorized);
        }
        // What SPIFFE lets no WIT-SVID confirm: an Ed25519 key.
        if question.workload.is_spiffe() && !Algorithm::SVID.contains(&key.algorithm) {
            return Err(ExchangeError::Proof(VerifyError::AlgorithmNotAllowed(key.algorithm)));
        }
        let request = question.put(credential, Action::IssueWit);
        let decision = self.policy.decide(&request);
        record::question(event, &RecordedRequest::from(&request), &decision);
        record::decision(event, &decision);
        if decision.allowed { Ok(decision) } else { Err(ExchangeError::CallerUnauthorized) }
    }
}

/// The end that policy and settings allow.
pub(super) fn limit(now: UnixTime, decision: &Decision, most: Duration) -> UnixTime {
    now + decision.ttl.map_or(most, |ttl| ttl.min(most))
}

/// What every question of one request shares.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    workload: &'a WorkloadId,
    platform: Option<&'a PlatformIdentity>,
    source: IpAddr,
    country: Option<Country>,
    pub(super) now: UnixTime,
}

impl<'a> Question<'a> {
    pub(super) fn put(&self, credential: Credential, action: Action<'a>) -> Request<'a> {
        let Self { workload, platform, source, country, now } = *self;
        let platform = platform.map(|identity| Platform {
            kind: identity.kind(),
            rule: identity.rule(),
            attributes: identity.attributes(),
            digest: identity.digest(),
        });
        let (source_ip, ttl) = (Some(source), None);
        Request { workload, credential, platform, action, time: now, source_ip, country, ttl }
    }
}

/// What the caller's identity rests on: the strongest credential of the request that names it. Whoever stole a JWT-SVID has
/// it; a WIT or an X.509-SVID is worth nothing without its key, and that was proved.
fn credential(caller: &Caller, beside: Option<&WorkloadCredential>) -> Credential {
    match (caller.credential(), beside.map(WorkloadCredential::kind)) {
        (Credential::JwtSvid | Credential::Platform(_), Some(beside)) => beside,
        (credential, _) => credential,
    }
}

/// When the credential ends whose key `binding` is, if it is one's.
fn bound_credential_ends(caller: &Caller, binding: &Binding, actor: Option<&WorkloadCredential>) -> Option<UnixTime> {
    let certificate = match binding {
        Binding::Certificate(_) => caller.certificate.as_ref().map(|svid| svid.expires()),
        Binding::Key(_) => None,
    };
    let caller = match &caller.credential {
        CallerCredential::Wit { wit, .. } => Some(wit.expires()),
        CallerCredential::Platform(identity) => identity.key().map(|_| identity.expires()),
        CallerCredential::JwtSvid(_) | CallerCredential::X509Svid(_) => None,
    };
    let actor = actor.filter(|actor| actor.is_bound()).map(WorkloadCredential::expires);
    [certificate, caller, actor].into_iter().flatten().min()
}

/// When the credential ends that a WIT is made from, and that credential if it is a bearer's. A WIT or an X.509-SVID, its
/// key proved, makes as many WITs as the workload needs; a bearer credential that nothing else vouches for makes one.
fn rests_on(caller: &Caller, subject: &WorkloadCredential) -> (UnixTime, Option<BearerCredential>) {
    match (&caller.credential, subject) {
        (CallerCredential::Wit { wit, .. }, _) => (wit.expires(), None),
        (CallerCredential::X509Svid(svid), _) => (svid.expires(), None),
        (CallerCredential::JwtSvid(_) | CallerCredential::Platform(_), subject) => {
            let (fingerprint, expires) = (subject.fingerprint(), subject.expires());
            let bearer = BearerCredential { fingerprint, issued_at: subject.issued_at(), expires };
            (expires, (!subject.is_bound()).then_some(bearer))
        }
    }
}
