//! Whether a store serves: each change is one log line and one count, however many requests meet it.

use std::sync::atomic::{AtomicU8, Ordering};

/// What a store can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Condition {
    Serving,
    /// It knows what it knew and can remember nothing new.
    Full,
    Lost,
}

/// The condition of one store, as told to log and metrics: `procura_store_up` is 1 while it serves,
/// `procura_store_changes_total` counts by `to`: `back`, `full`, `lost`, `epoch`.
#[derive(Debug)]
pub(super) struct Health(AtomicU8);

impl Health {
    /// A store that serves.
    pub(super) fn new() -> Self {
        metrics::describe_gauge!("procura_store_up", "1 while the store grants claims");
        metrics::describe_counter!("procura_store_changes_total", "Changes of the store's condition, by what it came to");
        metrics::gauge!("procura_store_up").set(1.0);
        Self(AtomicU8::new(Condition::Serving as u8))
    }

    /// Notes the condition; says so if it is another than before.
    pub(super) fn note(&self, condition: Condition, cause: &dyn core::fmt::Display) {
        // Looked at first: most claims find nothing changed and need not write to what all threads read.
        if self.0.load(Ordering::Relaxed) == condition as u8 || self.0.swap(condition as u8, Ordering::Relaxed) == condition as u8
        {
            return;
        }
        metrics::gauge!("procura_store_up").set(if condition == Condition::Serving { 1.0 } else { 0.0 });
        match condition {
            Condition::Serving => tracing::info!("store is back"),
            Condition::Full => tracing::error!(%cause, "store is full: what is new is refused"),
            Condition::Lost => tracing::error!(%cause, "store lost: claims are refused"),
        }
        let to = match condition {
            Condition::Serving => "back",
            Condition::Full => "full",
            Condition::Lost => "lost",
        };
        metrics::counter!("procura_store_changes_total", "to" => to).increment(1);
    }

    /// Notes that it serves.
    pub(super) fn serves(&self) {
        self.note(Condition::Serving, &"");
    }

    /// Notes that the store's memory has begun anew.
    pub(super) fn epoch(began: super::Epoch) {
        tracing::warn!(epoch.began = %began.began, "the store's memory has begun anew: older nonces and proofs are refused");
        metrics::counter!("procura_store_changes_total", "to" => "epoch").increment(1);
    }

    pub(super) fn condition(&self) -> Condition {
        match self.0.load(Ordering::Relaxed) {
            0 => Condition::Serving,
            1 => Condition::Full,
            _ => Condition::Lost,
        }
    }
}
