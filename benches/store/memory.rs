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
        // What notes the times is not what is measured.
        let mut times = Times::for_many(entries);
        let before = resident();
        let memory = ReplayMemory::new(entries);
        let until = |n: usize| NOW + LIFE + Duration::from_secs(if spread == 0 { 0 } else { n as u64 % spread });
        claims(&memory, 0..entries, until, NOW, &mut times);
        assert_eq!(memory.len(), entries);
        line(&format!("bytes for each, {name}"), &format!("{:.1}", (resident() - before) as f64 / entries as f64));
        line("  time for each: median / 99.9 % / longest", &times.show());
        // All have ended: what comes sweeps them out.
        let late = NOW + LIFE * 3;
        let mut times = Times::for_many(entries);
        claims(&memory, entries..entries * 2, |_| late + LIFE, late, &mut times);
        line("  the same while a million that ended leave", &times.show());
        assert_eq!(memory.len(), entries);
    }
    whole_claims(entries);
    println!();
}

fn claims(
    memory: &ReplayMemory,
    range: std::ops::Range<usize>,
    until: impl Fn(usize) -> UnixTime,
    now: UnixTime,
    times: &mut Times,
) {
    for n in range {
        // On a machine with other things to do, run this under `chrt --fifo 20`; the kernel stops such a process now and
        // then unless it rests by itself.
        if n % 20_000 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (key, until) = (sha256(&n.to_le_bytes()), until(n));
        let clock = Stopwatch::start();
        memory.claim(&key, until, now).unwrap();
        times.push(clock.elapsed());
    }
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
