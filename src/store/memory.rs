//! The store of a single process.

mod records;
mod shard;

use async_trait::async_trait;
use procura_token::{Claimed, DelegationId, ReplayMemory, ReplayMemoryFull, UnixTime, random_bytes};

use self::records::{Found, Records, short};
use self::shard::Short;
use super::delegation::key_of;
use super::health::{Condition, Health};
use super::{
    Claim, ClaimError, ClaimStore, DelegationClaim, DelegationCursor, DelegationFilter, DelegationPage, DelegationRecord, Epoch,
    Holding, MAX_DELEGATION_PAGE, OneTimeUse, StoreError, UseKind,
};

/// After how many delegations that were looked at a page ends.
const MOST_SEEN: usize = 20_000;

/// Keeps claims in the memory of this process: for one copy of the service, and lost when it ends.
///
/// It holds at most `capacity` uses, as many delegations and as many holders, and refuses rather than forgets when it is
/// full. A use costs 40 to 75 bytes, a delegation some 500 with its names, a holder some 110. Many that end at
/// once leave a few at a time, so that no claim waits for them.
///
/// It never reads the clock. If `now` goes backwards, nothing remembered is forgotten, and what could already have been
/// forgotten is refused.
#[derive(Debug)]
pub struct MemoryStore {
    epoch: Epoch,
    uses: ReplayMemory,
    delegations: Records<DelegationRecord>,
    holders: Records<[u8; 32]>,
    capacity: usize,
    health: Health,
}

impl MemoryStore {
    /// An empty store. Memory is taken as entries come.
    ///
    /// Nothing that a store of this service granted before may have been granted after `began`: the time of the last event
    /// in the audit log, or [`UnixTime`] 0 if there never was one.
    ///
    /// # Panics
    /// As [`random_bytes`].
    pub fn new(capacity: usize, began: UnixTime) -> Self {
        let (delegations, holders) = (Records::new(capacity), Records::new(capacity));
        let epoch = Epoch { id: u64::from_ne_bytes(random_bytes()), began };
        Self { epoch, uses: ReplayMemory::new(capacity), delegations, holders, capacity, health: Health::new() }
    }

    fn use_once(&self, used: &OneTimeUse, now: UnixTime) -> Result<(), ClaimError> {
        match self.uses.claim(&name(used.kind, &used.key), used.until, now) {
            Ok(Claimed::First) => Ok(()),
            Ok(Claimed::Again) => Err(ClaimError::Replayed(used.kind)),
            Err(ReplayMemoryFull { capacity }) => Err(StoreError::Full { capacity }.into()),
        }
    }

    fn hold(&self, held: &Holding, now: UnixTime) -> Result<(), ClaimError> {
        let name = holding_name(held);
        match self.holders.enter(name, &held.holder, held.until, now, |holder| *holder == held.holder)? {
            Found::Known(holder) if holder == held.holder => Ok(()),
            Found::New => Ok(()),
            Found::Known(_) | Found::Forgotten => Err(ClaimError::HeldByAnother(held.kind)),
        }
    }

    fn is_held_by_another(&self, held: &Holding, now: UnixTime) -> bool {
        self.holders.find(holding_name(held), now).is_some_and(|holder| holder != held.holder)
    }

    /// Looked at once more as it is made known: of a revocation and a claim at once, one comes first.
    fn begin_or_continue(&self, claim: &DelegationClaim, now: UnixTime) -> Result<DelegationRecord, ClaimError> {
        let record = match claim {
            DelegationClaim::Begin(new) => {
                match self.delegations.enter(new.key(), &new.proposed, new.kept_until(), now, |_| false)? {
                    Found::New => new.proposed.clone(),
                    Found::Known(record) => record,
                    Found::Forgotten => return Err(ClaimError::DelegationOver),
                }
            }
            DelegationClaim::Continue(id) => self.find(id, now).ok_or(ClaimError::DelegationUnknown)?,
        };
        if record.revoked.is_some() { Err(ClaimError::DelegationRevoked) } else { Ok(record) }
    }

    fn find(&self, id: &DelegationId, now: UnixTime) -> Option<DelegationRecord> {
        self.delegations.find(key_of(id)?, now)
    }

    fn verify_goes_on(&self, claim: &DelegationClaim, now: UnixTime) -> Result<(), ClaimError> {
        let is_revoked = |key| self.delegations.with(key, now, |record| record.revoked.is_some());
        let is_revoked = match claim {
            DelegationClaim::Begin(new) => is_revoked(new.key()).unwrap_or(false),
            DelegationClaim::Continue(id) => key_of(id).and_then(is_revoked).ok_or(ClaimError::DelegationUnknown)?,
        };
        if is_revoked { Err(ClaimError::DelegationRevoked) } else { Ok(()) }
    }
}

impl MemoryStore {
    fn grant(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        claim.verify_times(self.epoch, now)?;
        claim.delegation.as_ref().map_or(Ok(()), |delegation| self.verify_goes_on(delegation, now))?;
        // Looked at first, so that a claim refused for one use burns no other; claimed then, so that of two at once one wins.
        if let Some(used) = claim.uses.iter().find(|used| self.uses.remembers(&name(used.kind, &used.key), now)) {
            return Err(ClaimError::Replayed(used.kind));
        }
        if let Some(held) = claim.holdings.iter().find(|held| self.is_held_by_another(held, now)) {
            return Err(ClaimError::HeldByAnother(held.kind));
        }
        claim.holdings.iter().try_for_each(|held| self.hold(held, now))?;
        claim.uses.iter().try_for_each(|used| self.use_once(used, now))?;
        claim.delegation.as_ref().map(|delegation| self.begin_or_continue(delegation, now)).transpose()
    }

