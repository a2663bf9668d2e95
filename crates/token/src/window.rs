//! Validity in time, with one leeway for clocks that differ.

use core::time::Duration;

use crate::{UnixTime, VerifyError};

/// The most leeway anyone may configure.
pub const MAX_SKEW: Duration = Duration::from_secs(300);

/// Refuses at or after `exp` plus `skew` (RFC 7519 section 4.1.4), and before `nbf` minus `skew`.
pub(crate) fn verify_window(exp: UnixTime, nbf: Option<UnixTime>, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
    if now >= exp + skew {
        return Err(VerifyError::Expired { exp, now });
    }
    match nbf {
        Some(from) if now + skew < from => Err(VerifyError::NotYetValid { from, now }),
        _ => Ok(()),
    }
}

/// The longest that a WPT or a message signature may be valid.
pub const MAX_PROOF_LIFETIME: Duration = Duration::from_secs(300);

/// How far ahead of ours the clock of whoever made a WPT or a message signature may be.
pub const MAX_PROOF_AHEAD: Duration = Duration::from_secs(30);

/// The time a proof that says itself when it ends is meant for: from `since`, until before `until`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofWindow {
    pub(crate) since: UnixTime,
    pub(crate) until: UnixTime,
}

impl ProofWindow {
    /// Of a proof that ends at `until` and says that it begins at each of `starts`.
    ///
    /// Where there is no start, the end gives one: before it by the longest lifetime *and* what a clock may be ahead, which is
    /// when the proof is first accepted. An end nearer than that to a start moves nothing: a proof that says it was made at
    /// noon and ends at 12:05:20 was accepted at noon.
    pub(crate) fn new(starts: impl IntoIterator<Item = UnixTime>, until: UnixTime) -> Self {
        let earliest = until - MAX_PROOF_LIFETIME - MAX_PROOF_AHEAD;
        Self { since: starts.into_iter().fold(earliest, Ord::max), until }
    }

    /// Refuses outside the window. The end has no leeway (WIMSE WPT section 2: in the future).
    pub(crate) fn verify(self, now: UnixTime) -> Result<(), VerifyError> {
        if now >= self.until {
            return Err(VerifyError::Expired { exp: self.until, now });
        }
        if now + MAX_PROOF_LIFETIME + MAX_PROOF_AHEAD < self.until {
            return Err(VerifyError::LifetimeTooLong { exp: self.until, now });
        }
        if now + MAX_PROOF_AHEAD < self.since {
            return Err(VerifyError::NotYetValid { from: self.since, now });
        }
        Ok(())
    }

    /// Until when clocks up to `skew` apart would accept the proof, and one second more.
    pub(crate) fn remembered_until(self, skew: Duration) -> UnixTime {
        self.until + skew + Duration::from_secs(1)
    }
}
