//! All that there is to say about a policy set.

use core::fmt;
use std::sync::Arc;

use super::{Place, PolicyError};

/// What is wrong with a policy set, and what can hardly be meant.
#[derive(Debug, Default)]
pub struct Report {
    /// How many policies there are, those that cannot be read aside.
    pub policies: usize,
    /// How many agents are described.
    pub agents: usize,
    /// Each of these keeps the set from being used.
    pub errors: Vec<PolicyError>,
    /// None of these does.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed but can hardly be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where the policy begins.
    pub place: Place,
    /// The policy's id.
    pub policy: Arc<str>,
    /// What is odd about it.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, policy `{}`: {}", self.place, self.policy.escape_debug(), self.what)
    }
}

impl Report {
    /// The first error, if there is one. Warnings go to the log.
    pub(super) fn into_log(self) -> Result<(), PolicyError> {
        for warning in self.warnings {
            tracing::warn!(policy = %warning.policy, place = %warning.place, "{}", warning.what);
        }
        self.errors.into_iter().next().map_or(Ok(()), Err)
    }
}
