//! How a delegation gets from one hand into the next: who proves what, and to whom the new token belongs.

use procura_token::{AccessToken, ParseError, Resource, UnixTime, Unverified, WorkloadId};

use super::authenticate::Caller;
use super::authority::Parent;
use super::binding::Binding;
use super::credential::WorkloadCredential;
use super::{Exchange, ExchangeError};
use crate::policy::Hop;
use crate::trust::TrustError;

/// A token of ours as subject, verified, and what the caller is to it.
pub(super) struct Held {
    pub(super) parent: Parent,
    /// Whether the key was proved that it is bound to.
    is_proved: bool,
    /// Whether the caller serves its target.
    is_served: bool,
}

/// Who acts in the new token, with which key, and how it came to that.
pub(super) struct Step {
    pub(super) hop: Hop,
    pub(super) actor: WorkloadId,
    pub(super) binding: Binding,
}

impl Exchange {
    /// The token, if it says that it is ours. Whether it is, its signature tells; what says so and is not as we write it is
    /// nobody else's either.
    pub(super) fn own(&self, text: &str) -> Option<Result<Unverified<AccessToken>, ParseError>> {
        let us = &self.settings.issuer;
        match Unverified::<AccessToken>::parse(text) {
            Ok(token) => (token.issuer() == us).then_some(Ok(token)),
            Err(error) => AccessToken::claims_issuer(text, us).then_some(Err(error)),
        }
    }

    /// Verifies a token of ours, and that nobody who stands behind it is disabled.
    pub(super) fn verify_own(
        &self,
        token: Unverified<AccessToken>,
        (caller, binding): (&Caller, &Binding),
        now: UnixTime,
    ) -> Result<Held, ExchangeError> {
        let token = token
            .verify_as_subject(self.token_keys.verifying(), &self.settings.issuer, self.settings.skew, now)
            .map_err(|error| ExchangeError::Subject(error.into()))?;
        let parent = Parent::of(&token)?;
        self.admit(&parent).map_err(ExchangeError::Subject)?;
        let is_proved = binding.proves(caller, &token.cnf);
        let is_served = self.serves(caller.id(), &token.aud);
        Ok(Held { parent, is_proved, is_served })
    }

    /// Whether a delegation may go on: everybody in it is still believed.
    pub(super) fn admit(&self, parent: &Parent) -> Result<(), TrustError> {
        let (issuer_alias, _) = parent.user_name();
        self.trust.admit_delegation(issuer_alias, parent.chain.iter().map(|actor| &actor.id))
    }

    fn serves(&self, workload: &WorkloadId, target: &Resource) -> bool {
        self.policy.targets().find(target).is_some_and(|target| target.workloads.contains(workload))
    }
}

impl Held {
    /// Exactly one way leads on (the modes of the OAuth actor profile, and a server that calls further):
    ///
    /// - *continue*: who acts now asks for a token of the same target again, and proves its key;
    /// - *push*: who acts now proves its key and names the next actor by that one's WIT;
    /// - *pull*: the server that the token was sent to asks, with a key of its own.
    ///
    /// # Errors
    /// [`ExchangeError::SubjectUnfit`] or [`ExchangeError::ActorUnfit`].
    pub(super) fn step(
        &self,
        caller: &Caller,
        binding: Binding,
        actor: Option<&WorkloadCredential>,
    ) -> Result<Step, ExchangeError> {
        let is_current = self.parent.chain.current().id == *caller.id();
        let next = actor.filter(|actor| actor.id() != caller.id());
        match (self.is_proved, is_current, next) {
            (true, true, None) => Ok(Step { hop: Hop::Continue, actor: caller.id().clone(), binding }),
            (true, true, Some(WorkloadCredential::Wit(wit))) => {
                Ok(Step { hop: Hop::Push, actor: wit.id().clone(), binding: Binding::Key(wit.confirmation().clone()) })
            }
            (true, true, Some(_)) => {
                Err(ExchangeError::ActorUnfit("of the next actor it must be a WIT: nothing else names its key"))
            }
            (true, false, _) => Err(ExchangeError::SubjectUnfit("its key was proved by another workload than the one that acts")),
            (false, _, None) if self.is_served => Ok(Step { hop: Hop::Pull, actor: caller.id().clone(), binding }),
            (false, _, Some(_)) if self.is_served => {
                Err(ExchangeError::ActorUnfit("only who holds the token names another actor"))
            }
            (false, ..) => Err(ExchangeError::SubjectUnfit("it is bound to what was not proved, and was not sent to the caller")),
        }
    }
}

/// What was presented keeps its target unless a server calls further.
pub(super) fn verify_target(hop: Hop, parent: &Parent, target: &Resource) -> Result<(), ExchangeError> {
    match hop {
        Hop::Pull => Ok(()),
        _ if parent.target == *target => Ok(()),
        _ => Err(ExchangeError::Target("the subject token is for another one")),
    }
}
