//! Procura: who is this agent, on whose behalf does it act, for what, until when, and can anyone who steals its token use
//! it?
//!
//! A token exchange (RFC 8693) that takes proofs of identity workloads and users already have, asks a policy, and issues
//! credentials bound to a key. The rooms, and who may enter which:
//!
//! ```text
//! main → cli → http → app → exchange → { policy, trust, keys, store, audit } → procura-token
//!                     app → config, clock, telemetry
//! ```
// An audit event has more fields than a macro may nest by default.
#![cfg_attr(test, recursion_limit = "256")]

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod exchange;
pub mod http;
pub mod keys;
pub mod policy;
pub mod store;
pub mod telemetry;
pub mod trust;
