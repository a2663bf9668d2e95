//! The policy's word on a delegation: on whoever acts next, and on everybody whom we did not see.

use procura_token::{Actor, ActorChain, AuthorizationDetails};

use super::{Question, limit};
use crate::audit::Event;
use crate::exchange::authority::Authority;
use crate::exchange::hop::verify_target;
use crate::exchange::statement::Told;
use crate::exchange::verify::Delegated;
use crate::exchange::{Exchange, ExchangeError, MissingApproval, record};
use crate::policy::{Action, Credential, Decision, Delegate, DelegateDetail, Hop, Parent, RecordedRequest, Target};

impl Exchange {
    /// Asks for everybody who handed the delegation on where we did not see it, in order and as if they had come here: nothing
    /// gets further than policy would have let it. What is left is what the caller was given.
    pub(super) fn decide_offline(
        &self,
        question: &Question<'_>,
        delegated: &mut Delegated,
        target: &Target,
        event: &mut Event,
    ) -> Result<(), ExchangeError> {
        let (caller, asked) = (delegated.actor.clone(), delegated.scope.take());
        let mut offline = std::mem::take(&mut delegated.offline).into_iter().peekable();
        while let Some(hop) = offline.next() {
            // The last one is the caller, who is asked about with all that is known of him.
            let seen = if offline.peek().is_some() {
                delegated.actor = hop.actor;
                delegated.scope = Some(hop.scope.clone());
                let question = Question { workload: &delegated.actor, platform: None, ..*question };
                let chain = self.extend(delegated, target)?;
                // Nobody showed anything for them: what needs an approval or a posture went no further.
                let (decision, _) =
                    self.decide_delegation(&question, Credential::Wit, (delegated, &Told::default()), target, event)?;
                Some((chain, limit(question.now, &decision, self.settings.max_delegation), decision.granted))
            } else {
                None
            };
            if let Authority::Parent(parent) = &mut delegated.authority {
                parent.expires = parent.expires.min(hop.expires);
                parent.scope = parent.scope.intersection(&hop.scope);
                if let Some((chain, end, granted)) = seen {
                    (parent.chain, parent.expires, parent.scope) = (chain, parent.expires.min(end), granted);
                }
            }
        }
        (delegated.actor, delegated.scope) = (caller, asked);
        Ok(())
    }

    /// Who acts in the new token: the chain so far, unchanged, under whoever comes now.
    pub(super) fn extend(&self, delegated: &Delegated, target: &Target) -> Result<ActorChain, ExchangeError> {
        let profile = || self.policy.agent(&delegated.actor).and_then(|agent| agent.profile.clone());
        let actor = || Actor { id: delegated.actor.clone(), profile: profile() };
        let chain = match &delegated.authority {
            Authority::User(_) => ActorChain::new(actor()),
            Authority::Parent(parent) => {
                verify_target(delegated.hop, parent, &target.resource)?;
                match delegated.hop {
                    Hop::Continue => parent.chain.clone(),
                    _ => parent.chain.extend(actor()).map_err(|_| ExchangeError::ActorUnfit("the chain would be too long"))?,
                }
            }
        };
        if chain.len() > self.settings.max_depth {
            return Err(ExchangeError::ActorUnfit("more actors than `token.max_depth` lets a token name"));
        }
        Ok(chain)
    }

    /// Asked ∩ subject's ∩ target's ∩ policy's. Who asks for no scope by name asks for all that is left (RFC 6749 section
    /// 3.3).
    pub(super) fn decide_delegation(
        &self,
        question: &Question<'_>,
        credential: Credential,
        (Delegated { authority, hop, scope, details, .. }, told): (&Delegated, &Told),
        target: &Target,
        event: &mut Event,
    ) -> Result<(Decision, Option<AuthorizationDetails>), ExchangeError> {
        let delegate = |scopes| {
            let authentication = authority.authentication();
            let (issuer, subject) = authority.user_name();
            let user = crate::policy::User {
                issuer,
                subject,
                groups: authority.groups(),
                acr: authentication.acr.as_deref(),
                amr: authentication.amr.as_deref().unwrap_or_default(),
                auth_age: authentication.auth_time.map(|then| question.now.since(then)),
            };
            let parent = match authority {
                Authority::User(_) => None,
                Authority::Parent(parent) => Some(Parent { target: &parent.target, actor: &parent.chain.current().id }),
            };
            let chain = authority.chain();
            let (posture, approval) = (told.posture.as_ref(), told.approval.as_ref());
            Delegate { target, scopes, user, chain, hop: *hop, parent, posture, approval }
        };
        let ask = |action| self.policy.decide(&question.put(credential, action));
        record::target(event, target);
        let types = &self.settings.details.types;
        let details = details.as_ref().map(|asked| self.narrow_details(asked, &target.resource, authority)).transpose()?;
        let by_details = details.as_ref().and_then(|details| {
            let delegate = delegate(&target.scopes);
            Self::decide_details(details, |detail| ask(Action::DelegateDetail(DelegateDetail { delegate, detail, types })))
        });
        if let Some(decision) = by_details.as_ref().filter(|decision| !decision.allowed) {
            record::decision(event, decision);
            return Err(ExchangeError::DetailDenied);
        }
        // Who asks by details alone asks for no scope.
        if let (None, Some(decision)) = (scope, &by_details) {
            record::decision(event, decision);
            return Ok((decision.clone(), details));
        }
        let ceiling = authority.scope().map_or_else(|| target.scopes.clone(), |scope| scope.intersection(&target.scopes));
        let asked = scope.as_ref().map_or_else(|| ceiling.clone(), |scope| scope.intersection(&ceiling));
        let request = question.put(credential, Action::Delegate(delegate(&asked)));
        let by_scope = self.policy.decide(&request);
        record::question(event, &RecordedRequest::from(&request), &by_scope);
        let decision = match by_details {
            None => by_scope,
            Some(by_details) => by_scope.and(by_details),
        };
        record::decision(event, &decision);
        if decision.allowed {
            return Ok((decision, details));
        }
        if !decision.approval_missing.is_empty() {
            let (agent, target) = (question.workload.clone(), target.resource.clone());
            return Err(ExchangeError::ApprovalMissing(MissingApproval { agent, target, scope: decision.approval_missing }));
        }
        // Nothing at all at this target, or nothing of what was asked?
        match ask(Action::Delegate(delegate(&target.scopes))).allowed {
            true => Err(ExchangeError::Scope),
            false => Err(ExchangeError::Target("policy grants this caller nothing there")),
        }
    }
}
