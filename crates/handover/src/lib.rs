#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod block;
mod container;
#[cfg(feature = "sign")]
mod issue;
mod key;
mod statement;
mod verify;
mod wire;

#[cfg(feature = "sign")]
pub use issue::{HandOver, HandOverError, NewHandover};
pub use verify::{HandoverRules, Hop, RootedHandover, UnverifiedHandover, VerifiedHandover};

/// The most bytes a Biscuit may have, written as text.
pub const MAX_BISCUIT: usize = procura_token::MAX_TOKEN;
/// The most hand-overs one Biscuit may tell of: with the actor it was issued to they fill a chain.
pub const MAX_HOPS: usize = procura_token::MAX_ACTORS - 1;
/// The most facts of one block: groups and scopes are what there may be many of.
pub const MAX_FACTS: usize = 128;

const fn malformed(reason: &'static str) -> procura_token::ParseError {
    procura_token::ParseError::Value { name: "biscuit", reason }
}
