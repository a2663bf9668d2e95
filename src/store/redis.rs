//! The store many copies share: Redis 7.0 or later, as one server, with Sentinels, or as a cluster.

mod answer;
mod delegation;
mod epoch;
mod fitness;
mod keeper;
mod key;
mod link;
mod listing;
mod script;
mod settings;
mod value;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use ::redis::{RedisError, RedisResult};
use async_trait::async_trait;
use procura_token::{DelegationId, UnixTime};
use tokio::task::AbortHandle;

use self::answer::Answer;
use self::epoch::{Serving, Tried, is_full, is_no_script};
use self::keeper::Keeper;
use self::key::Keys;
use self::link::together;
use self::script::{Asked, AskedDelegation};
pub use self::settings::{RedisSettings, RedisTls, RedisTopology};
use super::delegation::key_of;
use super::{
    Claim, ClaimError, ClaimStore, DelegationClaim, DelegationCursor, DelegationFilter, DelegationPage, DelegationRecord, Epoch,
    MAX_DELEGATION_PAGE, StoreError,
};

/// Keeps claims in Redis, for any number of copies of the service.
///
/// A claim is one `EVALSHA`: one round trip on a connection that all requests share, and all or nothing. In a cluster it is
/// one for each slot its keys lie in, all at once, and all or nothing for each. A use costs at most 120 bytes of Redis.
///
/// It never waits longer than the deadline of its settings. A claim that was sent and not answered may or may not have
/// been made. A lost connection is made anew by itself; until then claims are refused at once. That Redis was lost, is back,
/// is full, or has begun a new epoch, is logged and counted once.
///
/// # Not done
/// It does not wait for replicas. A master that is cut off from Sentinels or cluster, but not from some copies of the
/// service, may grant claims beside its successor for a while. Uses with a nonce are safe even then, for the two are
/// different epochs; for the others set `min-replicas-to-write` in Redis.
pub struct RedisStore {
    keeper: Arc<Keeper>,
    task: AbortHandle,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Keeper { keys, deadline, health, .. } = &*self.keeper;
        f.debug_struct("RedisStore").field("keys", keys).field("deadline", deadline).field("health", health).finish()
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RedisStore {
    /// Connects, and makes sure that this Redis keeps what it is given: primaries of version 7.0 or later that evict nothing
    /// when their memory is full. `now` is asked when an epoch begins.
    ///
    /// A Redis without a trace of this service is watched for a second before the first epoch is begun: a copy that runs
    /// already knows better than a new one since when things may be forgotten.
    ///
    /// # Errors
    /// [`StoreError::Settings`], [`StoreError::Unfit`] with the remedy, or why there is no answer. It does not retry.
    pub async fn connect(
        settings: &RedisSettings,
        now: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let keys = Keys::new(&settings.prefix, settings.is_cluster());
        let keeper = Keeper::connect(settings.place()?, keys, settings.timeout, settings.began, Arc::new(now)).await?;
        let keeper = Arc::new(keeper);
        let task = tokio::spawn(Arc::clone(&keeper).keep()).abort_handle();
        Ok(Self { keeper, task })
    }

    async fn attempt(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        let serving = self.keeper.serving().await?;
        claim.verify_times(serving.epoch, now)?;
        let answers = match &*self.asked(claim, now)? {
            [] => return Ok(None),
            [(tag, asked)] => vec![self.ask(&serving, *tag, asked).await],
            several => together(several.iter().map(|(tag, asked)| self.ask(&serving, *tag, asked))).await,
        };
        let mut record = None;
        let mut unavailable = None;
        for answer in answers {
            match answer {
                Ok(Answer::Granted(known)) => record = record.or(known),
                Ok(Answer::Again(place)) => {
                    return Err(claim.uses.get(place).map_or(StoreError::Answer.into(), |used| ClaimError::Replayed(used.kind)));
                }
                Ok(Answer::Held(place)) => {
                    let held = claim.holdings.get(place);
                    return Err(held.map_or(StoreError::Answer.into(), |held| ClaimError::HeldByAnother(held.kind)));
                }
                Ok(Answer::Revoked) => return Err(ClaimError::DelegationRevoked),
                Ok(Answer::Unknown) => return Err(ClaimError::DelegationUnknown),
                Ok(Answer::Over) => {
                    self.keeper.renewed(serving.epoch).await?;
                    return Err(ClaimError::EpochOver);
                }
                Err(error) => unavailable = Some(error),
            }
        }
        if let Some(error) = unavailable {
            return Err(error.into());
        }
        self.keeper.note_grant(now);
        match &claim.delegation {
            None => Ok(None),
            Some(DelegationClaim::Begin(new)) => Ok(Some(record.unwrap_or_else(|| new.proposed.clone()))),
            Some(DelegationClaim::Continue(_)) => record.map(Some).ok_or(StoreError::Answer.into()),
        }
    }

    /// What each tag is asked for. A name that no delegation has is the name of none.
    fn asked(&self, claim: &Claim, now: UnixTime) -> Result<Vec<(usize, Asked)>, ClaimError> {
        let keys = &self.keeper.keys;
        let delegation = match &claim.delegation {
            Some(DelegationClaim::Begin(new)) => Some((new.key(), Some(new))),
            Some(DelegationClaim::Continue(id)) => Some((key_of(id).ok_or(ClaimError::DelegationUnknown)?, None)),
            None => None,
        };
        let mut tags: Vec<(usize, Asked)> = Vec::with_capacity(1);
        let mut at = |hash: &[u8], ask: &mut dyn FnMut(&mut Asked)| {
            let tag = keys.tag(hash);
            match tags.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, asked)) => ask(asked),
                None => {
                    let mut asked = Asked::default();
                    ask(&mut asked);
                    tags.push((tag, asked));
                }
            }
        };
        for (place, used) in claim.uses.iter().enumerate() {
            at(&used.key, &mut |asked| asked.uses.push((keys.used(used.kind, &used.key), ttl(used.until, now), place)));
        }
        if let Some((known_by, begin)) = delegation {
            at(&known_by, &mut |asked| {
                let begin = begin.map(|new| (value::write(&new.proposed, claim.epoch), ttl(new.kept_until(), now)));
                asked.delegation = Some(AskedDelegation { known_by, key: keys.delegation(&known_by), begin });
            });
        }
        for (place, held) in claim.holdings.iter().enumerate() {
            at(&held.name, &mut |asked| {
                let holder = held.holder.first_chunk().copied().unwrap_or_default();
                asked.holdings.push((keys.holder(held.kind, &held.name), holder, ttl(held.until, now), place));
            });
        }
        Ok(tags)
    }

    async fn ask(&self, serving: &Serving, tag: usize, asked: &Asked) -> Result<Answer, StoreError> {
        let script = &serving.scripts.get(tag).ok_or(StoreError::Answer)?.claim;
        match serving.link.send(&asked.command(script, &self.keeper.keys.epoch(tag))).await {
            Ok(answer) => Answer::read(answer, asked).ok_or(StoreError::Answer),
            Err(error) if is_no_script(&error) => Ok(Answer::Over),
            Err(error) if is_full(&error) => {
                let error = failed(error);
                self.keeper.note_full(&error);
                Err(error)
            }
            Err(error) => {
                self.keeper.doubt();
                Err(self.failure(error))
            }
        }
    }

    fn failure(&self, error: RedisError) -> StoreError {
        if error.is_timeout() { StoreError::Deadline { deadline: self.keeper.deadline } } else { failed(error) }
    }

    /// Bounds an answer; one that is late raises the question whether Redis is still there.
    async fn in_time<T, E: From<StoreError>>(&self, answer: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let deadline = self.keeper.deadline;
        tokio::time::timeout(deadline, answer).await.unwrap_or_else(|_| {
            self.keeper.doubt();
            Err(StoreError::Deadline { deadline }.into())
        })
    }
}

