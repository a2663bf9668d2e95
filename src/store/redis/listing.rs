//! Delegations, found one look after the other among everything else.
//!
//! `SCAN` promises that what is there from the beginning to the end is found. Its cursor is one server's, so a listing names
//! the master it has come to; another master in its place is another epoch, and the listing begins anew.

use ::redis::{FromRedisValue, Value};

use super::epoch::Serving;
use super::key::Keys;
use super::link::together;
use super::{failed, value};
use crate::store::delegation::DelegationKey;
use crate::store::{DelegationCursor, DelegationFilter, DelegationPage, DelegationRecord, StoreError};

/// The least and the most keys of any kind that one look is for: the most keep Redis from others for less than a millisecond.
const LOOK: (usize, usize) = (64, 1000);
/// The most looks for one page.
const LOOKS: usize = 40;

/// Some of the delegations that match.
pub(super) async fn page(
    serving: &Serving,
    keys: &Keys,
    filter: &DelegationFilter,
    from: Option<&DelegationCursor>,
    limit: usize,
) -> Result<DelegationPage, StoreError> {
    let masters = serving.masters();
    let (mut master, mut position) = match from {
        None => (0, 0),
        Some(from) => from
            .read(serving.epoch.id)
            .and_then(|(master, position)| Some((master, position.parse().ok()?)))
            .filter(|(master, _)| *master < masters.len())
            .ok_or(StoreError::Cursor)?,
    };
    let mut page = DelegationPage::default();
    let mut count = LOOK.0.max(limit);
    for _ in 0..LOOKS {
        let Some(tag) = masters.get(master) else { return Ok(page) };
        let found;
        (position, found) = look(serving, keys, *tag, position, count.min(LOOK.1)).await?;
        let records = read(serving, keys, found).await?;
        page.records.extend(records.into_iter().filter(|record| filter.matches(record)));
        if position == 0 {
            master += 1;
        }
        let room = limit.saturating_sub(page.records.len());
        if room == 0 {
            break;
        }
        // The rarer they are, the further it looks at once.
        count = if page.records.is_empty() { count.saturating_mul(2) } else { LOOK.0.max(room) };
    }
    if master < masters.len() {
        page.next = Some(DelegationCursor::new(serving.epoch.id, master, &position.to_string()));
    }
    Ok(page)
}

/// One look at the keys of one master.
async fn look(
    serving: &Serving,
    keys: &Keys,
    tag: usize,
    position: u64,
    count: usize,
) -> Result<(u64, Vec<DelegationKey>), StoreError> {
    let mut scan = ::redis::cmd("SCAN");
    scan.arg(position).arg("MATCH").arg(keys.delegations()).arg("COUNT").arg(count);
    let answer = serving.link.send_to(&keys.epoch(tag), scan).await.map_err(failed)?;
    let (position, found): (u64, Vec<Vec<u8>>) = FromRedisValue::from_redis_value(answer).map_err(|_| StoreError::Answer)?;
    Ok((position, found.iter().filter_map(|key| keys.read_delegation(key)).collect()))
}

/// What is under these keys, all asked for at once, and together those of one slot. What has just expired is left out, and so
/// is, with a word in the log, what cannot be read.
async fn read(serving: &Serving, keys: &Keys, found: Vec<DelegationKey>) -> Result<Vec<DelegationRecord>, StoreError> {
    let mut tags: Vec<(usize, Vec<DelegationKey>)> = Vec::new();
    for key in found {
        let tag = keys.tag(&key);
        match tags.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, with)) => with.push(key),
            None => tags.push((tag, vec![key])),
        }
    }
    let answers = together(tags.into_iter().map(async |(_, with)| {
        let mut get = ::redis::cmd("MGET");
        for key in &with {
            get.arg(keys.delegation(key).as_bytes());
        }
        let answer = serving.link.send(&get).await.map_err(failed)?;
        let values = Vec::<Value>::from_redis_value(answer).map_err(|_| StoreError::Answer)?;
        Ok(with.into_iter().zip(values).collect::<Vec<_>>())
    }));
    let mut records = Vec::new();
    for answer in answers.await {
        for (key, found) in answer? {
            let Value::BulkString(found) = found else { continue };
            match value::read(&key, &found) {
                Some(record) => records.push(record),
                None => tracing::warn!(delegation.id = %crate::store::delegation::id_of(&key), "a delegation cannot be read"),
            }
        }
    }
    Ok(records)
}
