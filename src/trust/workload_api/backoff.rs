//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait that is one.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// No wait at first, then longer and longer ones: doubled each time, up to half a minute, and up to a quarter less by chance, so
/// that copies that lost one server do not return all at once.
#[derive(Debug, Default)]
pub(super) struct Backoff(Option<Duration>);

impl Backoff {
    /// How long to wait now. `chance` is any byte.
    pub(super) fn next(&mut self, chance: u8) -> Duration {
        let Some(wait) = self.0 else {
            self.0 = Some(FIRST);
            return Duration::ZERO;
        };
        self.0 = Some((wait * 2).min(LONGEST));
        wait - wait * u32::from(chance) / 1024
    }

    /// It works again: the next wait is none.
    pub(super) const fn reset(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WAPI-03, WEP-04: at once, then with patience.
    #[test]
    fn waits_double_from_none_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.next(0).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(backoff.next(255).as_millis(), 22_529);
        backoff.reset();
        assert_eq!(backoff.next(255), Duration::ZERO);
    }
}
