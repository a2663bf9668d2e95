//! Who acted for whom: one event for each decision, refusals included, on disk before the answer leaves.
//!
//! [`Event`] says what is known of a decision; [`AuditLog`] makes it durable. No event has room for a token: its fields
//! are identifiers, hashes, scopes, times and one free text.

mod event;
mod journal;
mod line;
mod log;

pub use event::{Event, EventId, EventKind, Outcome, PlatformCaller};
pub use log::{AuditError, AuditLog, AuditSettings};
