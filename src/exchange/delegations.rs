//! What operators see of delegations, and how they end one.

use std::net::IpAddr;

use procura_token::{DelegationId, Resource, Subject, UnixTime, WorkloadId};
use serde::Serialize;

use super::Exchange;
use crate::audit::{AuditError, Event, EventKind, Outcome};
use crate::store::{DelegationCursor, DelegationFilter, DelegationRecord, StoreError};
use crate::trust::rfc3339;

/// After how many revocations, and after how many pages of the store, one call leaves the rest to the next.
const MOST: (usize, usize) = (500, 50);

/// A delegation as operators see it.
#[derive(Clone, Debug, Serialize)]
pub struct DelegationView {
    /// Its name, which all its tokens carry.
    pub id: DelegationId,
    /// `active`, `ended` when its deadline has passed, or `revoked`.
    pub state: &'static str,
    /// The user for whom it is: `<issuer alias>:<subject>`.
    pub user: Subject,
    /// The agent that began it.
    pub agent: WorkloadId,
    /// Where it began.
    pub target: Resource,
    /// When it began.
    pub began: String,
    /// Its deadline.
    pub until: String,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

impl DelegationView {
    fn new(record: DelegationRecord, now: UnixTime) -> Self {
        let state = match record.revoked {
            Some(_) => "revoked",
            None if record.until < now => "ended",
            None => "active",
        };
        Self {
            id: record.id,
            state,
            user: record.subject,
            agent: record.agent,
            target: record.target,
            began: rfc3339(record.began),
            until: rfc3339(record.until),
            revoked: record.revoked.map(rfc3339),
        }
    }
}

/// Some delegations.
#[derive(Clone, Debug, Serialize)]
pub struct DelegationList {
    /// Those found so far, in no order.
    pub delegations: Vec<DelegationView>,
    /// Where the others are; absent if there are no others.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub cursor: Option<DelegationCursor>,
    /// Since when the store remembers: what began or was revoked before may be forgotten. Absent if there is no before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_since: Option<String>,
}

/// Delegations that were revoked together.
#[derive(Clone, Debug, Serialize)]
pub struct RevokedDelegations {
    /// Those that were not revoked before.
    pub delegations: Vec<DelegationView>,
    /// How many these are.
    pub revoked: usize,
    /// How many more matched and were revoked already.
    pub revoked_before: usize,
    /// Where those are that were not looked at; absent if all were.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub cursor: Option<DelegationCursor>,
}

fn as_text<S: serde::Serializer>(cursor: &Option<DelegationCursor>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&cursor.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// An operator's word that delegations end.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Where the word came from.
    pub source: IpAddr,
}

/// Why an operator was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// There is no such delegation, or it is forgotten.
    #[error("nothing is known of that delegation")]
    Unknown,
    /// The place in the listing is not one of this memory of the store.
    #[error("the cursor is of no use any more")]
    Cursor,
    /// The store lost its memory meanwhile: what it does not know may have gone with it.
    #[error("the store lost its memory meanwhile")]
    Forgot,
    /// The store cannot be asked. What was to be revoked may be.
    #[error("store: {0}")]
    Store(#[source] StoreError),
    /// What is revoked stays so, but the event could not be made durable.
    #[error("revoked, but not recorded: {0}")]
    Audit(#[source] AuditError),
}

impl From<StoreError> for DelegationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => Self::Cursor,
            StoreError::Forgot => Self::Forgot,
            other => Self::Store(other),
        }
    }
}

