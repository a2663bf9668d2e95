//! Delegations as Biscuits: issued to be handed over where no server sees it, and taken back.

use procura_handover::{HandOverError, HandoverRules, Hop as HandedOver, NewHandover, UnverifiedHandover, VerifiedHandover};
use procura_token::{AccessToken, UnixTime, VerifyError};

use super::authenticate::Caller;
use super::authority::Parent;
use super::binding::Binding;
use super::request::Presented;
use super::{Exchange, ExchangeError};
use crate::keys::KeyRing;
use crate::policy::Hop;

/// A Biscuit that its last holder brings back.
pub(super) struct Returned {
    /// The delegation as it was issued.
    pub(super) parent: Parent,
    /// Who got it since then, the caller last: nobody was asked about any of them.
    pub(super) offline: Vec<HandedOver>,
}

impl Returned {
    /// Whoever brings back what was issued to him goes on with it.
    pub(super) fn hop(&self) -> Hop {
        if self.offline.is_empty() { Hop::Continue } else { Hop::Handover }
    }
}

impl Exchange {
    /// Verifies every signature in it, every holder's WIT, and that the caller is the last holder.
    pub(super) async fn verify_handover(
        &self,
        biscuit: &Presented,
        (caller, binding): (&Caller, &Binding),
        now: UnixTime,
    ) -> Result<Returned, ExchangeError> {
        let unfit = |error: VerifyError| ExchangeError::Subject(error.into());
        let (issuer, skew) = (&self.settings.issuer, self.settings.skew);
        let rules = HandoverRules { issuer, audience: None, skew };
        let biscuit = UnverifiedHandover::parse(biscuit.as_str()).map_err(|error| unfit(error.into()))?;
        let rooted = biscuit.verify_root(self.handover_keys()?.verifying(), &rules, now).map_err(unfit)?;
        let mut wits = Vec::new();
        for wit in rooted.wits() {
            wits.push(self.trust.verify_wit(wit, now).await.map_err(ExchangeError::Subject)?.0);
        }
        let handover = rooted.verify(&wits.iter().map(|wit| &**wit).collect::<Vec<_>>()).map_err(unfit)?;
        self.verify_holder(&handover, caller, binding)?;
        Ok(Returned { parent: Parent::of(handover.first())?, offline: handover.hops().to_vec() })
    }

    fn verify_holder(&self, handover: &VerifiedHandover, caller: &Caller, binding: &Binding) -> Result<(), ExchangeError> {
        let token = handover.token();
        if token.client_id != *caller.id() || !binding.proves(caller, &token.cnf) {
            return Err(ExchangeError::SubjectUnfit("another workload holds it, or another key"));
        }
        self.admit(&Parent::of(token)?).map_err(ExchangeError::Subject)
    }

    /// Who is to hold a Biscuit needs a key that Biscuits know.
    pub(super) fn verify_can_hold(&self, binding: &Binding) -> Result<(), ExchangeError> {
        self.handover_keys()?;
        match binding {
            Binding::Key(key) if NewHandover::can_be_held_by(&key.jwk) => Ok(()),
            Binding::Key(_) => Err(ExchangeError::ProofUnfit("a Biscuit is held by a P-256 or Ed25519 key")),
            Binding::Certificate(_) => Err(ExchangeError::ProofMissing("a Biscuit is for a key, and no proof of one is there")),
        }
    }

    /// The same delegation as a Biscuit.
    pub(super) fn issue_biscuit(&self, token: &AccessToken, binding: &Binding) -> Result<String, ExchangeError> {
        let Binding::Key(holder) = binding else {
            return Err(ExchangeError::ProofMissing("a Biscuit is for a key, and no proof of one is there"));
        };
        let biscuit = NewHandover { token, holder: &holder.jwk }.issue(self.handover_keys()?.signer());
        biscuit.map_err(|cause| match cause {
            HandOverError::Sign(cause) => cause.into(),
            _ => ExchangeError::SubjectUnfit("a Biscuit has no room for what it says"),
        })
    }

    fn handover_keys(&self) -> Result<&KeyRing, ExchangeError> {
        self.handover_keys.as_ref().ok_or(ExchangeError::Request("no Biscuits are issued or taken back here"))
    }
}
