//! Copies of the service as far as the store is concerned, and what they claim.

mod cluster;
mod proxy;
mod sentinel;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use procura::clock::{Clock as _, SystemClock};
use procura::store::{
    Claim, ClaimError, ClaimStore, DelegationClaim, DelegationFilter, DelegationRecord, Epoch, HeldKind, Holding, NewDelegation,
    OneTimeUse, RedisSettings, RedisStore, RedisTls, RedisTopology, StoreError, UseKind, delegation_id,
};
use procura_token::{DelegationId, UnixTime, base64url, sha256};

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
        match &mut claim.delegation {
            Some(DelegationClaim::Begin(new)) => {
                self.salt(&mut new.key);
                new.proposed.id = delegation_id(&new.key);
            }
            Some(DelegationClaim::Continue(id)) => *id = self.salted(id),
            None => {}
        }
        claim.holdings.iter_mut().for_each(|held| self.salt(&mut held.name));
        Ok(self.store.claim(&claim, now).await?.map(|record| self.unsalted(record)))
    }

    pub(crate) async fn revoke(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError> {
        Ok(self.store.revoke(&self.salted(id), now).await?.map(|record| self.unsalted(record)))
    }

    pub(crate) async fn delegation(&self, id: &DelegationId) -> Option<DelegationRecord> {
        self.store.delegation(&self.salted(id), NOW).await.unwrap().map(|record| self.unsalted(record))
    }

    /// All that match, page after page.
    pub(crate) async fn delegations(&self, filter: &DelegationFilter, limit: usize) -> Vec<DelegationRecord> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let page = self.store.delegations(filter, from.as_ref(), limit, NOW).await.unwrap();
            // The last look may bring more than there was room for.
            assert!(page.records.len() <= limit * 2 + 100, "{}", page.records.len());
            all.extend(page.records.into_iter().map(|record| self.unsalted(record)));
            from = page.next;
            if from.is_none() {
                return all;
            }
        }
    }

    pub(crate) fn store(&self) -> &dyn ClaimStore {
        &*self.store
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

    /// Salting twice is not salting.
    fn unsalted(&self, record: DelegationRecord) -> DelegationRecord {
        DelegationRecord { id: self.salted(&record.id), ..record }
    }

    fn salted(&self, id: &DelegationId) -> DelegationId {
        let Ok(mut key) = base64url::decode(id.as_str()) else { return id.clone() };
        key.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        base64url::encode(key).parse().unwrap()
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

/// A delegation of this agent, until then. It has no name until it is one that begins.
pub(crate) fn record(agent: &str, until: UnixTime) -> DelegationRecord {
    DelegationRecord {
        id: "none".parse().unwrap(),
        until,
        began: NOW,
        subject: "dev:alice".parse().unwrap(),
        agent: format!("spiffe://prod.example/agent/{agent}").parse().unwrap(),
        target: "https://api.example/calendar".parse().unwrap(),
        revoked: None,
    }
}

/// The same as it begins under this name.
pub(crate) fn named(name: &str, record: DelegationRecord) -> DelegationRecord {
    DelegationRecord { id: id(name), ..record }
}

pub(crate) fn id(name: &str) -> DelegationId {
    delegation_id(&sha256(name.as_bytes()))
}

pub(crate) fn delegation(name: &str, proposed: DelegationRecord) -> Claim {
    let (key, keep_until, proposed) = (sha256(name.as_bytes()), proposed.until, named(name, proposed));
    begin(NewDelegation { key, proposed, keep_until })
}

pub(crate) fn begin(new: NewDelegation) -> Claim {
    Claim { delegation: Some(DelegationClaim::Begin(new)), ..Claim::default() }
}

pub(crate) fn continued(name: &str) -> Claim {
    Claim { delegation: Some(DelegationClaim::Continue(id(name))), ..Claim::default() }
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
pub(crate) fn assert_revoked(claimed: Claimed) {
    assert!(matches!(claimed, Err(ClaimError::DelegationRevoked)), "{claimed:?}");
}

#[track_caller]
pub(crate) fn assert_unknown(claimed: Claimed) {
    assert!(matches!(claimed, Err(ClaimError::DelegationUnknown)), "{claimed:?}");
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
