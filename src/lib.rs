//! Placeholder.

/// The durable record of what was decided.
pub mod audit;
/// What the copies of the service share.
pub mod store;
