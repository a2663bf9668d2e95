//! What a user has to approve before there is a token.

use core::fmt;

use procura_token::{Resource, ScopeSet, WorkloadId};
use serde::Deserialize;

/// What the server wants to see the user's approval of. Whoever can ask the user shows him exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RequiredApproval {
    /// Who would act.
    pub agent: WorkloadId,
    /// Where.
    pub target: Resource,
    /// In what.
    pub scope: ScopeSet,
}

impl fmt::Display for RequiredApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} for `{}`", self.agent, self.target, self.scope)
    }
}
