#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod authorization;
mod body;
mod builder;
mod cache;
mod caller;
mod cause;
mod certificate;
mod clock;
mod credentials;
mod dpop;
mod fetch;
mod guard;
mod key;
mod layer;
mod refusal;
mod replay;
mod response;
mod signature;
mod token;
mod workload;
mod wpt;

pub use builder::{BuildError, GuardBuilder};
pub use caller::{Acting, Caller, Grant, Proved};
pub use cause::Cause;
pub use certificate::PeerCertificate;
pub use clock::{Clock, SystemClock};
pub use guard::Guard;
pub use key::{Bundle, Keys, KeysError};
pub use layer::{GuardLayer, GuardService};
pub use refusal::Refusal;
pub use replay::{Claimed, MemoryReplayStore, ReplayError, ReplayStore};
pub use response::{Identity, IdentityError};

pub use http::HeaderName;
pub use procura_token::{
    Actor, ActorChain, Algorithm, AuthorizationDetail, AuthorizationDetails, CertificateThumbprint, Delegation, DelegationId,
    DetailValue, Freshness, Issuer, Jwk, JwkSet, ParseError, Resource, Scope, ScopeSet, SignError, Signer, SigningKey, Subject,
    Thumbprint, TokenId, TrustDomain, UnixTime, VerifyError, WorkloadId, random_bytes,
};
