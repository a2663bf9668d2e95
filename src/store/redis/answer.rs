//! What the claim script says.

use ::redis::Value;

use super::script::Asked;
use super::value;
use crate::store::DelegationRecord;

/// What it said.
pub(super) enum Answer {
    /// With the delegation's record if there was one.
    Granted(Option<DelegationRecord>),
    /// This one of the claim's uses is not new.
    Again(usize),
    /// This one of what the claim holds is another's.
    Held(usize),
    Over,
    /// The delegation does not go on.
    Revoked,
    /// There is no delegation to continue.
    Unknown,
}

impl Answer {
    pub(super) fn read(answer: Value, asked: &Asked) -> Option<Self> {
        match answer {
            Value::Int(0) => Some(Self::Granted(None)),
            Value::Int(-1) => Some(Self::Over),
            Value::Int(number @ ..=-2) => {
                let index = usize::try_from(-2 - number).ok()?;
                asked.holdings.get(index).map(|(.., place)| Self::Held(*place))
            }
            Value::Int(number) => {
                let index = usize::try_from(number).ok()?.checked_sub(1)?;
                asked.uses.get(index).map(|(_, _, place)| Self::Again(*place))
            }
            Value::Nil => Some(Self::Unknown),
            Value::BulkString(record) if value::is_revoked(&record) => Some(Self::Revoked),
            Value::BulkString(record) => {
                let record = value::read(&asked.delegation.as_ref()?.known_by, &record)?;
                Some(Self::Granted(Some(record)))
            }
            _ => None,
        }
    }
}
