//! What a copy of the service shares with the others, and nothing else: which proofs were used, which delegations have
//! begun, and whom a key or an identifier belongs to.
//!
//! [`ClaimStore`] is the promise; [`MemoryStore`] keeps it for one process, [`RedisStore`] for many. Both forget a thing
//! only after its time and fail closed: whoever cannot be told "this is new" is refused. When all the same a store loses
//! its memory, its [`Epoch`] is over, and nothing that could have been accepted before is accepted after. They know nothing
//! of tokens; what a key hashes is the caller's to choose.

mod delegation;
mod health;
mod memory;
mod redis;

use async_trait::async_trait;
use procura_token::{DelegationId, UnixTime};

pub use self::delegation::{
    DelegationClaim, DelegationCursor, DelegationFilter, DelegationPage, DelegationRecord, MAX_DELEGATION_PAGE, NewDelegation,
    NotACursor, delegation_id,
};
pub use self::memory::MemoryStore;
pub use self::redis::{RedisSettings, RedisStore, RedisTls, RedisTopology};

/// What is used once. The same key under two kinds is two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UseKind {
    /// The `jti` of a DPoP proof (RFC 9449 section 11.1).
    DpopProof,
    /// A client assertion that may serve once (RFC 7523 section 3, point 7).
    ClientAssertion,
    /// The `jti` of a Workload Proof Token.
    Wpt,
    /// The nonce of an HTTP message signature (RFC 9421 section 2.3).
    Signature,
}

impl UseKind {
    /// Its name for people: `dpop`, `assertion`, `wpt` or `signature`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DpopProof => "dpop",
            Self::ClientAssertion => "assertion",
            Self::Wpt => "wpt",
            Self::Signature => "signature",
        }
    }

    /// Its namespace in a store.
    const fn letter(self) -> u8 {
        match self {
            Self::DpopProof => b'D',
            Self::ClientAssertion => b'A',
            Self::Wpt => b'W',
            Self::Signature => b'S',
        }
    }
}

impl core::fmt::Display for UseKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One unbroken memory of a store: what was claimed since it began is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its name, which no other has.
    pub id: u64,
    /// What was claimed up to and including this instant may have been forgotten.
    pub began: UnixTime,
}

/// One thing that may be used once, remembered through `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeUse {
    /// What it is.
    pub kind: UseKind,
    /// A SHA-256 over all that makes it this one thing; never the thing itself. Stores keep 15 bytes of it.
    pub key: [u8; 32],
    /// The earliest instant at which it could have been accepted, skew included. `None` if it carries a nonce of the
    /// claim's epoch, which says the same more exactly.
    pub since: Option<UnixTime>,
    /// The last instant at which the thing could still be accepted, skew included.
    pub until: UnixTime,
}

/// What belongs to one holder at a time. The same name of two kinds is two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeldKind {
    /// A key, named by its thumbprint; a workload holds it.
    Key,
    /// A workload identifier; the principal of a platform holds it.
    Identifier,
}

impl HeldKind {
    /// Its name for people: `key` or `identifier`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Identifier => "identifier",
        }
    }

    /// Its namespace in a store.
    const fn letter(self) -> u8 {
        match self {
            Self::Key => b'H',
            Self::Identifier => b'I',
        }
    }
}

impl core::fmt::Display for HeldKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says whose something is: it belongs to one holder for as long as it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// What it is.
    pub kind: HeldKind,
    /// A SHA-256 that names it; stores keep 15 bytes of it.
    pub name: [u8; 32],
    /// A SHA-256 over the holder's name; stores keep 16 bytes of it.
    pub holder: [u8; 32],
    /// The last instant at which it is held. The same holder may prolong it, never shorten it.
    pub until: UnixTime,
}

/// Everything one request needs from the store, asked for at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The epoch in which the request was verified: read once, before its nonce was looked at.
    pub epoch: u64,
    /// What the request uses up.
    pub uses: Vec<OneTimeUse>,
    /// The delegation it begins or continues.
    pub delegation: Option<DelegationClaim>,
    /// Whose the key is that it binds a credential to, and whose the identifier that it gives one to.
    pub holdings: Vec<Holding>,
}

