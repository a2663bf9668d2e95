//! **verify**: proof, subject and actor become [`Evidence`]. Nothing behind this stage sees a raw token.

use std::sync::Arc;

use procura_token::{
    AuthorizationDetails, DpopProof, DpopRules, ParseError, ScopeSet, UnixTime, Unverified, VerifiedDpopProof, VerifyError,
    WorkloadId,
};

use super::authenticate::{Caller, CallerCredential};
use super::authority::{Authority, User};
use super::binding::Binding;
use super::credential::WorkloadCredential;
use super::handover::Returned;
use super::hop::{Held, Step};
use super::request::{Asked, Presented, SubjectToken, TargetName, TokenForm, UserTokenType, Wanted};
use super::statement::Shown;
use super::{Exchange, ExchangeError};
use crate::policy::Hop;
use crate::store::{Epoch, OneTimeUse, UseKind};
use crate::trust::{AssertionType, TrustError};

/// What was proved.
pub(super) struct Evidence {
    pub(super) caller: Caller,
    pub(super) proofs: Proofs,
    /// The key that what is issued will be bound to.
    pub(super) binding: Binding,
    /// What the actor token was, if there was one: it names the actor.
    pub(super) credential: Option<WorkloadCredential>,
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
    Delegation(Delegated),
    /// The caller acts in its own name: nothing besides it was proved.
    Own {
        target: TargetName,
        scope: Option<ScopeSet>,
    },
    Wit {
        subject: WorkloadCredential,
    },
}

/// Who is to act, by what right, and for what.
pub(super) struct Delegated {
    pub(super) authority: Authority,
    pub(super) hop: Hop,
    /// Who got it since we last saw it, the caller last.
    pub(super) offline: Vec<procura_handover::Hop>,
    /// The caller, but for a *push*.
    pub(super) actor: WorkloadId,
    pub(super) form: TokenForm,
    pub(super) target: TargetName,
    pub(super) scope: Option<ScopeSet>,
    pub(super) details: Option<AuthorizationDetails>,
    /// What was shown beside it.
    pub(super) shown: Shown,
}

