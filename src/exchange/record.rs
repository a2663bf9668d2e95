//! **record**: one audit event per decision, filled in as the stages learn, durable before the answer leaves.

use std::net::IpAddr;
use std::sync::Arc;

use procura_token::{ActorChain, ScopeSet, TokenId, UnixTime};

use super::authenticate::Caller;
use super::authority::Authority;
use super::binding::Binding;
use super::claim::Claimed;
use super::credential::WorkloadCredential;
use super::request::{Asked, Wanted};
use super::statement::Told;
use super::verify::{Evidence, Proved};
use super::{Exchange, ExchangeError, Issued};
use crate::audit::{Event, EventKind, Outcome, PlatformCaller};
use crate::policy::{Credential, Decision, RecordedDecision, RecordedRequest, Target};
use crate::trust::PlatformIdentity;

pub(super) fn begin(source: IpAddr, now: UnixTime) -> Event {
    let mut event = Event::new(EventKind::TokenExchange, now);
    event.source_address = Some(source);
    event
}

pub(super) fn asked(event: &mut Event, asked: &Asked) {
    match &asked.wanted {
        Wanted::Delegation { scope, details, .. } => {
            event.scope_asked.clone_from(scope);
            event.details_asked.clone_from(details);
        }
        Wanted::Own { scope, .. } => {
            event.event_kind = EventKind::TokenSelf;
            event.scope_asked.clone_from(scope);
        }
        Wanted::Wit => event.event_kind = EventKind::WitIssue,
    }
}

pub(super) fn caller(event: &mut Event, caller: &Caller) {
    event.caller_id = Some(caller.id().clone());
    event.caller_credential = Some(caller.credential().as_str());
    event.caller_proof = caller.proof();
    event.caller_platform = caller.platform().map(|identity| platform(identity));
}

fn platform(identity: &PlatformIdentity) -> PlatformCaller {
    PlatformCaller { kind: identity.kind(), rule: Arc::clone(identity.rule()), attributes: Arc::clone(identity.attributes()) }
}

pub(super) fn evidence(event: &mut Event, evidence: &Evidence) {
    match &evidence.binding {
        Binding::Key(key) => event.key_thumbprint = Some(key.key.thumbprint()),
        Binding::Certificate(thumbprint) => event.certificate_thumbprint = Some(*thumbprint),
    }
    if let Some(credential) = evidence.credential.as_ref().filter(|credential| credential.id() == evidence.caller.id()) {
        beside(event, &evidence.caller, credential);
    }
    match &evidence.wanted {
        Proved::Delegation(delegated) => {
            event.subject_id = Some(delegated.authority.subject().clone());
            event.actor_id = Some(delegated.actor.clone());
            event.delegation_hop = Some(delegated.hop.as_str());
            match &delegated.authority {
                Authority::User(user) => {
                    event.subject_issuer = Some(user.token.issuer().clone());
                    event.subject_token = Some(user.token.kind());
                    event.token_parent = Some(fingerprint(user.token.fingerprint()));
                }
                Authority::Parent(parent) => {
                    event.subject_token = Some("delegation");
                    event.token_parent = Some(parent.jti.clone());
                    event.delegation_id = Some(parent.id.clone());
                    event.delegation_until = Some(parent.until);
                    event.actor_chain = Some(parent.chain.clone());
                }
            }
        }
        Proved::Own { .. } => event.actor_id = Some(evidence.caller.id().clone()),
        Proved::Wit { subject } => {
            beside(event, &evidence.caller, subject);
            event.token_parent = Some(fingerprint(&subject.fingerprint()));
        }
    }
}

/// What a credential adds that is not the one that authenticated the caller: that of a bearer is outweighed by it, and what a
/// platform says is evidence whoever shows it.
fn beside(event: &mut Event, caller: &Caller, credential: &WorkloadCredential) {
    if matches!(caller.credential(), Credential::JwtSvid | Credential::Platform(_)) {
        event.caller_credential = Some(credential.kind().as_str());
    }
    if event.caller_platform.is_none() {
        event.caller_platform = credential.platform().map(|identity| platform(identity));
    }
}

pub(super) fn target(event: &mut Event, target: &Target) {
    event.target = Some(target.resource.clone());
}

/// What was shown beside the subject.
pub(super) fn told(event: &mut Event, told: &Told) {
    event.approval_by.clone_from(&told.agreed_by);
    (event.approval_id, event.approval_issuer) = told.approved.clone().unzip();
    (event.posture_id, event.posture_issuer) = told.attested.clone().unzip();
}

/// What the policies were asked, and what they said to just that.
pub(super) fn question(event: &mut Event, request: &RecordedRequest<'_>, decision: &Decision) {
    event.policy_input = serde_json::to_string(request).ok();
    event.policy_decision = serde_json::to_string(&RecordedDecision::from(decision)).ok();
}

pub(super) fn decision(event: &mut Event, decision: &Decision) {
    event.policy_ids = decision.policies.iter().cloned().collect();
    event.policy_set = Some(decision.policy_set.to_string());
    event.approval_missing = Some(&decision.approval_missing).filter(|missing| !missing.is_empty()).cloned();
    for cause in &decision.errors {
        tracing::error!(cause, "a policy could not be evaluated; what it touched is denied");
    }
}

pub(super) fn claimed(event: &mut Event, claimed: &Claimed) {
    if let Claimed::Delegation { record, .. } = claimed {
        event.delegation_id = Some(record.id.clone());
        event.delegation_until = Some(record.until);
    }
}

pub(super) fn issued(event: &mut Event, token: &IssuedToken<'_>) {
    event.token_jti = Some(token.jti.clone());
    event.token_kind = Some(token.kind);
    event.token_exp = Some(token.exp);
    event.scope_granted = token.scope.cloned();
    event.actor_chain = token.actors.cloned();
}

/// What the event says of the token.
pub(super) struct IssuedToken<'a> {
    pub(super) jti: &'a TokenId,
    pub(super) kind: &'static str,
    pub(super) exp: UnixTime,
    pub(super) scope: Option<&'a ScopeSet>,
    pub(super) actors: Option<&'a ActorChain>,
}

/// A hash names a token that has no name of its own, or whose name others chose.
fn fingerprint(hash: &[u8; 32]) -> TokenId {
    let (half, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    TokenId::from_random(*half)
}

impl Exchange {
    /// Makes the event durable. A token whose event could not be is not handed out.
    pub(super) async fn record(&self, mut event: Event, outcome: Result<Issued, ExchangeError>) -> Result<Issued, ExchangeError> {
        match &outcome {
            Ok(_) => event.outcome = Outcome::Granted,
            Err(cause) => {
                event.error_code = Some(cause.code());
                event.error_reason = Some(cause.to_string());
            }
        }
        self.audit.record(event).await.map_err(ExchangeError::Audit)?;
        outcome
    }
}
