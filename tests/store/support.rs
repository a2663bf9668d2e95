//! Copies of the service as far as the store is concerned, and what they claim.

mod cluster;
mod proxy;
mod sentinel;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use procura::clock::{Clock as _, SystemClock};
use procura::store::{
    Claim, ClaimError, ClaimStore, DelegationClaim, DelegationRecord, Epoch, HeldKind, Holding, OneTimeUse, RedisSettings,
    RedisStore, RedisTls, RedisTopology, StoreError, UseKind,
};
use procura_token::{UnixTime, sha256};

pub(crate) use self::cluster::RedisCluster;
pub(crate) use self::proxy::Proxy;
pub(crate) use self::sentinel::Watched;
pub(crate) use self::traffic::Traffic;
use crate::redis::RedisServer;

pub(crate) const ORIGIN: UnixTime = UnixTime::from_secs(0);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// When the tests claim, unless they say otherwise. No clock of any server is near it.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

pub(crate) type Claimed = Result<Option<DelegationRecord>, ClaimError>;

/// A copy of the service, as it were: what it claims, it claims in the epoch it knows.
#[derive(Clone)]
pub(crate) struct Node {
    store: Arc<dyn ClaimStore>,
    /// Keeps the keys of one test apart from those of another in the same Redis; the first byte stays, and with it the slot.
    salt: [u8; 32],
}

impl Node {
    pub(crate) fn new(store: impl ClaimStore + 'static) -> Self {
        Self { store: Arc::new(store), salt: [0; 32] }
    }

    /// The same store, where nothing was claimed yet.
    pub(crate) fn anew(&self, name: &str) -> Self {
        let mut salt = sha256(name.as_bytes());
        salt[0] = 0;
        Self { salt, ..self.clone() }
    }

    /// Connects with a deadline that a busy machine keeps as well.
    pub(crate) async fn connect(settings: &RedisSettings) -> Self {
        Self::new(RedisStore::connect(&patient(settings), || NOW).await.unwrap())
    }

    pub(crate) async fn claim(&self, claim: &Claim, now: UnixTime) -> Claimed {
        self.claim_in(self.epoch(), claim, now).await
    }

    pub(crate) async fn claim_in(&self, epoch: Epoch, claim: &Claim, now: UnixTime) -> Claimed {
        let mut claim = Claim { epoch: epoch.id, ..claim.clone() };
        claim.uses.iter_mut().for_each(|used| self.salt(&mut used.key));
        claim.delegation.iter_mut().for_each(|delegation| self.salt(&mut delegation.key));
        claim.holdings.iter_mut().for_each(|held| self.salt(&mut held.name));
        self.store.claim(&claim, now).await
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.store.epoch()
    }

    pub(crate) async fn current_epoch(&self) -> Result<Epoch, StoreError> {
        self.store.current_epoch().await
    }

    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }

    fn salt(&self, key: &mut [u8; 32]) {
        key.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
    }
}

/// Two of them that look at the same claims.
pub(crate) type Copies = (Node, Node);

/// What connects to `topology` as the first copy of a service.
pub(crate) fn settings(topology: RedisTopology) -> RedisSettings {
    let timeout = RedisSettings::DEFAULT_TIMEOUT;
    RedisSettings { topology, password: None, tls: RedisTls::default(), prefix: "test".into(), timeout, began: ORIGIN }
}

pub(crate) fn single(server: &RedisServer) -> RedisSettings {
    settings(RedisTopology::Single { url: server.url() })
}

fn patient(settings: &RedisSettings) -> RedisSettings {
    RedisSettings { timeout: Duration::from_secs(5), ..settings.clone() }
}

/// The time of day, where the servers' clocks must be near.
pub(crate) fn real_now() -> UnixTime {
    SystemClock.now()
}

pub(crate) fn uses(uses: &[(UseKind, &str)]) -> Claim {
    let used = |&(kind, name): &(UseKind, &str)| one_use(kind, sha256(name.as_bytes()));
    Claim { uses: uses.iter().map(used).collect(), ..Claim::default() }
}

pub(crate) fn one_use(kind: UseKind, key: [u8; 32]) -> OneTimeUse {
    OneTimeUse { kind, key, since: None, until: NOW + MINUTE }
}

pub(crate) fn proof(name: &str) -> Claim {
    uses(&[(UseKind::DpopProof, name)])
}

/// A use without a nonce.
pub(crate) fn since(name: &str, since: UnixTime) -> Claim {
    let mut claim = uses(&[(UseKind::Wpt, name)]);
    claim.uses[0].since = Some(since);
    claim
}

pub(crate) fn record(id: &str, until: UnixTime) -> DelegationRecord {
    DelegationRecord { id: id.parse().unwrap(), until }
}

pub(crate) fn delegation(name: &str, proposed: DelegationRecord) -> Claim {
    let keep_until = proposed.until;
    let delegation = DelegationClaim { key: sha256(name.as_bytes()), proposed, keep_until };
    Claim { delegation: Some(delegation), ..Claim::default() }
}

pub(crate) fn held(key: &str, holder: &str, until: UnixTime) -> Claim {
    Claim { holdings: vec![holding(HeldKind::Key, key, holder, until)], ..Claim::default() }
}

pub(crate) fn holding(kind: HeldKind, name: &str, holder: &str, until: UnixTime) -> Holding {
    Holding { kind, name: sha256(name.as_bytes()), holder: sha256(holder.as_bytes()), until }
}

#[track_caller]
pub(crate) fn assert_replayed(claimed: Claimed, kind: UseKind) {
    assert!(matches!(claimed, Err(ClaimError::Replayed(replayed)) if replayed == kind), "{claimed:?}");
}

#[track_caller]
pub(crate) fn assert_unavailable(claimed: Claimed) {
    assert!(matches!(claimed, Err(ClaimError::Unavailable(_))), "{claimed:?}");
}

/// A deadline is kept if the answer comes in a small multiple of it: never waiting is what counts, not milliseconds.
pub(crate) async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(12), answer).await.expect("an answer within the deadline")
}

pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), polling)
        .await
        .unwrap_or_else(|_| panic!("in a minute it never came true: {what}"));
}
