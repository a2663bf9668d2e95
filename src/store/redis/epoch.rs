//! Finding, trying and beginning epochs.
//!
//! An epoch is over when what was claimed in it may have been forgotten. Redis does not say so, but two things vanish with
//! the data, and the claim script needs both. The epoch's *record* is a key, and goes with `FLUSHALL` and the like. The
//! *script* itself is in the memory of one server process: Redis neither writes it to disk nor sends it to replicas, so a
//! server that was restarted, or promoted, or filled from a backup, does not know it. As its text names the record, and the
//! record names the master, no server knows it from another epoch or for another's keys.
//!
//! One case is left: a master that became a replica, took over another's data, and was promoted again. It knows the script,
//! and the data may lack what it had claimed. But it has a new replication id, which is compared whenever a connection is
//! made and once a second.

use core::time::Duration;
use std::sync::Arc;

use ::redis::{ErrorKind, FromRedisValue as _, RedisError, ServerErrorKind, Value};
use procura_token::{UnixTime, random_bytes};

use super::key::Keys;
use super::link::{Link, together};
use super::script::{Asked, Record, Scripts, begin, is_replication_id};
use super::{failed, fitness};
use crate::store::{Epoch, StoreError};

/// How often it is tried to agree on an epoch before the attempt counts as failed.
const ROUNDS: usize = 8;
/// Between two looks at records that do not agree: another copy may be writing them.
const PAUSE: Duration = Duration::from_millis(150);
/// What a copy that starts leaves to others, who know when their last claim was.
const OTHERS_FIRST: Duration = Duration::from_millis(1200);
/// How much the clocks of two copies may differ.
const CLOCKS: Duration = Duration::from_secs(5);

/// A link on which claims can be made, and the scripts that make them.
pub(super) struct Serving {
    pub(super) link: Link,
    pub(super) epoch: Epoch,
    /// Each tag's scripts, by their hashes.
    pub(super) scripts: Vec<Arc<Hashes>>,
    /// The record at the first tag.
    record: String,
    /// The replication id of each master, with one of its tags.
    masters: Vec<(usize, String)>,
}

/// The hashes of the scripts of one master.
pub(super) struct Hashes {
    pub(super) claim: String,
    pub(super) revoke: String,
}

/// What a copy of the service knows when it looks for an epoch.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// The last epoch it saw; `None` when it starts.
    pub(super) epoch: Option<u64>,
    /// When it last granted something; when it starts, when anything can have been granted at the latest.
    pub(super) granted: UnixTime,
    pub(super) now: UnixTime,
}

/// What trying to claim came to.
pub(super) enum Tried {
    Granted,
    /// Redis can remember nothing new.
    Full(StoreError),
    Over,
}

/// A tag as it was found.
struct Found {
    text: String,
    record: Option<Record>,
    master: String,
}

impl Serving {
    /// Finds the epoch on `link`, or begins one.
    pub(super) async fn establish(link: &Link, keys: &Keys, known: Known) -> Result<Self, StoreError> {
        let mut before: Option<Vec<String>> = None;
        for _ in 0..ROUNDS {
            let tags = survey(link, keys).await?;
            if let Some(serving) = Self::adopt(link, keys, &tags, known).await? {
                return Ok(serving);
            }
            let texts: Vec<_> = tags.iter().map(|tag| tag.text.clone()).collect();
            let is_new = known.epoch.is_none() && texts.iter().all(String::is_empty);
            // Another copy may be at it: whatever changes is left to itself.
            if (is_new || tags.len() > 1) && before.as_ref() != Some(&texts) {
                before = Some(texts);
                tokio::time::sleep(if is_new { OTHERS_FIRST } else { PAUSE }).await;
                continue;
            }
            let began = if is_new { known.granted } else { known.granted.max(known.now + CLOCKS) };
            begin_everywhere(link, keys, &tags, Epoch { id: u64::from_ne_bytes(random_bytes()), began }).await?;
            before = None;
        }
        Err(StoreError::Failed("no epoch could be agreed on with the other copies".into()))
    }

    /// Takes the epoch that all records name, if it goes on.
    async fn adopt(link: &Link, keys: &Keys, tags: &[Found], known: Known) -> Result<Option<Self>, StoreError> {
        let Some((epoch, record)) = tags.first().and_then(|tag| Some((tag.record.as_ref()?.epoch, tag.text.clone()))) else {
            return Ok(None);
        };
        let mut masters: Vec<(usize, String)> = Vec::new();
        let mut scripts: Vec<Arc<Hashes>> = Vec::new();
        for (place, tag) in tags.iter().enumerate() {
            let Some(record) = tag.record.as_ref().filter(|record| record.epoch == epoch && record.master == tag.master) else {
                return Ok(None);
            };
            match masters.iter().find(|(_, master)| *master == record.master) {
                Some((same, _)) => scripts.push(Arc::clone(&scripts[*same])),
                None => {
                    masters.push((place, record.master.clone()));
                    let Scripts { claim, revoke } = Scripts::new(record);
                    scripts.push(Arc::new(Hashes { claim: claim.hash, revoke: revoke.hash }));
                }
            }
        }
        // Begun by a copy that did not know what this one has granted since.
        let begins_too_early = known.epoch.is_some_and(|last| last != epoch.id) && epoch.began < known.granted;
        if begins_too_early {
            return Ok(None);
        }
        let serving = Self { link: link.clone(), epoch, scripts, record, masters };
        match serving.try_claims(keys).await? {
            Tried::Over => Ok(None),
            Tried::Granted | Tried::Full(_) => Ok(Some(serving)),
        }
    }

