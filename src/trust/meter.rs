//! What is counted of one authority's keys.

use metrics::{Counter, Gauge, Unit};

/// The age of an authority's keys, and how often they were fetched.
#[derive(Clone)]
pub(super) struct AuthorityMeter {
    /// Seconds since the keys in use were last known to be the newest.
    pub(super) age: Gauge,
    pub(super) good: Counter,
    pub(super) failed: Counter,
}

impl AuthorityMeter {
    pub(super) fn new(authority: &str) -> Self {
        metrics::describe_gauge!("procura_trust_age_seconds", Unit::Seconds, "Time since an authority's keys were last fetched");
        metrics::describe_counter!("procura_trust_refreshes_total", "Attempts to fetch an authority's keys by outcome");
        let refreshes = |outcome: &'static str| metrics::counter!("procura_trust_refreshes_total", "authority" => authority.to_owned(), "outcome" => outcome);
        Self {
            age: metrics::gauge!("procura_trust_age_seconds", "authority" => authority.to_owned()),
            good: refreshes("good"),
            failed: refreshes("failed"),
        }
    }
}
