//! Placeholder.

/// What the copies of the service share.
pub mod store;