    /// Whether claims could be made now: on each tag one is, of a name that nothing else has.
    pub(super) async fn look(&self, keys: &Keys) -> Result<Tried, StoreError> {
        let ids = together(self.masters.iter().map(|(tag, _)| async {
            let mut question = ::redis::cmd("INFO");
            question.arg("replication");
            let info = self.link.send_to(&keys.epoch(*tag), question).await.map_err(failed)?;
            replication_id(&text(&info)?)
        }));
        let (ids, tried) = tokio::join!(ids, self.try_claims(keys));
        let tried = tried?;
        for (id, (_, master)) in ids.into_iter().zip(&self.masters) {
            if id? != *master {
                return Ok(Tried::Over);
            }
        }
        Ok(tried)
    }

    /// Whether the record is still what it was: enough to learn of an epoch that another copy began, not that this one
    /// goes on.
    pub(super) async fn is_recorded(&self, keys: &Keys) -> Result<bool, StoreError> {
        Ok(read(&self.link, keys, 0).await? == self.record)
    }

    /// What makes this Redis unfit, if anything does.
    pub(super) async fn verify_fitness(&self, keys: &Keys) -> Result<(), StoreError> {
        let answers = together(self.masters.iter().map(|(tag, _)| info(&self.link, keys, *tag))).await;
        answers.into_iter().collect::<Result<Vec<_>, _>>().map(|_| ())
    }

    /// One tag of each master.
    pub(super) fn masters(&self) -> Vec<usize> {
        self.masters.iter().map(|(tag, _)| *tag).collect()
    }

    async fn try_claims(&self, keys: &Keys) -> Result<Tried, StoreError> {
        let name = random_bytes();
        let answers = together(self.scripts.iter().enumerate().map(async |(tag, script)| {
            let asked = Asked { uses: vec![(keys.trial(tag, &name), 1, 0)], ..Asked::default() };
            self.link.send(&asked.command(&script.claim, &keys.epoch(tag))).await
        }));
        let mut tried = Tried::Granted;
        let mut failure = None;
        for answer in answers.await {
            match answer {
                Ok(Value::Int(0)) => {}
                Ok(Value::Int(-1)) => tried = Tried::Over,
                Ok(_) => return Err(StoreError::Answer),
                Err(error) if is_no_script(&error) => tried = Tried::Over,
                Err(error) if is_full(&error) && matches!(tried, Tried::Granted) => tried = Tried::Full(failed(error)),
                Err(error) if is_full(&error) => {}
                Err(error) => failure = Some(failed(error)),
            }
        }
        failure.map_or(Ok(tried), Err)
    }
}

/// The server does not know a script: it is not the process the epoch began on.
pub(super) fn is_no_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The server has no memory left, and may evict nothing.
pub(super) fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}

async fn survey(link: &Link, keys: &Keys) -> Result<Vec<Found>, StoreError> {
    let found = together((0..keys.tags()).map(async |tag| {
        let (text, info) = tokio::join!(read(link, keys, tag), info(link, keys, tag));
        // What is unfit may not answer, and the remedy is with the first.
        let (master, text) = (replication_id(&info?)?, text?);
        Ok(Found { record: Record::read(&text), text, master })
    }));
    found.await.into_iter().collect()
}

/// The record of a tag as it stands; nothing is the empty text.
async fn read(link: &Link, keys: &Keys, tag: usize) -> Result<String, StoreError> {
    let mut question = ::redis::cmd("GET");
    question.arg(keys.epoch(tag).as_bytes());
    match link.send(&question).await.map_err(failed)? {
        Value::Nil => Ok(String::new()),
        value => text(&value),
    }
}

/// What the master of a tag says of itself, if it is fit.
async fn info(link: &Link, keys: &Keys, tag: usize) -> Result<String, StoreError> {
    let info = text(&link.send_to(&keys.epoch(tag), ::redis::cmd("INFO")).await.map_err(failed)?)?;
    fitness::verify(&info, keys.tags() > 1).map_err(StoreError::Unfit)?;
    Ok(info)
}

fn replication_id(info: &str) -> Result<String, StoreError> {
    if fitness::field(info, "role").map_err(StoreError::Unfit)? != "master" {
        return Err(StoreError::Unfit("it became a replica".into()));
    }
    let id = fitness::field(info, "master_replid").map_err(StoreError::Unfit)?;
    if is_replication_id(id) { Ok(id.to_owned()) } else { Err(StoreError::Answer) }
}

fn text(value: &Value) -> Result<String, StoreError> {
    String::from_redis_value_ref(value).map_err(|_| StoreError::Answer)
}

/// Gives every master its scripts, then writes the records. The first tag decides between copies that do so at once: only
/// who could write there writes the others.
async fn begin_everywhere(link: &Link, keys: &Keys, tags: &[Found], epoch: Epoch) -> Result<(), StoreError> {
    let record = |tag: &Found| Record { epoch, master: tag.master.clone() };
    for (place, tag) in tags.iter().enumerate() {
        if tags.iter().take(place).any(|before| before.master == tag.master) {
            continue;
        }
        for script in Scripts::new(&record(tag)).all() {
            let mut load = ::redis::cmd("SCRIPT");
            load.arg("LOAD").arg(&script.text);
            if text(&link.send_to(&keys.epoch(place), load).await.map_err(failed)?)? != script.hash {
                return Err(StoreError::Answer);
            }
        }
    }
    let write = async |(place, tag): (usize, &Found)| {
        let answer = link.send(&begin(&keys.epoch(place), &tag.text, &record(tag))).await.map_err(failed)?;
        Ok::<_, StoreError>(answer == Value::Int(1))
    };
    let mut tags = tags.iter().enumerate();
    let Some(first) = tags.next() else { return Ok(()) };
    if write(first).await? {
        together(tags.map(write)).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(())
}
