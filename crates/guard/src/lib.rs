#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod builder;
mod cache;
mod caller;
mod clock;
mod credentials;
mod fetch;
mod guard;
mod key;
mod layer;
mod refusal;
mod replay;

pub use builder::{BuildError, GuardBuilder};
pub use caller::Caller;
pub use clock::{Clock, SystemClock};
pub use guard::Guard;
pub use key::{Keys, KeysError};
pub use layer::{GuardLayer, GuardService};
pub use refusal::{Cause, Refusal};
pub use replay::{Claimed, MemoryReplayStore, ReplayError, ReplayStore};

pub use procura_token::{
    Actor, ActorChain, Algorithm, Delegation, DelegationId, Freshness, Issuer, JwkSet, ParseError, Resource, Scope, ScopeSet,
    Subject, Thumbprint, TokenId, UnixTime, VerifyError, WorkloadId, random_bytes,
};
