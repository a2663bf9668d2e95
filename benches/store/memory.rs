//! Memory.

use std::time::Duration;

use procura::store::{Claim, ClaimStore as _, MemoryStore, OneTimeUse, UseKind};
use procura_token::{ReplayMemory, UnixTime, sha256};

use crate::line;
use crate::meter::{Stopwatch, Times, resident};

const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);
const LIFE: Duration = Duration::from_secs(120);

pub(crate) fn measure(entries: usize) {
    println!("memory, {entries} entries");
    for (name, spread) in [("ending in one second", 0), ("ending within two minutes", 120)] {
        let before = resident();
        let memory = ReplayMemory::new(entries);
        let until = |n: usize| NOW + LIFE + Duration::from_secs(if spread == 0 { 0 } else { n as u64 % spread });
        let times = claims(&memory, 0..entries, until, NOW);
        assert_eq!(memory.len(), entries);
        line(&format!("bytes for each, {name}"), &format!("{:.1}", (resident() - before) as f64 / entries as f64));
        line("  time for each: median / 99.9 % / longest", &times.show());
        // All have ended: what comes sweeps them out.
        let late = NOW + LIFE * 3;
        let times = claims(&memory, entries..entries * 2, |_| late + LIFE, late);
        line("  the same while a million that ended leave", &times.show());
        assert_eq!(memory.len(), entries);
    }
    whole_claims(entries);
    println!();
}

fn claims(memory: &ReplayMemory, range: std::ops::Range<usize>, until: impl Fn(usize) -> UnixTime, now: UnixTime) -> Times {
    let mut times = Times::default();
    for n in range {
        let (key, until) = (sha256(&n.to_le_bytes()), until(n));
        let clock = Stopwatch::start();
        memory.claim(&key, until, now).unwrap();
        times.push(clock.elapsed());
    }
    times
}

/// Through the promise that the service uses.
fn whole_claims(entries: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = MemoryStore::new(entries, UnixTime::from_secs(0));
    let epoch = store.epoch().id;
    let claims: Vec<_> = (0..entries.min(200_000))
        .map(|n| {
            let used = OneTimeUse { kind: UseKind::DpopProof, key: sha256(&n.to_le_bytes()), since: None, until: NOW + LIFE };
            Claim { epoch, uses: vec![used], ..Claim::default() }
        })
        .collect();
    let clock = Stopwatch::start();
    for claim in &claims {
        runtime.block_on(store.claim(claim, NOW)).unwrap();
    }
    line("a whole claim of one use", &format!("{:.2} µs", clock.elapsed().as_secs_f64() * 1e6 / claims.len() as f64));
}
