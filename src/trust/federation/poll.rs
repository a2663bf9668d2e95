//! How often a bundle endpoint is asked.

use std::time::Duration;

/// How often, where the bundle gives no hint (Trust Domain and Bundle section 6.1).
pub(super) const DEFAULT: Duration = Duration::from_secs(5 * 60);
/// However little a bundle asks for, it is not asked for more often.
const SHORTEST: Duration = Duration::from_secs(10);
/// However long a bundle is said to last: half of how long the last good one is believed, so that an endpoint that fails once is
/// asked again in time.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// How long to wait: as long as the bundle says, within limits. After a failure as long, five minutes at most; and where there
/// is no bundle at all, ten seconds, then twice as long each time.
pub(super) fn wait(hint: Duration, failures: u32, has_bundle: bool) -> Duration {
    let usual = hint.clamp(SHORTEST, LONGEST);
    match failures {
        0 => usual,
        _ if has_bundle => usual.min(DEFAULT),
        // Five doublings are beyond five minutes.
        _ => (SHORTEST * 2_u32.pow((failures - 1).min(5))).min(DEFAULT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(hint: u64, failures: u32, has_bundle: bool) -> u64 {
        wait(Duration::from_secs(hint), failures, has_bundle).as_secs()
    }

    /// FED-02, BUNDLE-13.
    #[test]
    fn the_hint_of_the_bundle_counts_within_limits() {
        assert_eq!(wait(DEFAULT, 0, true).as_secs(), 300);
        for (hint, wait) in [(0, 10), (9, 10), (60, 60), (43_200, 43_200), (2_419_200, 43_200), (u64::MAX, 43_200)] {
            assert_eq!(seconds(hint, 0, true), wait, "{hint}");
        }
    }

    /// FED-17.
    #[test]
    fn an_endpoint_that_fails_is_not_asked_faster_while_there_is_a_bundle() {
        assert_eq!([1, 2, 9].map(|failures| seconds(60, failures, true)), [60; 3]);
        assert_eq!(seconds(86_400, 1, true), 300);
        assert_eq!([1, 2, 3, 4, 5, 6, u32::MAX].map(|failures| seconds(300, failures, false)), [10, 20, 40, 80, 160, 300, 300]);
    }
}