impl Exchange {
    /// Some delegations that match `filter`, from where `from` says: about `limit`.
    ///
    /// # Errors
    /// [`DelegationError`].
    pub async fn list_delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        limit: usize,
        now: UnixTime,
    ) -> Result<DelegationList, DelegationError> {
        let page = self.store.delegations(filter, from, limit, now).await?;
        let began = self.store.epoch().began;
        Ok(DelegationList {
            delegations: page.records.into_iter().map(|record| DelegationView::new(record, now)).collect(),
            cursor: page.next,
            known_since: (began > UnixTime::from_secs(0)).then(|| rfc3339(began)),
        })
    }

    /// One delegation.
    ///
    /// # Errors
    /// [`DelegationError`].
    pub async fn show_delegation(&self, id: &DelegationId, now: UnixTime) -> Result<DelegationView, DelegationError> {
        let record = self.store.delegation(id, now).await?.ok_or(DelegationError::Unknown)?;
        Ok(DelegationView::new(record, now))
    }

    /// Ends one delegation: no exchange that begins after this returns continues it, at any copy. First the store knows,
    /// then the audit log. Doing it again changes nothing and is recorded again.
    ///
    /// # Errors
    /// [`DelegationError`].
    pub async fn revoke_delegation(
        &self,
        id: &DelegationId,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<RevokedDelegations, DelegationError> {
        let record = self.store.revoke(id, now).await?.ok_or(DelegationError::Unknown)?;
        self.audit.record(event(&record, revocation, now)).await.map_err(DelegationError::Audit)?;
        let is_new = record.revoked == Some(now);
        Ok(RevokedDelegations {
            delegations: vec![DelegationView::new(record, now)],
            revoked: usize::from(is_new),
            revoked_before: usize::from(!is_new),
            cursor: None,
        })
    }

    /// Ends delegations that match `filter`, from where `from` says, as [`Exchange::revoke_delegation`] does one: some hundreds at
    /// most. What was revoked before is counted and left alone.
    ///
    /// # Errors
    /// [`DelegationError`]; what was revoked until then stays so and is recorded.
    pub async fn revoke_delegations(
        &self,
        filter: &DelegationFilter,
        from: Option<&DelegationCursor>,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<RevokedDelegations, DelegationError> {
        let (mut from, mut revoked, mut revoked_before) = (from.cloned(), Vec::new(), 0);
        let mut pages = 0;
        let ended = loop {
            let page = match self.store.delegations(filter, from.as_ref(), MOST.0, now).await {
                Ok(page) => page,
                Err(error) => break Err(error),
            };
            let (before, active): (Vec<_>, Vec<_>) = page.records.into_iter().partition(|record| record.revoked.is_some());
            revoked_before += before.len();
            if let Err(error) = self.revoke_each(active, &mut revoked, now).await {
                break Err(error);
            }
            (from, pages) = (page.next, pages + 1);
            if from.is_none() || revoked.len() >= MOST.0 || pages >= MOST.1 {
                break Ok(());
            }
        };
        let events = revoked.iter().map(|record| event(record, revocation, now));
        self.audit.record_all(events).await.map_err(DelegationError::Audit)?;
        ended?;
        Ok(RevokedDelegations {
            revoked: revoked.len(),
            delegations: revoked.into_iter().map(|record| DelegationView::new(record, now)).collect(),
            revoked_before,
            cursor: from,
        })
    }

    /// Notes each in `revoked` as soon as the store knows. What has expired meanwhile needs nothing.
    async fn revoke_each(
        &self,
        records: Vec<DelegationRecord>,
        revoked: &mut Vec<DelegationRecord>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        for record in records {
            revoked.extend(self.store.revoke(&record.id, now).await?);
        }
        Ok(())
    }
}

fn event(record: &DelegationRecord, revocation: &Revocation, now: UnixTime) -> Event {
    Event {
        outcome: Outcome::Granted,
        caller_credential: Some("admin-token"),
        subject_id: Some(record.subject.clone()),
        actor_id: Some(record.agent.clone()),
        target: Some(record.target.clone()),
        delegation_id: Some(record.id.clone()),
        delegation_until: Some(record.until),
        revocation_reason: revocation.reason.clone(),
        source_address: Some(revocation.source),
        ..Event::new(EventKind::DelegationRevoke, now)
    }
}
