//! **verify**: proof, subject and actor become [`Evidence`]. Nothing behind this stage sees a raw token.

use std::sync::Arc;

use procura_token::{
    DpopRules, IdToken, JwtSvid, ParseError, ScopeSet, Subject, UnixTime, Verified, VerifiedDpopProof, VerifyError, Wit,
    WorkloadId,
};

use super::authenticate::Caller;
use super::request::{ExchangeRequest, Presented, TargetName, Wanted};
use super::{Exchange, ExchangeError};
use crate::trust::TrustError;

/// What was proved.
pub(super) struct Evidence {
    pub(super) caller: Caller,
    pub(super) proof: VerifiedDpopProof,
    /// What the actor token was, if there was one: it names the caller.
    pub(super) actor: Option<WorkloadCredential>,
    pub(super) wanted: Proved,
}

/// What is asked for, with the subject that was proved for it.
pub(super) enum Proved {
    Delegation { user: User, target: TargetName, scope: Option<ScopeSet> },
    Wit { subject: WorkloadCredential },
}

/// The user on whose behalf the caller wants to act.
pub(super) struct User {
    pub(super) token: Arc<Verified<IdToken>>,
    /// The user in our namespace.
    pub(super) subject: Subject,
    /// What stands for the issuer there.
    pub(super) issuer_alias: String,
    /// Until when the user's token may be acted on.
    pub(super) limit: UnixTime,
}

/// A workload's own credential.
pub(super) enum WorkloadCredential {
    JwtSvid(Arc<Verified<JwtSvid>>),
    Wit(Arc<Verified<Wit>>),
}

impl WorkloadCredential {
    pub(super) fn id(&self) -> &WorkloadId {
        match self {
            Self::JwtSvid(svid) => svid.id(),
            Self::Wit(wit) => wit.id(),
        }
    }

    pub(super) fn expires(&self) -> UnixTime {
        match self {
            Self::JwtSvid(svid) => svid.expires(),
            Self::Wit(wit) => wit.expires(),
        }
    }

    /// Its name in policies and audit events.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::JwtSvid(_) => "jwt-svid",
            Self::Wit(_) => "wit",
        }
    }
}

impl Exchange {
    /// Verifies the proof, then the subject token, then the actor token.
    pub(super) async fn verify(
        &self,
        request: ExchangeRequest,
        caller: Caller,
        epoch: u64,
        now: UnixTime,
    ) -> Result<Evidence, ExchangeError> {
        let ExchangeRequest { proof, subject, actor, wanted, .. } = request;
        let rules = DpopRules {
            method: "POST",
            uris: &self.settings.token_endpoints,
            access_token: None,
            algorithms: &self.settings.algorithms,
            freshness: self.settings.freshness,
        };
        let proof = proof.verify(&rules, now).map_err(ExchangeError::Proof)?;
        if !proof.nonce().is_some_and(|nonce| self.nonces.recognise(nonce, now, epoch)) {
            return Err(ExchangeError::Nonce);
        }
        let wanted = match wanted {
            Wanted::Delegation { target, scope } => {
                Proved::Delegation { user: self.verify_user(&subject, caller.id(), now).await?, target, scope }
            }
            Wanted::Wit => {
                let subject = self.verify_workload(&subject, now).await.map_err(ExchangeError::Subject)?;
                is_bound_caller(&subject, &caller, &proof).map_err(ExchangeError::SubjectUnfit)?;
                Proved::Wit { subject }
            }
        };
        let actor = match actor {
            None => None,
            Some(actor) => {
                let actor = self.verify_workload(&actor, now).await.map_err(ExchangeError::Actor)?;
                is_bound_caller(&actor, &caller, &proof).map_err(ExchangeError::ActorUnfit)?;
                Some(actor)
            }
        };
        Ok(Evidence { caller, proof, actor, wanted })
    }

    async fn verify_user(&self, subject: &Presented, caller: &WorkloadId, now: UnixTime) -> Result<User, ExchangeError> {
        let verified = self.trust.verify_id_token(subject.as_str(), caller.as_str(), now).await;
        let (token, issuer) = verified.map_err(ExchangeError::Subject)?;
        if !token.may_be_acted_for_by(caller) {
            return Err(ExchangeError::SubjectUnfit("`may_act` names another actor"));
        }
        let subject = issuer.subject(&token).map_err(|error| ExchangeError::Subject(error.into()))?;
        Ok(User { subject, issuer_alias: issuer.alias().to_owned(), limit: issuer.limit(&token), token })
    }

    /// A workload's credential of type `jwt`: its `typ` decides whether it is a WIT or a JWT-SVID.
    async fn verify_workload(&self, token: &Presented, now: UnixTime) -> Result<WorkloadCredential, TrustError> {
        match self.trust.verify_wit(token.as_str(), now).await {
            Ok((wit, _)) => Ok(WorkloadCredential::Wit(wit)),
            Err(TrustError::Credential(VerifyError::Malformed(ParseError::Typ))) => {
                let (svid, _) = self.trust.verify_jwt_svid(token.as_str(), now).await?;
                Ok(WorkloadCredential::JwtSvid(svid))
            }
            Err(error) => Err(error),
        }
    }
}

/// A credential beside the client assertion must name the caller; one that is bound to a key, that of the proof.
fn is_bound_caller(credential: &WorkloadCredential, caller: &Caller, proof: &VerifiedDpopProof) -> Result<(), &'static str> {
    if credential.id() != caller.id() {
        return Err("it names another workload than the caller");
    }
    match credential {
        WorkloadCredential::Wit(wit) if wit.confirmation().key.thumbprint() != proof.thumbprint() => {
            Err("it is bound to another key than the proof's")
        }
        WorkloadCredential::Wit(wit) if wit.confirmation().algorithm != proof.key().algorithm => {
            Err("the proof uses another algorithm than it names")
        }
        _ => Ok(()),
    }
}
