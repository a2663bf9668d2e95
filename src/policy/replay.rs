//! What would be decided otherwise now.

use core::time::Duration;

use super::table::{duration, number, sorted};
use super::{Difference, Policy, RecordError, RecordedDecision, RecordedRequest};

impl Policy {
    /// Decides `request` again and says where that differs from what was `decided` before.
    ///
    /// # Errors
    /// [`RecordError`] if the request cannot be put to these policies.
    pub fn replay(&self, request: &RecordedRequest<'_>, decided: &RecordedDecision) -> Result<Vec<Difference>, RecordError> {
        let now = request.put(self.targets(), |request| RecordedDecision::from(&self.decide(request)))?;
        let mut found = Vec::new();
        let mut compare = |what, expected: String, decided: String| {
            let different = expected != decided;
            found.extend(different.then_some(Difference { what, expected, decided }));
        };
        let ttl = |decision: &RecordedDecision| duration(decision.ttl.map(Duration::from_secs));
        compare("allowed", decided.allowed.to_string(), now.allowed.to_string());
        compare("granted", sorted(&decided.granted), sorted(&now.granted));
        compare("approval_missing", sorted(&decided.approval_missing), sorted(&now.approval_missing));
        compare("ttl", ttl(decided), ttl(&now));
        compare("depth", number(decided.depth), number(now.depth));
        Ok(found)
    }
}