#[async_trait]
impl ClaimStore for RedisStore {
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        self.in_time(self.attempt(claim, now)).await
    }

    async fn delegation(&self, id: &DelegationId, _: UnixTime) -> Result<Option<DelegationRecord>, StoreError> {
        self.in_time(self.find_delegation(id)).await
    }

    async fn delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
        _: UnixTime,
    ) -> Result<DelegationPage, StoreError> {
        self.in_time(self.list_delegations(filter, from, limit.clamp(1, MAX_DELEGATION_PAGE))).await
    }

    async fn revoke(&self, id: &DelegationId, now: UnixTime) -> Result<Option<DelegationRecord>, StoreError> {
        self.in_time(self.revoke_delegation(id, now)).await
    }

    fn epoch(&self) -> Epoch {
        self.keeper.epoch()
    }

    /// Asks for the epoch's record: one round trip. That the epoch is over without a trace, only a claim would tell.
    async fn current_epoch(&self) -> Result<Epoch, StoreError> {
        let current = async {
            let serving = self.keeper.serving().await?;
            if serving.is_recorded(&self.keeper.keys).await? {
                return Ok(serving.epoch);
            }
            self.keeper.renewed(serving.epoch).await.map(|serving| serving.epoch)
        };
        self.in_time(current).await
    }

    /// Asks Redis, and makes sure again that it is fit: what answers may be another one than at the start.
    async fn ready(&self) -> Result<(), StoreError> {
        let ready = async {
            let serving = self.keeper.serving().await?;
            serving.verify_fitness(&self.keeper.keys).await?;
            match serving.look(&self.keeper.keys).await? {
                Tried::Granted => Ok(()),
                Tried::Full(cause) => Err(cause),
                Tried::Over => self.keeper.renewed(serving.epoch).await.map(|_| ()),
            }
        };
        self.in_time(ready).await
    }
}

/// Milliseconds from `now` through `until`: rounded up, at least 1, at most what Redis can add to its clock.
fn ttl(until: UnixTime, now: UnixTime) -> u64 {
    const CENTURY: u128 = 100 * 365 * 86_400_000;
    let millis = until.since(now).as_nanos().div_ceil(1_000_000).clamp(1, CENTURY);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

async fn within<T>(deadline: Duration, answer: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(Err(error)) if error.is_timeout() => Err(StoreError::Deadline { deadline }),
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(StoreError::Deadline { deadline }),
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_rounded_up_and_never_zero() {
        let now = UnixTime::from_secs(100);
        for (until, millis) in [
            (now, 1),
            (now + Duration::from_nanos(1), 1),
            (now + Duration::from_micros(1_001), 2),
            (UnixTime::from_secs(165), 65_000),
            (UnixTime::new(Duration::MAX), 3_153_600_000_000),
        ] {
            assert_eq!(ttl(until, now), millis, "{until:?}");
        }
    }
}