/// A subject token, verified, before it is known who is to act.
enum Presentation {
    User(Box<User>),
    Own(Box<Held>),
    Returned(Box<Returned>),
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
        match wanted {
            Wanted::Delegation { user, form, target, scope, details, statements } => {
                let presented = self.verify_authority(&subject, user, (&caller, &binding), now).await?;
                let credential = self.verify_actor(actor.as_ref(), now).await?;
                let mut offline = Vec::new();
                let (authority, step) = match presented {
                    Presentation::User(user) => {
                        fits_caller(credential.as_ref(), &caller, &binding)?;
                        (Authority::User(user), Step { hop: Hop::Begin, actor: caller.id().clone(), binding })
                    }
                    Presentation::Own(held) => {
                        let step = held.step(&caller, binding, credential.as_ref())?;
                        if step.hop != Hop::Push {
                            fits_caller(credential.as_ref(), &caller, &step.binding)?;
                        }
                        (Authority::Parent(Box::new(held.parent)), step)
                    }
                    Presentation::Returned(returned) => {
                        fits_caller(credential.as_ref(), &caller, &binding)?;
                        let step = Step { hop: returned.hop(), actor: caller.id().clone(), binding };
                        offline = returned.offline;
                        (Authority::Parent(Box::new(returned.parent)), step)
                    }
                };
                let Step { hop, actor, binding } = step;
                if form == TokenForm::Biscuit {
                    self.verify_can_hold(&binding)?;
                }
                let shown = self.verify_statements(&statements, &authority, &actor, now).await?;
                let wanted =
                    Proved::Delegation(Delegated { authority, hop, offline, actor, form, target, scope, details, shown });
                Ok(Evidence { caller, proofs, binding, credential, wanted })
            }
            Wanted::Own { target, scope } => {
                Ok(Evidence { caller, proofs, binding, credential: None, wanted: Proved::Own { target, scope } })
            }
            Wanted::Wit => {
                let subject = self.verify_subject(&subject, &caller, now).await?;
                subject.verify_caller(&caller, &binding).map_err(ExchangeError::SubjectUnfit)?;
                let credential = self.verify_actor(actor.as_ref(), now).await?;
                fits_caller(credential.as_ref(), &caller, &binding)?;
                Ok(Evidence { caller, proofs, binding, credential, wanted: Proved::Wit { subject } })
            }
        }
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
        let proof = self.proof_keys.verify(proof, &rules, now).map_err(ExchangeError::Proof)?;
        let recognised = |epoch: &Epoch| proof.nonce().is_some_and(|nonce| self.nonces.recognise(nonce, now, epoch.id));
        if !recognised(epoch) {
            *epoch = self.store.current_epoch().await.map_err(ExchangeError::Store)?;
        }
        if recognised(epoch) { Ok(proof) } else { Err(ExchangeError::Nonce) }
    }

    /// What the subject token is worth in the hands of this caller.
    async fn verify_authority(
        &self,
        subject: &SubjectToken,
        kind: UserTokenType,
        caller: (&Caller, &Binding),
        now: UnixTime,
    ) -> Result<Presentation, ExchangeError> {
        let subject = match subject {
            SubjectToken::Token(subject) => subject,
            SubjectToken::Biscuit(biscuit) => {
                return self.verify_handover(biscuit, caller, now).await.map(Box::new).map(Presentation::Returned);
            }
            SubjectToken::Assertion | SubjectToken::Certificate | SubjectToken::Nobody => {
                return Err(ExchangeError::SubjectUnfit("it is the caller's own credential"));
            }
        };
        if kind == UserTokenType::AccessToken
            && let Some(token) = self.own(subject.as_str())
        {
            let token = token.map_err(|error| ExchangeError::Subject(error.into()))?;
            return self.verify_own(token, caller, now).map(Box::new).map(Presentation::Own);
        }
        self.verify_user(subject, kind, caller, now).await.map(Box::new).map(Presentation::User)
    }

    async fn verify_actor(&self, actor: Option<&Presented>, now: UnixTime) -> Result<Option<WorkloadCredential>, ExchangeError> {
        match actor {
            Some(actor) => self.verify_workload(actor, now).await.map(Some).map_err(ExchangeError::Actor),
            None => Ok(None),
        }
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
        if token.confirmation().is_some_and(|bound| !binding.proves(caller, bound)) && !issuer.is_meant_for(&token, id) {
            return Err(ExchangeError::SubjectUnfit("it is bound to what was not proved, and is not meant for the caller"));
        }
        if !token.may_be_acted_for_by(id) {
            return Err(ExchangeError::SubjectUnfit("`may_act` names another actor"));
        }
        let subject = issuer.subject(&token).map_err(|error| ExchangeError::Subject(error.into()))?;
        Ok(User { subject, issuer_alias: issuer.alias().to_owned(), limit: issuer.limit(&token), token })
    }

    /// The caller's own credential, for a WIT.
    async fn verify_subject(
        &self,
        subject: &SubjectToken,
        caller: &Caller,
        now: UnixTime,
    ) -> Result<WorkloadCredential, ExchangeError> {
        match (subject, &caller.credential, &caller.certificate) {
            (SubjectToken::Token(token), ..) => self.verify_workload(token, now).await.map_err(ExchangeError::Subject),
            (SubjectToken::Assertion, CallerCredential::Platform(identity), _) => {
                Ok(WorkloadCredential::Platform(Arc::clone(identity)))
            }
            (SubjectToken::Certificate, _, Some(svid)) => Ok(WorkloadCredential::X509Svid(Arc::clone(svid))),
            (SubjectToken::Biscuit(_) | SubjectToken::Assertion | SubjectToken::Certificate | SubjectToken::Nobody, ..) => {
                Err(ExchangeError::SubjectUnfit("there is no such credential in this request"))
            }
        }
    }

    /// A workload's credential of type `jwt`: its `typ` decides whether it is a WIT, its `sub` whether it is a JWT-SVID or a
    /// platform's.
    async fn verify_workload(&self, token: &Presented, now: UnixTime) -> Result<WorkloadCredential, TrustError> {
        match self.trust.verify_wit(token.as_str(), now).await {
            Ok((wit, _)) => Ok(WorkloadCredential::Wit(wit)),
            Err(TrustError::Credential(VerifyError::Malformed(ParseError::Typ))) => {
                match self.trust.verify_jwt_svid(token.as_str(), now).await {
                    Ok((svid, _)) => Ok(WorkloadCredential::JwtSvid(svid)),
                    Err(no_svid @ TrustError::Credential(VerifyError::Malformed(_))) => {
                        match self.trust.verify_platform(AssertionType::JWT_BEARER, token.as_str(), None, now).await {
                            Ok((identity, _)) => Ok(WorkloadCredential::Platform(identity)),
                            // Neither the one nor the other.
                            Err(TrustError::Credential(VerifyError::Malformed(_))) => Err(no_svid),
                            Err(error) => Err(error),
                        }
                    }
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// An actor token that is not the next actor's names the caller.
fn fits_caller(actor: Option<&WorkloadCredential>, caller: &Caller, binding: &Binding) -> Result<(), ExchangeError> {
    actor.map_or(Ok(()), |actor| actor.verify_caller(caller, binding).map_err(ExchangeError::ActorUnfit))
}
