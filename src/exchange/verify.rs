//! **verify**: proof, subject and actor become [`Evidence`]. Nothing behind this stage sees a raw token.

use std::sync::Arc;

use procura_token::{
    Confirmation, DpopProof, DpopRules, JwtSvid, ParseError, ScopeSet, Subject, UnixTime, Unverified, Verified,
    VerifiedDpopProof, VerifyError, Wit, WorkloadId,
};

use super::authenticate::Caller;
use super::binding::Binding;
use super::request::{Asked, Presented, TargetName, UserTokenType, Wanted};
use super::{Exchange, ExchangeError};
use crate::policy::Credential;
use crate::store::{Epoch, OneTimeUse, UseKind};
use crate::trust::{TrustError, UserToken};

/// What was proved.
pub(super) struct Evidence {
    pub(super) caller: Caller,
    pub(super) proofs: Proofs,
    /// The key that what is issued will be bound to.
    pub(super) binding: Binding,
    /// What the actor token was, if there was one: it names the caller.
    pub(super) actor: Option<WorkloadCredential>,
    pub(super) wanted: Proved,
}

/// The proofs of this request, each good for one use.
pub(super) struct Proofs {
    /// The memory of the store that the nonce of the DPoP proof belongs to.
    pub(super) epoch: Epoch,
    pub(super) uses: Vec<OneTimeUse>,
}

/// What is asked for, with the subject that was proved for it.
pub(super) enum Proved {
    Delegation { user: User, target: TargetName, scope: Option<ScopeSet> },
    Wit { subject: WorkloadCredential },
}

/// The user on whose behalf the caller wants to act.
pub(super) struct User {
    pub(super) token: UserToken,
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

    /// What policies are told.
    pub(super) const fn kind(&self) -> Credential {
        match self {
            Self::JwtSvid(_) => Credential::JwtSvid,
            Self::Wit(_) => Credential::Wit,
        }
    }
}

impl Exchange {
    /// Verifies the proof, then the subject token, then the actor token.
    pub(super) async fn verify(&self, asked: Asked, caller: Caller, now: UnixTime) -> Result<Evidence, ExchangeError> {
        let Asked { proof, subject, actor, wanted } = asked;
        let mut proofs =
            Proofs { epoch: self.store.epoch(), uses: caller.one_time_use(self.settings.skew).into_iter().collect() };
        let proved = match proof {
            None => None,
            Some(proof) => {
                let proof = self.verify_proof(proof, &mut proofs.epoch, now).await?;
                proofs.uses.push(OneTimeUse {
                    kind: UseKind::DpopProof,
                    key: proof.replay_key(),
                    since: None,
                    until: proof.replay_until(self.settings.freshness, self.settings.skew),
                });
                Some(proof.into_key())
            }
        };
        let binding = Binding::decide(&caller, proved)?;
        let wanted = match wanted {
            Wanted::Delegation { user, target, scope } => {
                let user = self.verify_user(&subject, user, (&caller, &binding), now).await?;
                Proved::Delegation { user, target, scope }
            }
            Wanted::Wit => {
                let subject = self.verify_workload(&subject, now).await.map_err(ExchangeError::Subject)?;
                is_bound_caller(&subject, &caller, &binding).map_err(ExchangeError::SubjectUnfit)?;
                Proved::Wit { subject }
            }
        };
        let actor = match actor {
            None => None,
            Some(actor) => {
                let actor = self.verify_workload(&actor, now).await.map_err(ExchangeError::Actor)?;
                is_bound_caller(&actor, &caller, &binding).map_err(ExchangeError::ActorUnfit)?;
                Some(actor)
            }
        };
        Ok(Evidence { caller, proofs, binding, actor, wanted })
    }

    /// Verifies the proof and its nonce. A nonce that `epoch` does not know may be of one that another copy has begun: the
    /// store tells, and so it does before a new nonce is given out.
    async fn verify_proof(
        &self,
        proof: Unverified<DpopProof>,
        epoch: &mut Epoch,
        now: UnixTime,
    ) -> Result<VerifiedDpopProof, ExchangeError> {
        let rules = DpopRules {
            method: "POST",
            uris: &self.settings.token_endpoints,
            access_token: None,
            algorithms: &self.settings.algorithms,
            freshness: self.settings.freshness,
        };
        let proof = proof.verify(&rules, now).map_err(ExchangeError::Proof)?;
        let recognised = |epoch: &Epoch| proof.nonce().is_some_and(|nonce| self.nonces.recognise(nonce, now, epoch.id));
        if !recognised(epoch) {
            *epoch = self.store.current_epoch().await.map_err(ExchangeError::Store)?;
        }
        if recognised(epoch) { Ok(proof) } else { Err(ExchangeError::Nonce) }
    }

    /// A token that is bound to a key or a certificate needs proof of that very one, unless it is meant for the caller: a
    /// server that calls further has what was sent to it, and not its sender's key.
    async fn verify_user(
        &self,
        subject: &Presented,
        kind: UserTokenType,
        (caller, binding): (&Caller, &Binding),
        now: UnixTime,
    ) -> Result<User, ExchangeError> {
        let (text, id) = (subject.as_str(), caller.id());
        let verified = match kind {
            UserTokenType::IdToken => self.trust.verify_id_token(text, id, now).await,
            UserTokenType::AccessToken => self.trust.verify_access_token(text, id, now).await,
        };
        let (token, issuer) = verified.map_err(ExchangeError::Subject)?;
        if token.confirmation().is_some_and(|bound| !has_proved(caller, binding, bound)) && !issuer.is_meant_for(&token, id) {
            return Err(ExchangeError::SubjectUnfit("it is bound to what was not proved, and is not meant for the caller"));
        }
        if !token.may_be_acted_for_by(id) {
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

/// Whether the caller proved in this request to have what a token is `bound` to.
fn has_proved(caller: &Caller, binding: &Binding, bound: &Confirmation) -> bool {
    let certificate = caller.certificate.as_ref().map(|svid| Confirmation::Certificate(svid.thumbprint()));
    binding.confirmation() == *bound || certificate.as_ref() == Some(bound)
}

/// A credential beside the one that authenticated the caller must name the caller; one that is bound to a key, the key that
/// was proved.
fn is_bound_caller(credential: &WorkloadCredential, caller: &Caller, binding: &Binding) -> Result<(), &'static str> {
    if credential.id() != caller.id() {
        return Err("it names another workload than the caller");
    }
    match credential {
        WorkloadCredential::Wit(wit) if !binding.is_to(wit.confirmation()) => {
            Err("it is bound to another key than the one proved, or to another algorithm")
        }
        _ => Ok(()),
    }
}
