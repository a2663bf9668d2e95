//! A client of the SPIFFE Workload API: bundles of trust domains, and an identity of our own.
//!
//! gRPC without TLS over a socket of this machine; whoever serves it is believed. Streams are kept open; each message says all
//! there is. What is pushed is in use at once, and there is nothing to ask for in between.

mod backoff;
mod bundle;
mod client;
mod endpoint;
mod identity;
mod kind;
mod message;
mod part;
mod stream;

pub(super) use bundle::follow_bundles;
pub use endpoint::{WorkloadApiEndpoint, WorkloadApiEndpointError};
pub use identity::{IdentityWatch, WorkloadIdentity, follow_identity};
