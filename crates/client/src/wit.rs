//! A Workload Identity Token of this agent.

use procura_token::{Algorithm, Confirmation, JwkConfirmation, ParseError, UnixTime, Unverified, Wit, WorkloadId};
use serde::Deserialize;

use crate::payload::unverified_payload;
use crate::{AgentKey, Secret};

/// A WIT that this agent holds, with what it says of the agent. Well formed, not verified: whoever it is shown to does that.
#[derive(Clone, Debug)]
pub struct HeldWit {
    text: Secret,
    claims: Box<Claims>,
}

#[derive(Clone, Debug, Deserialize)]
struct Claims {
    sub: WorkloadId,
    exp: UnixTime,
    cnf: JwkConfirmation,
}

/// Why a WIT cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitError {
    /// Not a WIT.
    #[error("not a WIT: {0}")]
    Malformed(ParseError),
    /// Its time is over; so is that of its key (WIMSE workload credentials section 9.4).
    #[error("the WIT has expired")]
    Expired,
    /// It is bound to another key than the agent's.
    #[error("the WIT is bound to another key")]
    OtherKey,
    /// It asks for proofs by another algorithm than the agent's key makes. `EdDSA` and `Ed25519` are two names here.
    #[error("the WIT asks for proofs by {wanted}, the key makes them by {ours}")]
    OtherAlgorithm {
        /// `cnf.jwk.alg`.
        wanted: Algorithm,
        /// The key's.
        ours: Algorithm,
    },
}

impl HeldWit {
    /// Reads a WIT, without white space around it.
    ///
    /// # Errors
    /// [`WitError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, WitError> {
        let text = Secret::new(text);
        Unverified::<Wit>::parse(text.expose()).map_err(WitError::Malformed)?;
        let claims = unverified_payload(text.expose()).map_err(WitError::Malformed)?;
        Ok(Self { text, claims: Box::new(claims) })
    }

    /// The workload it names: this agent.
    pub const fn id(&self) -> &WorkloadId {
        &self.claims.sub
    }

    /// When it ends.
    pub const fn expires(&self) -> UnixTime {
        self.claims.exp
    }

    /// What it is bound to: its key.
    pub fn confirmation(&self) -> Confirmation {
        Confirmation::Key(self.claims.cnf.key.thumbprint())
    }

    /// The token itself.
    pub const fn text(&self) -> &Secret {
        &self.text
    }

    /// Asks that `key` can prove it at `now`: its own key, under its own algorithm, not after its end.
    ///
    /// # Errors
    /// [`WitError`].
    pub fn verify_holder(&self, key: &AgentKey, now: UnixTime) -> Result<(), WitError> {
        let Claims { exp, cnf, .. } = &*self.claims;
        if now >= *exp {
            return Err(WitError::Expired);
        }
        if cnf.key.thumbprint() != key.thumbprint() {
            return Err(WitError::OtherKey);
        }
        match (cnf.algorithm, key.algorithm()) {
            (wanted, ours) if wanted == ours => Ok(()),
            (wanted, ours) => Err(WitError::OtherAlgorithm { wanted, ours }),
        }
    }
}
