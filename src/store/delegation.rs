//! What a store knows of a delegation.

use core::fmt;
use core::str::FromStr;

use procura_token::{DelegationId, Resource, Subject, UnixTime, WorkloadId, base64url};

/// What a delegation is kept under: the first half of the hash that makes it this one.
pub(super) type DelegationKey = [u8; 16];

/// The most records a page is asked for.
pub const MAX_DELEGATION_PAGE: usize = 1000;

/// The name of the delegation known by `key`, so that whoever has either finds the same record.
pub fn delegation_id(key: &[u8; 32]) -> DelegationId {
    id_of(key.first_chunk().unwrap_or(&[0; 16]))
}

pub(super) fn id_of(key: &DelegationKey) -> DelegationId {
    DelegationId::from_random(*key)
}

/// What a delegation of that name would be kept under; `None` if no delegation has such a name.
pub(super) fn key_of(id: &DelegationId) -> Option<DelegationKey> {
    base64url::decode(id.as_str()).ok()?.try_into().ok()
}

/// A delegation that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationRecord {
    /// The name every token of this delegation carries: [`delegation_id`] of its key.
    pub id: DelegationId,
    /// The deadline no token of this delegation outlives.
    pub until: UnixTime,
    /// When it began.
    pub began: UnixTime,
    /// The user for whom it is.
    pub subject: Subject,
    /// The agent that began it.
    pub agent: WorkloadId,
    /// Where it began.
    pub target: Resource,
    /// Since when nothing of it continues, if it was revoked.
    pub revoked: Option<UnixTime>,
}

/// A delegation that begins, unless it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelegation {
    /// A SHA-256 over what makes two requests one delegation, such as subject token, agent and target.
    pub key: [u8; 32],
    /// The record if there is none.
    pub proposed: DelegationRecord,
    /// The last instant at which the same request could come again. The record is kept at least as long as its own
    /// `until`, so that forgetting it never buys time. What continues a record does not prolong its keeping.
    pub keep_until: UnixTime,
}

impl NewDelegation {
    /// The last instant at which the record must be known.
    pub(super) fn kept_until(&self) -> UnixTime {
        self.keep_until.max(self.proposed.until)
    }

    pub(super) fn key(&self) -> DelegationKey {
        self.key.first_chunk().copied().unwrap_or_default()
    }
}

/// Which delegation a request is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelegationClaim {
    /// The one of this key: known, or else begun as proposed.
    Begin(NewDelegation),
    /// The one of this name, which must have begun within the memory of the store.
    Continue(DelegationId),
}

/// Which delegations: those for which all that is given is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationFilter {
    /// The agent that began it.
    pub agent: Option<WorkloadId>,
    /// The user for whom it is.
    pub subject: Option<Subject>,
    /// Where it began.
    pub target: Option<Resource>,
}

impl DelegationFilter {
    pub(super) fn matches(&self, record: &DelegationRecord) -> bool {
        self.agent.as_ref().is_none_or(|agent| *agent == record.agent)
            && self.subject.as_ref().is_none_or(|subject| *subject == record.subject)
            && self.target.as_ref().is_none_or(|target| *target == record.target)
    }
}

/// Some of the delegations of a store, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationPage {
    /// They may be fewer than were asked for, or none, though others follow.
    pub records: Vec<DelegationRecord>,
    /// Where the others are; `None` if there are no others.
    pub next: Option<DelegationCursor>,
}

/// Where a listing goes on: a text of the store's own, which means something to it only within one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationCursor(Box<str>);

impl DelegationCursor {
    /// In place `part` of the store, at `position`.
    pub(super) fn new(epoch: u64, part: usize, position: &str) -> Self {
        Self(format!("{epoch:016x}.{part}.{position}").into())
    }

    /// The part and the position within it, if it was made in this epoch.
    pub(super) fn read(&self, epoch: u64) -> Option<(usize, &str)> {
        let (made, place) = self.0.split_once('.')?;
        let (part, position) = place.split_once('.')?;
        (made == format!("{epoch:016x}")).then_some((part.parse().ok()?, position))
    }
}

/// It is not a text that a store gave.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl FromStr for DelegationCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let is_plain = text.len() <= 80 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if is_plain { Ok(Self(text.into())) } else { Err(NotACursor) }
    }
}

impl fmt::Display for DelegationCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_delegation_and_its_key_are_one_thing() {
        let id = delegation_id(&core::array::from_fn(|place| place as u8));
        assert_eq!(id.as_str(), "AAECAwQFBgcICQoLDA0ODw");
        assert_eq!(key_of(&id), Some(core::array::from_fn(|place| place as u8)));
        for text in
            ["AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0ODw==", "x", "AAECAwQFBgcICQoLDA0ODwAA"]
        {
            assert_eq!(key_of(&text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_counts_within_its_epoch() {
        let cursor = DelegationCursor::new(7, 3, "12");
        assert_eq!(cursor.read(7), Some((3, "12")));
        assert_eq!(cursor.read(8), None);
        assert_eq!(cursor.to_string().parse::<DelegationCursor>().unwrap(), cursor);
        for text in ["a b", "\u{e9}", &"a".repeat(81)] {
            assert!(text.parse::<DelegationCursor>().is_err(), "{text}");
        }
        for text in ["", ".", "0000000000000007", "0000000000000007.x.1", "7.3.12"] {
            assert_eq!(text.parse::<DelegationCursor>().unwrap().read(7), None, "{text}");
        }
    }
}
