//! A workload's own token (`client_credentials`, RFC 6749 section 4.4): it acts in its own name, for nobody.
//!
//! Nothing of it looks like a delegation: the token's `sub` is the workload, it has neither `act` nor `delegation`, policy
//! decides by an action of its own, and the audit event has a kind of its own.

use procura_token::{AccessToken, Authentication, Resource, ScopeSet, TokenId, TokenType, UnixTime, WorkloadId, random_bytes};

use super::authenticate::{Caller, CallerCredential};
use super::binding::Binding;
use super::decide::{Question, limit};
use super::issue::lifetime;
use super::record::{self, IssuedToken};
use super::request::{Form, TargetName, Wanted, target};
use super::{Exchange, ExchangeError, Issued};
use crate::audit::Event;
use crate::policy::{Action, RecordedRequest};

/// The grant by which a workload asks for itself.
pub const OWN_GRANT_TYPE: &str = "client_credentials";

/// What says for whom a token is, or what it is made from: a workload's own is for nobody and made from nothing.
const OF_OTHERS: [&str; 7] = [
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "approval_token",
    "posture_token",
];

/// A workload's own token.
pub(super) struct OwnGrant {
    pub(super) id: WorkloadId,
    pub(super) target: Resource,
    pub(super) scope: ScopeSet,
    pub(super) expires: UnixTime,
    pub(super) binding: Binding,
}

/// The parameters of the grant: a target, and a scope or all that policy allows.
pub(super) fn parse(form: &Form<'_>) -> Result<Wanted, ExchangeError> {
    if OF_OTHERS.iter().any(|name| form.get(name).is_some()) {
        return Err(ExchangeError::Request("`client_credentials` with a parameter of an exchange"));
    }
    if form.get("authorization_details").is_some() {
        return Err(ExchangeError::DetailDenied);
    }
    let scope = form.get("scope").map(str::parse).transpose().map_err(ExchangeError::ScopeSyntax)?;
    Ok(Wanted::Own { target: target(form)?, scope })
}

impl Exchange {
    /// Asked ∩ target's ∩ policy's.
    pub(super) fn decide_own(
        &self,
        question: &Question<'_>,
        (caller, binding): (&Caller, Binding),
        name: &TargetName,
        scope: Option<&ScopeSet>,
        event: &mut Event,
    ) -> Result<OwnGrant, ExchangeError> {
        let target = self.find(name)?;
        record::target(event, target);
        let put = |scopes| question.put(caller.credential(), Action::ActForItself { target, scopes });
        let request = put(scope.unwrap_or(&target.scopes));
        let decision = self.policy.decide(&request);
        record::question(event, &RecordedRequest::from(&request), &decision);
        record::decision(event, &decision);
        if !decision.allowed {
            // Nothing at all at this target, or nothing of what was asked?
            let has_more = scope.is_some() && self.policy.decide(&put(&target.scopes)).allowed;
            return Err(if has_more { ExchangeError::Scope } else { ExchangeError::CallerUnauthorized });
        }
        let now = question.now;
        Ok(OwnGrant {
            id: caller.id().clone(),
            target: target.resource.clone(),
            scope: decision.granted.clone(),
            expires: limit(now, &decision, self.settings.max_delegation).min(caller.expires()),
            binding,
        })
    }

    /// The token: `sub` and `client_id` are the workload (RFC 9068 section 2.2).
    pub(super) fn issue_own(&self, grant: OwnGrant, now: UnixTime, event: &mut Event) -> Result<Issued, ExchangeError> {
        let (iat, exp, expires_in) = lifetime(now, grant.expires)?;
        let token = AccessToken {
            iss: self.settings.issuer.clone(),
            sub: (&grant.id).into(),
            aud: grant.target,
            client_id: grant.id,
            iat,
            exp,
            jti: TokenId::from_random(random_bytes()),
            scope: grant.scope,
            authorization_details: None,
            act: None,
            cnf: grant.binding.confirmation(),
            delegation: None,
            authentication: Authentication::default(),
            groups: None,
        };
        record::issued(event, &IssuedToken { jti: &token.jti, kind: "at+jwt", exp, scope: Some(&token.scope), actors: None });
        let text = token.issue(self.token_keys.signer())?;
        Ok(Issued {
            token: text,
            kind: TokenType::AccessToken,
            expires_in,
            target: Some(token.aud),
            scope: Some(token.scope),
            details: None,
            confirmation: token.cnf,
        })
    }
}

impl Caller {
    /// When what it was authenticated by ends: its own token ends no later.
    fn expires(&self) -> UnixTime {
        match &self.credential {
            CallerCredential::JwtSvid(svid) => svid.expires(),
            CallerCredential::Wit { wit, .. } => wit.expires(),
            CallerCredential::X509Svid(svid) => svid.expires(),
            CallerCredential::Platform(identity) => identity.expires(),
        }
    }
}
