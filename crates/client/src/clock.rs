//! The one place that asks the machine what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use procura_token::UnixTime;

/// Where a [`Client`](crate::Client) takes the present instant from. A closure is one.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> UnixTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the room where the clock may be read")]
    fn now(&self) -> UnixTime {
        UnixTime::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl<F: Fn() -> UnixTime + Send + Sync + 'static> Clock for F {
    fn now(&self) -> UnixTime {
        self()
    }
}
