//! **claim**: what may happen once happens now. A [`Grant`] becomes [`Claimed`], or nothing is issued.

use procura_token::{TokenId, UnixTime, random_bytes, sha256};

use super::decide::{DelegationGrant, Grant, WitGrant};
use super::{Exchange, ExchangeError};
use crate::store::{Claim, ClaimError, DelegationClaim, DelegationRecord, OneTimeUse, UseKind};

/// A grant whose proof is used up and whose delegation has a record.
pub(super) enum Claimed {
    Delegation { grant: DelegationGrant, record: DelegationRecord },
    Wit(WitGrant),
}

impl Exchange {
    /// Claims everything in one round trip.
    pub(super) async fn claim(&self, grant: Grant, epoch: u64, now: UnixTime) -> Result<Claimed, ExchangeError> {
        let proof = match &grant {
            Grant::Delegation(grant) => &grant.proof,
            Grant::Wit(grant) => &grant.proof,
        };
        let until = proof.replay_until(self.settings.freshness, self.settings.skew);
        let proof = OneTimeUse { kind: UseKind::DpopProof, key: proof.replay_key(), since: None, until };
        let mut claim = Claim { epoch, uses: vec![proof], ..Claim::default() };
        match &grant {
            Grant::Delegation(grant) => claim.delegation = Some(self.delegation(grant)),
            Grant::Wit(grant) => claim.uses.extend(grant.bearer.map(|(fingerprint, expires)| OneTimeUse {
                kind: UseKind::ClientAssertion,
                key: fingerprint,
                since: None,
                until: expires + self.settings.skew,
            })),
        }
        let record = self.store.claim(&claim, now).await.map_err(refusal)?;
        match (grant, record) {
            (Grant::Wit(grant), _) => Ok(Claimed::Wit(grant)),
            (Grant::Delegation(grant), Some(record)) => Ok(Claimed::Delegation { grant, record }),
            (Grant::Delegation(_), None) => Err(ExchangeError::Ended),
        }
    }

    /// One subject token, one agent, one target: one delegation, however often it is asked for. Its record is kept as long
    /// as the subject token could be presented, so that asking again later does not begin another.
    fn delegation(&self, grant: &DelegationGrant) -> DelegationClaim {
        let (token, actor, target) = (&grant.user.token, grant.actor.as_str(), grant.target.as_str());
        let name = [token.fingerprint().as_slice(), actor.as_bytes(), &[0], target.as_bytes()].concat();
        DelegationClaim {
            key: sha256(&name),
            proposed: DelegationRecord { id: TokenId::from_random(random_bytes()), until: grant.until },
            keep_until: token.expires() + self.settings.skew,
        }
    }
}

fn refusal(error: ClaimError) -> ExchangeError {
    match error {
        ClaimError::Replayed(UseKind::DpopProof) | ClaimError::Expired(UseKind::DpopProof) => ExchangeError::ProofReplayed,
        ClaimError::Replayed(_) | ClaimError::Expired(_) => ExchangeError::SubjectUnfit("it was used for a WIT before"),
        ClaimError::EpochOver | ClaimError::Forgotten(_) => ExchangeError::Nonce,
        ClaimError::HeldByAnother => ExchangeError::SubjectUnfit("the key belongs to another workload"),
        ClaimError::DelegationOver => ExchangeError::Ended,
        ClaimError::Unavailable(error) => ExchangeError::Store(error),
    }
}
