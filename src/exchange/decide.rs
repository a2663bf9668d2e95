//! **decide**: policy turns [`Evidence`] into a [`Grant`] with limits, or into a refusal.

use std::net::IpAddr;
use std::time::Duration;

use procura_token::{Algorithm, Resource, ScopeSet, UnixTime, VerifiedDpopProof, VerifyError, WorkloadId};

use super::request::TargetName;
use super::verify::{Evidence, Proved, User, WorkloadCredential};
use super::{Exchange, ExchangeError, record};
use crate::audit::Event;
use crate::policy::{Action, Credential, Decision, Delegate, Request, Target};

/// What policy grants.
pub(super) enum Grant {
    Delegation(DelegationGrant),
    Wit(WitGrant),
}

/// The caller may act for the user.
pub(super) struct DelegationGrant {
    pub(super) user: User,
    pub(super) actor: WorkloadId,
    pub(super) target: Resource,
    pub(super) scope: ScopeSet,
    /// The deadline of the delegation if it begins now.
    pub(super) until: UnixTime,
    /// The latest end of this token, the deadline of a delegation that began earlier aside.
    pub(super) expires: UnixTime,
    pub(super) proof: VerifiedDpopProof,
}

/// The caller may have a WIT for the key it proved.
pub(super) struct WitGrant {
    pub(super) id: WorkloadId,
    pub(super) expires: UnixTime,
    pub(super) proof: VerifiedDpopProof,
    /// Fingerprint and end of the bearer credential it is made from, if it is: that makes one WIT, once.
    pub(super) bearer: Option<([u8; 32], UnixTime)>,
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
        let Evidence { caller, proof, actor, wanted } = evidence;
        let question = Question { workload: caller.id(), source, now };
        match wanted {
            Proved::Delegation { user, target, scope } => {
                let target = self.find(&target)?;
                let decision = self.decide_delegation(&question, &user, actor.as_ref(), target, scope.as_ref(), event)?;
                let until = limit(now, &decision, self.settings.max_delegation).min(user.limit);
                // Bound to the actor credential's key, the token ends with that credential.
                let bound = actor.iter().filter(|actor| matches!(actor, WorkloadCredential::Wit(_)));
                let expires = bound.map(WorkloadCredential::expires).fold(until, UnixTime::min);
                let (actor, scope) = (caller.id().clone(), decision.granted);
                Ok(Grant::Delegation(DelegationGrant {
                    user,
                    actor,
                    target: target.resource.clone(),
                    scope,
                    until,
                    expires,
                    proof,
                }))
            }
            Proved::Wit { subject } => {
                let decision = self.decide_wit(&question, caller.may_have_wit, &subject, &proof, event)?;
                let expires = limit(now, &decision, self.settings.max_wit).min(subject.expires());
                let bearer = match &subject {
                    WorkloadCredential::JwtSvid(svid) => Some((*svid.fingerprint(), svid.expires())),
                    WorkloadCredential::Wit(_) => None,
                };
                Ok(Grant::Wit(WitGrant { id: caller.id().clone(), expires, proof, bearer }))
            }
        }
    }

    fn find(&self, name: &TargetName) -> Result<&Target, ExchangeError> {
        let targets = self.policy.targets();
        let found = match name {
            TargetName::Resource(resource) => targets.find(resource),
            TargetName::Audience(name) => targets.find_by_name(name),
            TargetName::Both(resource, name) => targets.find(resource).filter(|target| target.name.as_ref() == Some(name)),
        };
        found.ok_or(ExchangeError::Target("unknown, or the two names are of different ones"))
    }

    /// Asked ∩ subject's ∩ target's ∩ policy's. Who asks for no scope by name asks for all that is left (RFC 6749 section
    /// 3.3).
    fn decide_delegation(
        &self,
        question: &Question<'_>,
        user: &User,
        actor: Option<&WorkloadCredential>,
        target: &Target,
        scope: Option<&ScopeSet>,
        event: &mut Event,
    ) -> Result<Decision, ExchangeError> {
        let delegate = |scopes| {
            let authentication = user.token.authentication();
            let user = crate::policy::User {
                issuer: &user.issuer_alias,
                subject: user.token.subject().as_str(),
                groups: user.token.groups(),
                acr: authentication.acr.as_deref(),
                amr: authentication.amr.as_deref().unwrap_or_default(),
                auth_age: authentication.auth_time.map(|then| question.now.since(then)),
            };
            let action = Action::Delegate(Delegate { target, scopes, user, chain: None });
            self.policy.decide(&question.put(actor.map_or(Credential::JwtSvid, credential), action))
        };
        record::target(event, target);
        let ceiling = user.token.scope().map_or_else(|| target.scopes.clone(), |scope| scope.intersection(&target.scopes));
        let asked = scope.map_or_else(|| ceiling.clone(), |scope| scope.intersection(&ceiling));
        let decision = delegate(&asked);
        record::decision(event, &decision);
        if decision.allowed {
            return Ok(decision);
        }
        // Nothing at all at this target, or nothing of what was asked?
        match delegate(&target.scopes).allowed {
            true => Err(ExchangeError::Scope),
            false => Err(ExchangeError::Target("policy grants this caller nothing there")),
        }
    }

    fn decide_wit(
        &self,
        question: &Question<'_>,
        may_have_wit: bool,
        subject: &WorkloadCredential,
        proof: &VerifiedDpopProof,
        event: &mut Event,
    ) -> Result<Decision, ExchangeError> {
        if !may_have_wit {
            return Err(ExchangeError::CallerUnauthorized);
        }
        // What SPIFFE lets no WIT-SVID confirm: an Ed25519 key.
        let algorithm = proof.key().algorithm;
        if question.workload.is_spiffe() && !Algorithm::SVID.contains(&algorithm) {
            return Err(ExchangeError::Proof(VerifyError::AlgorithmNotAllowed(algorithm)));
        }
        let decision = self.policy.decide(&question.put(credential(subject), Action::IssueWit));
        record::decision(event, &decision);
        if decision.allowed { Ok(decision) } else { Err(ExchangeError::CallerUnauthorized) }
    }
}

/// The end that policy and settings allow.
fn limit(now: UnixTime, decision: &Decision, most: Duration) -> UnixTime {
    now + decision.ttl.map_or(most, |ttl| ttl.min(most))
}

/// What every question of one request shares.
struct Question<'a> {
    workload: &'a WorkloadId,
    source: IpAddr,
    now: UnixTime,
}

impl<'a> Question<'a> {
    fn put(&self, credential: Credential, action: Action<'a>) -> Request<'a> {
        let Self { workload, source, now } = *self;
        Request { workload, groups: &[], credential, action, time: now, source_ip: Some(source), ttl: None }
    }
}

/// What the caller's identity rests on. A WIT whose key was proved is worth more than a bearer JWT-SVID.
const fn credential(subject: &WorkloadCredential) -> Credential {
    match subject {
        WorkloadCredential::JwtSvid(_) => Credential::JwtSvid,
        WorkloadCredential::Wit(_) => Credential::Wit,
    }
}
