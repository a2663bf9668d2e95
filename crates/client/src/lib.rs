#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod approval;
mod authentication;
#[cfg(feature = "reqwest")]
mod call;
#[cfg(feature = "reqwest")]
mod caller;
mod challenge;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "reqwest")]
mod clock;
mod clock_offset;
#[cfg(feature = "reqwest")]
mod connection;
#[cfg(feature = "reqwest")]
mod credential;
#[cfg(feature = "reqwest")]
mod delegated;
mod error;
mod exchange;
mod grant;
mod key;
mod metadata;
mod nonce;
mod payload;
#[cfg(feature = "reqwest")]
mod presentation;
mod proof;
#[cfg(feature = "reqwest")]
mod response;
mod secret;
#[cfg(feature = "reqwest")]
mod svid;
#[cfg(feature = "reqwest")]
mod transport;
mod wit;
#[cfg(feature = "x509")]
mod x509;

pub use approval::RequiredApproval;
pub use authentication::{Authentication, Binding, PlatformAssertion, WitProof};
#[cfg(feature = "reqwest")]
pub use call::CallError;
pub use challenge::Challenge;
#[cfg(feature = "reqwest")]
pub use client::{Client, ClientBuilder, ClientError};
#[cfg(feature = "reqwest")]
pub use clock::{Clock, SystemClock};
pub use clock_offset::ClockOffset;
#[cfg(feature = "reqwest")]
pub use credential::Credential;
#[cfg(feature = "reqwest")]
pub use delegated::Delegated;
pub use error::{ErrorCode, ExchangeError, OAuthError};
pub use exchange::{ExchangeRequest, Requester, Target};
pub use grant::{Expectations, Grant, judge_exchange};
pub use key::{AgentKey, KeyError, Proof};
pub use metadata::{MetadataError, ServerMetadata};
pub use nonce::NonceStore;
pub use proof::WitProofError;
#[cfg(feature = "reqwest")]
pub use response::{ResponseError, ResponseSignature, SigningServer};
pub use secret::Secret;
#[cfg(feature = "reqwest")]
pub use svid::{SvidError, SvidFile, SvidSource};
#[cfg(feature = "reqwest")]
pub use transport::TransportError;
pub use wit::{HeldWit, WitError};
#[cfg(feature = "x509")]
pub use x509::{WorkloadServer, X509SvidFiles, X509SvidPem, X509SvidSource};

pub use procura_token::{
    Algorithm, AuthorizationDetail, AuthorizationDetails, CertificateThumbprint, Confirmation, Htu, Issuer, JwkSet, ParseError,
    Resource, Scope, ScopeSet, SignError, Signer, SigningKey, Thumbprint, TokenType, UnixTime, WorkloadId,
};
