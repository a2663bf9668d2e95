//! Delegations beyond claims: found, listed, revoked.

use ::redis::Value;
use procura_token::{DelegationId, UnixTime};

use super::epoch::{Serving, is_no_script};
use super::{RedisStore, failed, listing, script, value};
use crate::store::delegation::{DelegationKey, key_of};
use crate::store::{DelegationCursor, DelegationFilter, DelegationPage, DelegationRecord, StoreError};

impl RedisStore {
    pub(super) async fn find_delegation(&self, id: &DelegationId) -> Result<Option<DelegationRecord>, StoreError> {
        let Some(known_by) = key_of(id) else { return Ok(None) };
        let mut get = ::redis::cmd("GET");
        get.arg(self.keeper.keys.delegation(&known_by).as_bytes());
        match self.keeper.serving().await?.link.send(&get).await.map_err(failed)? {
            Value::Nil => Ok(None),
            Value::BulkString(found) => value::read(&known_by, &found).map(Some).ok_or(StoreError::Answer),
            _ => Err(StoreError::Answer),
        }
    }

    pub(super) async fn list_delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
    ) -> Result<DelegationPage, StoreError> {
        let serving = self.keeper.serving().await?;
        listing::page(&serving, &self.keeper.keys, filter, from, limit).await
    }

    /// One round trip. If the epoch is over it is tried once more in the next: what was kept is revoked there, what was not
    /// is [`StoreError::Forgot`].
    pub(super) async fn revoke_delegation(
        &self,
        id: &DelegationId,
        now: UnixTime,
    ) -> Result<Option<DelegationRecord>, StoreError> {
        let Some(known_by) = key_of(id) else { return Ok(None) };
        let serving = self.keeper.serving().await?;
        if let Some(revoked) = self.try_revoke(&serving, &known_by, now).await? {
            return Ok(revoked);
        }
        let serving = self.keeper.renewed(serving.epoch).await?;
        self.try_revoke(&serving, &known_by, now).await?.flatten().map(Some).ok_or(StoreError::Forgot)
    }

    /// Revokes in the epoch of `serving`; `None` if that is over.
    async fn try_revoke(
        &self,
        serving: &Serving,
        known_by: &DelegationKey,
        now: UnixTime,
    ) -> Result<Option<Option<DelegationRecord>>, StoreError> {
        let keys = &self.keeper.keys;
        let tag = keys.tag(known_by);
        let script = &serving.scripts.get(tag).ok_or(StoreError::Answer)?.revoke;
        let command = script::revoke(script, &keys.epoch(tag), &keys.delegation(known_by), &value::Written(now).to_string());
        match serving.link.send(&command).await {
            Ok(Value::Int(-1)) => Ok(None),
            Ok(Value::Nil) => Ok(Some(None)),
            Ok(Value::BulkString(found)) => {
                let record = value::read(known_by, &found).filter(|record| record.revoked.is_some());
                record.map(|record| Some(Some(record))).ok_or(StoreError::Answer)
            }
            Ok(_) => Err(StoreError::Answer),
            Err(error) if is_no_script(&error) => Ok(None),
            Err(error) => {
                self.keeper.doubt();
                Err(self.failure(error))
            }
        }
    }
}
