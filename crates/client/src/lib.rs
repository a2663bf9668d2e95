#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[cfg(feature = "reqwest")]
mod call;
mod challenge;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "reqwest")]
mod clock;
mod clock_offset;
#[cfg(feature = "reqwest")]
mod delegated;
mod error;
mod exchange;
mod grant;
mod key;
mod metadata;
mod nonce;
mod secret;
#[cfg(feature = "reqwest")]
mod svid;
#[cfg(feature = "reqwest")]
mod transport;

#[cfg(feature = "reqwest")]
pub use call::CallError;
pub use challenge::Challenge;
#[cfg(feature = "reqwest")]
pub use client::{Client, ClientBuilder, ClientError};
#[cfg(feature = "reqwest")]
pub use clock::{Clock, SystemClock};
pub use clock_offset::ClockOffset;
#[cfg(feature = "reqwest")]
pub use delegated::Delegated;
pub use error::{ErrorCode, ExchangeError, OAuthError};
pub use exchange::{ExchangeRequest, Requester, Target};
pub use grant::{Expectations, Grant, judge_exchange};
pub use key::{AgentKey, KeyError, Proof};
pub use metadata::{MetadataError, ServerMetadata};
pub use nonce::NonceStore;
pub use secret::Secret;
#[cfg(feature = "reqwest")]
pub use svid::{SvidError, SvidFile, SvidSource};
#[cfg(feature = "reqwest")]
pub use transport::TransportError;

pub use procura_token::{
    Algorithm, Htu, Issuer, ParseError, Resource, Scope, ScopeSet, SignError, Signer, SigningKey, Thumbprint, TokenType, UnixTime,
};
