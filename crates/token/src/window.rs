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
