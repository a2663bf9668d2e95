//! The one place that asks what time it is.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use procura_token::UnixTime;

/// Says what time it is. A request asks once and passes the answer down.
pub trait Clock: Send + Sync {
    /// This instant.
    fn now(&self) -> UnixTime;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the room for ambient time")]
    fn now(&self) -> UnixTime {
        UnixTime::new(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        (**self).now()
    }
}

/// Says how long something took. For measuring only: no decision depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the room for ambient time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since it began.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
