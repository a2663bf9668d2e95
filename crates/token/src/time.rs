//! Time as tokens mean it.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest integer every JSON reader represents exactly.
const MAX_SAFE_SECONDS: u64 = (1 << 53) - 1;

/// An instant: the time since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// In JSON it is a `NumericDate` (RFC 7519 section 2): written in whole seconds, read from a non-negative number below
/// 2^53, whose fraction is dropped. A string, `null`, a negative or an infinite number is an error, never "absent".
///
/// This type does not know what time it is: callers pass `now`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(Duration);

impl UnixTime {
    /// The instant that lies `since_epoch` after 1970-01-01T00:00:00Z.
    pub const fn new(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The instant at whole `seconds` since the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// Whole milliseconds since the epoch, rounded down; the largest `u64` when it does not fit.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// The time since the epoch.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// This instant at its whole second, as a token carries it.
    pub const fn whole_secs(self) -> Self {
        Self::from_secs(self.as_secs())
    }

    /// The time from `earlier` to this instant; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Saturates at the far end of time instead of panicking.
impl core::ops::Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

/// Saturates at the epoch instead of panicking.
impl core::ops::Sub<Duration> for UnixTime {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(earlier))
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds since the epoch, with milliseconds when there are any.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}", self.as_secs()),
            millis => write!(f, "{}.{millis:03}", self.as_secs()),
        }
    }
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_secs())
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumericDate)
    }
}

struct NumericDate;

impl serde::de::Visitor<'_> for NumericDate {
    type Value = UnixTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds since 1970")
    }

    fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<UnixTime, E> {
        if seconds > MAX_SAFE_SECONDS {
            return Err(E::custom("a time beyond 2^53 seconds"));
        }
        Ok(UnixTime::from_secs(seconds))
    }

    fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<UnixTime, E> {
        if !(0.0..=MAX_SAFE_SECONDS as f64).contains(&seconds) {
            return Err(E::custom("a time outside 0 to 2^53 seconds"));
        }
        Ok(UnixTime::from_secs(seconds as u64))
    }
}

/// Reads a `NumericDate` that must be an integer: what a DPoP proof's `iat` has to be.
pub(crate) fn integer_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    serde::de::Visitor::visit_u64(NumericDate, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_dates_are_non_negative_numbers_and_nothing_else() {
        for (json, expected) in [("0", Some(0)), ("1770000000", Some(1_770_000_000)), ("1.9", Some(1)), ("1e3", Some(1000))] {
            assert_eq!(serde_json::from_str::<UnixTime>(json).ok().map(UnixTime::as_secs), expected, "{json}");
        }
        for json in ["-1", "-0.5", "\"1\"", "null", "true", "[]", "9007199254740992", "1e300", "1e400"] {
            assert!(serde_json::from_str::<UnixTime>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = UnixTime::new(Duration::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(UnixTime::from_secs(1) - Duration::from_secs(2), UnixTime::from_secs(0));
        assert_eq!(UnixTime::from_secs(1).since(UnixTime::from_secs(5)), Duration::ZERO);
    }
}