impl Claim {
    /// Refuses what cannot be told from a replay: of another epoch, from before this one, or past its time, so that it
    /// would have to be forgotten at once.
    fn verify_times(&self, epoch: Epoch, now: UnixTime) -> Result<(), ClaimError> {
        if self.epoch != epoch.id {
            return Err(ClaimError::EpochOver);
        }
        for used in &self.uses {
            if used.until < now {
                return Err(ClaimError::Expired(used.kind));
            }
            if used.since.is_some_and(|since| since <= epoch.began) {
                return Err(ClaimError::Forgotten(used.kind));
            }
        }
        match &self.delegation {
            Some(DelegationClaim::Begin(new)) if new.kept_until() < now => Err(ClaimError::DelegationOver),
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
    /// It carries no nonce and could have been used before the store's memory begins. A newer one is accepted.
    #[error("the {0} may be from before the store's memory")]
    Forgotten(UseKind),
    /// The store lost its memory since the request was verified: a new nonce, and the client may try again.
    #[error("the store's memory has begun anew")]
    EpochOver,
    /// The key or the identifier belongs to another.
    #[error("the {0} belongs to another")]
    HeldByAnother(HeldKind),
    /// The delegation's record would have been forgotten already.
    #[error("the delegation is past its time")]
    DelegationOver,
    /// The delegation was revoked: nothing of it begins or continues.
    #[error("the delegation was revoked")]
    DelegationRevoked,
    /// Nothing is known of the delegation: its record has expired, or is from before the store's memory.
    #[error("nothing is known of the delegation")]
    DelegationUnknown,
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
    /// The place in a listing is one of another memory, or of no store: the listing begins anew.
    #[error("the cursor is not one of this store's memory")]
    Cursor,
    /// The memory ended while it was asked to revoke: what it then knows nothing of may have been revoked, and may not.
    #[error("the store's memory has begun anew, and nothing is known of the delegation")]
    Forgot,
    /// The settings contradict themselves or break a rule.
    #[error("redis settings: {0}")]
    Settings(&'static str),
    /// It is reachable but would not keep the promise. The text says the remedy.
    #[error("this redis cannot serve: {0}")]
    Unfit(String),
}

/// Grants each one-time use once, each delegation one record, and each key and identifier one holder, over all copies of the
/// service.
///
/// A claim that is refused because something in it is not new uses up nothing; but when claims race, or the store spreads
/// its keys over several servers, what was new in a refused claim may be used up, and its delegation may have begun. So a
/// client makes a new proof for every attempt. A delegation that begins early gives nobody a token, and can only end early.
///
/// # Losing the memory
/// All that a store promises holds within one [`Epoch`]. When it loses its memory, by a restart, a failover or an operator's
/// command, another epoch begins, and claims made in the old one are refused with [`ClaimError::EpochOver`]. A use with a
/// nonce belongs to the epoch its nonce names; one without is refused as [`ClaimError::Forgotten`] when it could have been
/// accepted before the epoch began. So no use is granted again. Delegations and holders are lost with the memory: what
/// continues a delegation is refused as [`ClaimError::DelegationUnknown`], even if its record is still there, for it may
/// have been revoked since; beginning it once more makes it known again.
#[async_trait]
pub trait ClaimStore: Send + Sync {
    /// Claims everything in `claim`: all uses must be new and nothing held by another. The delegation is begun as proposed,
    /// or, if it is known, continued: the record that was there is returned unchanged, even if its deadline has
    /// passed. `None` if none was asked for. One that was revoked before is refused.
    ///
    /// `now` decides lifetimes; the store asks no clock of its own for a decision. A use is remembered while
    /// `now <= until`, and may be remembered a little longer.
    ///
    /// # Errors
    /// [`ClaimError::Replayed`], [`ClaimError::Expired`] and [`ClaimError::Forgotten`] for a use that is not new or may not
    /// be; [`ClaimError::EpochOver`]; [`ClaimError::HeldByAnother`]; [`ClaimError::DelegationRevoked`] and
    /// [`ClaimError::DelegationUnknown`]; and [`ClaimError::Unavailable`], within the store's deadline, when it could not be
    /// learnt.
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError>;

    /// The record of one delegation, if there is one.
    ///
    /// # Errors
    /// [`StoreError`], within the store's deadline, when it could not be learnt.
    async fn delegation(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError>;

    /// Some delegations that match `filter`, from where `from` says: about `limit`, which is at most
    /// [`MAX_DELEGATION_PAGE`], after a bounded amount of work. Each delegation that is there from the first page to the
    /// last is on one of them, or on several.
    ///
    /// # Errors
    /// [`StoreError::Cursor`]; [`StoreError`], within the store's deadline, when it could not be learnt.
    async fn delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
        now: UnixTime,
    ) -> Result<DelegationPage, StoreError>;

    /// Revokes a delegation: no claim that is made after this returns begins or continues it, through any copy, for as long
    /// as its record is kept. Returns the record, in which the first revocation counts; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`], within the store's deadline, when it is not known to be revoked. It may be: revoke it again.
    async fn revoke(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError>;

    /// The epoch as far as this copy knows. It may be over: a claim made in it is then refused.
    fn epoch(&self) -> Epoch;

    /// The epoch as the store knows it, be it one that another copy began; begins one if the last is known to be
    /// over. A claim may still find it over.
    ///
    /// # Errors
    /// [`StoreError`], within the store's deadline, when it could not be learnt.
    async fn current_epoch(&self) -> Result<Epoch, StoreError>;

    /// Whether claims can be served now.
    ///
    /// # Errors
    /// [`StoreError`] says what is missing.
    async fn ready(&self) -> Result<(), StoreError>;
}
