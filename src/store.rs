//! What a copy of the service shares with the others, and nothing else: which proofs were used, and which delegations
//! have begun.
//!
//! [`ClaimStore`] is the promise; [`MemoryStore`] keeps it for one process, [`RedisStore`] for many. Both forget a thing
//! only after its time and fail closed: whoever cannot be told "this is new" is refused. They know nothing of tokens;
//! what a key hashes is the caller's to choose.

mod memory;
mod redis;

use async_trait::async_trait;
use procura_token::{DelegationId, UnixTime};

pub use self::memory::MemoryStore;
pub use self::redis::{RedisSettings, RedisStore};

/// What is used once. The same key under two kinds is two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UseKind {
    /// The `jti` of a DPoP proof (RFC 9449 section 11.1).
    DpopProof,
    /// A client assertion that may serve once (RFC 7523 section 3, point 7).
    ClientAssertion,
}

impl UseKind {
    /// Its namespace in a store: `dpop` or `assertion`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DpopProof => "dpop",
            Self::ClientAssertion => "assertion",
        }
    }
}

impl core::fmt::Display for UseKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that may be used once, remembered through `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeUse {
    /// What it is.
    pub kind: UseKind,
    /// A SHA-256 over all that makes it this one thing; never the thing itself.
    pub key: [u8; 32],
    /// The last instant at which the thing could still be accepted, skew included.
    pub until: UnixTime,
}

/// A delegation that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationRecord {
    /// The name every token of this delegation carries.
    pub id: DelegationId,
    /// The deadline no token of this delegation outlives.
    pub until: UnixTime,
}

/// Asks for the delegation known by `key`, or else to begin it as `proposed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationClaim {
    /// A SHA-256 over what makes two requests one delegation, such as subject token, agent and target.
    pub key: [u8; 32],
    /// The record if there is none.
    pub proposed: DelegationRecord,
    /// The last instant at which the same request could come again. The record is kept at least as long as its own
    /// `until`, so that forgetting it never buys time. What continues a record does not prolong its keeping.
    pub keep_until: UnixTime,
}

impl DelegationClaim {
    /// The last instant at which the record must be known.
    fn kept_until(&self) -> UnixTime {
        self.keep_until.max(self.proposed.until)
    }
}

/// Everything one request needs from the store, asked for at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// What the request uses up.
    pub uses: Vec<OneTimeUse>,
    /// The delegation it begins or continues.
    pub delegation: Option<DelegationClaim>,
}

impl Claim {
    /// Refuses what would have to be forgotten at once: it could not be told from a replay the next time.
    fn verify_lifetimes(&self, now: UnixTime) -> Result<(), ClaimError> {
        if let Some(past) = self.uses.iter().find(|used| used.until < now) {
            return Err(ClaimError::Expired(past.kind));
        }
        match &self.delegation {
            Some(delegation) if delegation.kept_until() < now => Err(ClaimError::DelegationOver),
            _ => Ok(()),
        }
    }
}

/// Why a claim was not granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// It was used before.
    #[error("the {0} was used before")]
    Replayed(UseKind),
    /// Its time is over, so whether it was used before is no longer known.
    #[error("the {0} is past its time")]
    Expired(UseKind),
    /// The delegation's record would have been forgotten already.
    #[error("the delegation is past its time")]
    DelegationOver,
    /// The store did not answer, or refused. What the claim named may or may not be used up.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// Why a store cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It remembers as much as it may and forgets nothing early.
    #[error("memory store is full: {capacity} entries")]
    Full {
        /// The most entries it may hold.
        capacity: usize,
    },
    /// No answer in time.
    #[error("redis did not answer within {deadline:?}")]
    Deadline {
        /// How long it may take.
        deadline: core::time::Duration,
    },
    /// It cannot be reached, or it answered with an error.
    #[error("redis failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An answer that no claim of ours has.
    #[error("redis gave an answer that is not one to a claim")]
    Answer,
    /// The settings contradict themselves or break a rule.
    #[error("redis settings: {0}")]
    Settings(&'static str),
    /// It is reachable but would not keep the promise. The text says the remedy.
    #[error("this redis cannot serve: {0}")]
    Unfit(String),
}

/// Grants each one-time use once, and each delegation one record, over all copies of the service.
///
/// Each use, and the delegation, is atomic by itself; a claim is not one transaction. When it is refused:
///
/// - each of its uses may be used up: a client makes a new proof, it never repeats one;
/// - its delegation may have begun. That gives nobody a token, and harms nobody: a record that begins early can only
///   end early, and whoever gets this far was authenticated and allowed by policy before the claim.
///
/// # Not promised
/// That anything survives the loss of the store: after a restart of a [`MemoryStore`], or a failover of Redis to a copy
/// that lags, a proof might be accepted again. Proofs that must carry a recent nonce close that window.
#[async_trait]
pub trait ClaimStore: Send + Sync {
    /// Claims everything in `claim`: all uses must be new. The delegation is begun as proposed, or, if its key is known,
    /// continued: the record that was there is returned unchanged, even if its deadline has passed. `None` if none was
    /// asked for.
    ///
    /// `now` decides lifetimes; the store asks no clock of its own for a decision. A use is remembered while
    /// `now <= until`, and may be remembered a little longer.
    ///
    /// # Errors
    /// [`ClaimError::Replayed`] and [`ClaimError::Expired`] for the first use that is not new, and
    /// [`ClaimError::Unavailable`], within the store's deadline, when it could not be learnt.
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError>;

    /// Whether claims can be served now.
    ///
    /// # Errors
    /// [`StoreError`] says what is missing.
    async fn ready(&self) -> Result<(), StoreError>;
}
