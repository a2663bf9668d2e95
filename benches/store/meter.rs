//! Clocks and `/proc`.

use std::time::{Duration, Instant};

/// Measures time that passes.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures ambient time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Bytes of this process's memory that are not swapped out.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Processor time of this process, in steps of 10 ms.
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// How long many things took, one by one.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// With room for `count`, which takes its memory now.
    pub(crate) fn for_many(count: usize) -> Self {
        let mut times = vec![Duration::MAX; count];
        times.clear();
        Self(times)
    }

    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Median, 99.9 % and the longest.
    pub(crate) fn show(mut self) -> String {
        self.0.sort();
        let micros = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6);
        let at = |share: f64| micros(self.0[((self.0.len() - 1) as f64 * share) as usize]);
        format!("{} / {} / {} µs", at(0.5), at(0.999), at(1.0))
    }
}