    /// One part after the other, the keys of each in order.
    fn list(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
        now: UnixTime,
    ) -> Result<DelegationPage, StoreError> {
        let (mut part, mut after) = match from {
            Some(from) => place(from.read(self.epoch.id).ok_or(StoreError::Cursor)?).ok_or(StoreError::Cursor)?,
            None => (0, None),
        };
        let mut page = DelegationPage::default();
        let mut seen = 0;
        while part < self.delegations.parts() {
            let room = limit - page.records.len();
            let (found, looked_at) = self.delegations.some(part, after.as_ref(), room, now, |record| filter.matches(record));
            seen += looked_at;
            let last = found.last().map(|(key, _)| *key);
            let is_full = found.len() == room;
            page.records.extend(found.into_iter().map(|(_, record)| record));
            if is_full {
                page.next = last.map(|key| DelegationCursor::new(self.epoch.id, part, &hex(&key)));
                break;
            }
            (part, after) = (part + 1, None);
            if seen >= MOST_SEEN && part < self.delegations.parts() {
                page.next = Some(DelegationCursor::new(self.epoch.id, part, ""));
                break;
            }
        }
        Ok(page)
    }

    /// At the limit some claims find room and some do not: it counts as full until a tenth is free.
    fn has_room(&self) -> bool {
        let most = self.capacity - self.capacity / 10;
        [self.uses.len(), self.delegations.len(), self.holders.len()].into_iter().all(|entries| entries < most)
    }
}

#[async_trait]
impl ClaimStore for MemoryStore {
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        let granted = self.grant(claim, now);
        match &granted {
            Err(ClaimError::Unavailable(cause)) => self.health.note(Condition::Full, cause),
            _ if self.health.condition() == Condition::Full && self.has_room() => self.health.serves(),
            _ => {}
        }
        granted
    }

    async fn delegation(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError> {
        Ok(self.find(id, now))
    }

    async fn delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
        now: UnixTime,
    ) -> Result<DelegationPage, StoreError> {
        self.list(filter, from, limit.clamp(1, MAX_DELEGATION_PAGE), now)
    }

    async fn revoke(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError> {
        let revoke = |record: &mut DelegationRecord| {
            record.revoked.get_or_insert(now);
            record.clone()
        };
        Ok(key_of(id).and_then(|key| self.delegations.with(key, now, revoke)))
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    async fn current_epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.epoch)
    }

    /// Always: a full store is not down, it refuses what is new until something expires.
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What is held, in the memory: fifteen bytes of the hash, and the kind.
fn holding_name(held: &Holding) -> Short {
    let mut name = short(&held.name);
    name[15] = held.kind.letter();
    name
}

/// A use's key in the memory, which looks at 16 bytes: fifteen of the hash, and the kind.
const fn name(kind: UseKind, key: &[u8; 32]) -> [u8; 32] {
    let mut name = *key;
    name[15] = kind.letter();
    name
}

/// Where in the memory a listing goes on: a part, and the key of the last delegation that was listed of it.
fn place((part, position): (usize, &str)) -> Option<(usize, Option<Short>)> {
    if position.is_empty() {
        return Some((part, None));
    }
    let key = u128::from_str_radix(position, 16).ok().filter(|_| position.len() == 32)?;
    Some((part, Some(key.to_be_bytes())))
}

fn hex(key: &Short) -> String {
    format!("{:032x}", u128::from_be_bytes(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::HeldKind;
    use procura_token::sha256;

    const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

    fn later(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    fn held(name: u8, holder: u8, until: UnixTime) -> Holding {
        Holding { kind: HeldKind::Key, name: [name; 32], holder: [holder; 32], until }
    }

    #[test]
    fn a_prolonged_record_outlives_its_first_time_and_not_its_last() {
        let store = MemoryStore::new(10, UnixTime::from_secs(0));
        store.hold(&held(1, 1, later(60)), NOW).unwrap();
        store.hold(&held(1, 1, later(120)), NOW).unwrap();
        // It never gets shorter.
        store.hold(&held(1, 1, later(90)), NOW).unwrap();
        for seconds in [61, 120] {
            let refused = store.hold(&held(1, 2, later(300)), later(seconds));
            assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Key))), "{seconds}");
        }
        store.hold(&held(1, 2, later(300)), later(121)).unwrap();
    }

    #[test]
    fn full_records_serve_again_once_one_expired_in_any_shard() {
        let records = Records::new(100);
        let enter = |n: u32, until, now| records.enter(short(&sha256(&n.to_le_bytes())), &n, until, now, |_| false);
        for n in 0..100 {
            assert!(matches!(enter(n, later(60), NOW), Ok(Found::New)));
        }
        assert!(matches!(enter(100, later(60), NOW), Err(StoreError::Full { capacity: 100 })));
        for n in 100..200 {
            assert!(matches!(enter(n, later(120), later(61)), Ok(Found::New)), "{n}");
        }
    }
}
