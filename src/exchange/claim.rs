//! **claim**: what may happen once happens now. A [`Grant`] becomes [`Claimed`], or nothing is issued.

use procura_token::{UnixTime, WorkloadId, sha256};

use super::authority::Authority;
use super::decide::{DelegationGrant, Grant, GrantedToken, WitGrant};
use super::own::OwnGrant;
use super::{Exchange, ExchangeError};
use crate::store::{
    Claim, ClaimError, DelegationClaim, DelegationRecord, HeldKind, Holding, NewDelegation, OneTimeUse, UseKind, delegation_id,
};

/// A grant whose proofs are used up and whose delegation has a record.
pub(super) enum Claimed {
    Delegation { grant: DelegationGrant, record: DelegationRecord },
    Own(OwnGrant),
    Wit(WitGrant),
}

impl Exchange {
    /// Claims everything in one round trip.
    pub(super) async fn claim(&self, grant: Grant, now: UnixTime) -> Result<Claimed, ExchangeError> {
        let Grant { proofs, principal, token } = grant;
        let mut claim = Claim { epoch: proofs.epoch.id, uses: proofs.uses, delegation: None, holdings: Vec::new() };
        claim.holdings.extend(principal.map(|principal| self.identifier(&token, principal)));
        match &token {
            GrantedToken::Delegation(grant) => claim.delegation = Some(self.delegation(grant, now)),
            // The proofs are all that it uses up.
            GrantedToken::Own(_) => {}
            GrantedToken::Wit(grant) => {
                claim.holdings.push(self.key(grant));
                claim.uses.extend(grant.bearer.map(|bearer| OneTimeUse {
                    kind: UseKind::ClientAssertion,
                    key: bearer.fingerprint,
                    // What does not say when it was made may have been used at any time of any memory but the first.
                    since: Some(bearer.issued_at.unwrap_or(UnixTime::from_secs(1))),
                    until: bearer.expires + self.settings.skew,
                }));
            }
        }
        let record = match self.store.claim(&claim, now).await {
            // Nothing in it names the epoch that is over: it may as well be claimed in the next.
            Err(ClaimError::EpochOver) if claim.uses.iter().all(|used| used.since.is_some()) => {
                claim.epoch = self.store.current_epoch().await.map_err(ExchangeError::Store)?.id;
                self.store.claim(&claim, now).await
            }
            claimed => claimed,
        };
        let record = record.map_err(refusal)?;
        match (token, record) {
            (GrantedToken::Own(grant), _) => Ok(Claimed::Own(grant)),
            (GrantedToken::Wit(grant), _) => Ok(Claimed::Wit(grant)),
            (GrantedToken::Delegation(grant), Some(record)) => Ok(Claimed::Delegation { grant, record }),
            (GrantedToken::Delegation(_), None) => Err(ExchangeError::Ended),
        }
    }

    /// A key belongs to one workload for as long as a WIT says so (WIMSE workload credentials section 6).
    fn key(&self, grant: &WitGrant) -> Holding {
        Holding {
            kind: HeldKind::Key,
            name: *grant.key.key.thumbprint().as_bytes(),
            holder: sha256(grant.id.as_str().as_bytes()),
            until: grant.expires + self.settings.skew,
        }
    }

    /// An identifier belongs to one principal of a platform until the last credential that was made for it has ended,
    /// though the rule that gave it be changed before.
    fn identifier(&self, token: &GrantedToken, (id, principal): (WorkloadId, [u8; 32])) -> Holding {
        let expires = match token {
            GrantedToken::Delegation(grant) => grant.expires,
            GrantedToken::Own(grant) => grant.expires,
            GrantedToken::Wit(grant) => grant.expires,
        };
        Holding {
            kind: HeldKind::Identifier,
            name: sha256(id.as_str().as_bytes()),
            holder: principal,
            until: expires + self.settings.skew,
        }
    }

    /// One user's token, one agent, one target: one delegation, however often it is asked for. Its record is kept as long
    /// as that token could be presented, so that asking again later does not begin another. Every later hop needs the record.
    fn delegation(&self, grant: &DelegationGrant, now: UnixTime) -> DelegationClaim {
        let user = match &grant.authority {
            Authority::User(user) => user,
            Authority::Parent(parent) => return DelegationClaim::Continue(parent.id.clone()),
        };
        let (agent, target) = (&grant.chain.current().id, &grant.target);
        let name = [user.token.fingerprint().as_slice(), agent.as_str().as_bytes(), &[0], target.as_str().as_bytes()].concat();
        let key = sha256(&name);
        DelegationClaim::Begin(NewDelegation {
            key,
            proposed: DelegationRecord {
                id: delegation_id(&key),
                until: grant.until,
                began: now,
                subject: user.subject.clone(),
                agent: agent.clone(),
                target: target.clone(),
                revoked: None,
            },
            keep_until: user.token.expires() + self.settings.skew,
        })
    }
}

fn refusal(error: ClaimError) -> ExchangeError {
    match error {
        ClaimError::Replayed(UseKind::ClientAssertion)
        | ClaimError::Expired(UseKind::ClientAssertion)
        | ClaimError::Forgotten(UseKind::ClientAssertion) => {
            ExchangeError::SubjectUnfit("it was used for a WIT before, or nobody remembers")
        }
        ClaimError::Replayed(UseKind::DpopProof) | ClaimError::Expired(UseKind::DpopProof) => ExchangeError::ProofReplayed,
        ClaimError::Replayed(kind) | ClaimError::Expired(kind) => ExchangeError::CallerReplayed(kind),
        ClaimError::Forgotten(kind) => ExchangeError::Forgotten(kind),
        ClaimError::EpochOver => ExchangeError::Nonce,
        ClaimError::HeldByAnother(HeldKind::Identifier) => {
            ExchangeError::CallerUnknown("the identifier still belongs to another principal of its platform")
        }
        ClaimError::HeldByAnother(_) => ExchangeError::KeyHeldByAnother,
        ClaimError::DelegationOver => ExchangeError::Ended,
        ClaimError::DelegationRevoked => ExchangeError::Revoked,
        ClaimError::DelegationUnknown => ExchangeError::DelegationUnknown,
        ClaimError::Unavailable(error) => ExchangeError::Store(error),
    }
}
