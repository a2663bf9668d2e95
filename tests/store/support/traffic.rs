//! Copies of the service that claim without pause, and try everything twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procura::store::{Claim, ClaimError, Epoch, OneTimeUse, RedisSettings, RedisStore, StoreError, UseKind};
use procura_token::{UnixTime, sha256};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{MINUTE, Node, eventually, real_now};

/// The deadline of each claim.
const DEADLINE: Duration = Duration::from_millis(1500);
/// What an answer may take beyond it, on a machine with other things to do.
const SLACK: Duration = Duration::from_millis(2500);
const WORKERS: usize = 12;

/// What can be tried again: with a nonce of this epoch, or made at this time.
#[derive(Clone, Copy, Debug)]
enum Proof {
    Nonce(Epoch),
    Made(UnixTime),
}

/// What became of claims.
#[derive(Default)]
struct Book {
    granted: Mutex<HashMap<usize, Proof>>,
    /// With a nonce, and without.
    grants: [AtomicUsize; 2],
    refusals: AtomicUsize,
    next: AtomicUsize,
    stop: AtomicBool,
}

/// Two copies of the service under load.
pub(crate) struct Traffic {
    nodes: [Node; 2],
    book: Arc<Book>,
    workers: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Begins once both copies are connected.
    pub(crate) async fn begin(settings: &RedisSettings) -> Self {
        let settings = RedisSettings { timeout: DEADLINE, ..settings.clone() };
        let nodes = [connect(&settings).await, connect(&settings).await];
        let book = Arc::new(Book::default());
        let worker = |n: usize| tokio::spawn(work(nodes.clone(), n, Arc::clone(&book)));
        let workers = (0..WORKERS).map(worker).collect();
        let traffic = Self { nodes, book, workers };
        traffic.more_grants("before anything fails").await;
        traffic
    }

    pub(crate) fn node(&self) -> &Node {
        &self.nodes[0]
    }

    /// Waits until many more uses have been granted, with nonces and without.
    pub(crate) async fn more_grants(&self, when: &str) {
        let granted = || self.book.grants.each_ref().map(|grants| grants.load(Ordering::Relaxed));
        let before = granted();
        eventually(&format!("uses are granted {when}"), || async {
            granted().iter().zip(before).all(|(now, before)| *now >= before + 100)
        })
        .await;
    }

    /// Waits until some more claims have been refused for want of a store.
    pub(crate) async fn more_refusals(&self, when: &str) {
        let before = self.book.refusals.load(Ordering::Relaxed);
        eventually(&format!("claims are refused {when}"), || async { self.book.refusals.load(Ordering::Relaxed) >= before + 50 })
            .await;
    }

    /// Ends it, and tries everything that was ever granted once more, at both copies: nothing is granted again.
    pub(crate) async fn end(self) {
        self.book.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await.unwrap();
        }
        let granted: Vec<_> = self.book.granted.lock().unwrap().iter().map(|(n, proof)| (*n, *proof)).collect();
        assert!(granted.len() >= 200);
        // The later ones are those a loss could have brought back.
        for (n, proof) in granted.into_iter().rev().take(4000) {
            let again = attempt(&self.nodes[n % 2], n, proof).await;
            assert!(again.is_err(), "use {n}, {proof:?}, was granted again");
        }
    }
}

/// Connects as a service does that is started again when it could not: six servers may take longer than the deadline of a
/// claim, on a machine with other things to do.
async fn connect(settings: &RedisSettings) -> Node {
    for _ in 0..8 {
        match RedisStore::connect(settings, real_now).await {
            Err(StoreError::Deadline { .. }) => {}
            connected => return Node::new(connected.unwrap()),
        }
    }
    panic!("no connection within eight times {DEADLINE:?}")
}

async fn work(nodes: [Node; 2], worker: usize, book: Arc<Book>) {
    while !book.stop.load(Ordering::Relaxed) {
        let n = book.next.fetch_add(1, Ordering::Relaxed);
        let node = &nodes[worker % 2];
        let proof = if n.is_multiple_of(2) { Proof::Nonce(node.epoch()) } else { Proof::Made(real_now()) };
        let mut granted = 0;
        // Twice at once and once after, at either copy.
        let (one, other) = tokio::join!(attempt(&nodes[0], n, proof), attempt(&nodes[1], n, proof));
        for answer in [one, other, attempt(node, n, proof).await] {
            match answer {
                Ok(()) => granted += 1,
                Err(ClaimError::Unavailable(_)) => _ = book.refusals.fetch_add(1, Ordering::Relaxed),
                Err(ClaimError::Replayed(_) | ClaimError::EpochOver | ClaimError::Forgotten(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert!(granted <= 1, "use {n}, {proof:?}, was granted {granted} times");
        if granted == 1 {
            book.grants[n % 2].fetch_add(1, Ordering::Relaxed);
            book.granted.lock().unwrap().insert(n, proof);
        } else {
            // Nothing to gain from haste while the store is away.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Claims use `n` as a service would that was shown `proof` now.
async fn attempt(node: &Node, n: usize, proof: Proof) -> Result<(), ClaimError> {
    let now = real_now();
    let (epoch, since) = match proof {
        Proof::Nonce(epoch) => (epoch, None),
        Proof::Made(since) => (node.epoch(), Some(since)),
    };
    let used = OneTimeUse { kind: UseKind::Signature, key: sha256(&n.to_le_bytes()), since, until: now + MINUTE * 5 };
    let began = Instant::now();
    let claimed = node.claim_in(epoch, &Claim { uses: vec![used], ..Claim::default() }, now).await;
    assert!(began.elapsed() < DEADLINE + SLACK, "{:?}", began.elapsed());
    claimed.map(|_| ())
}
