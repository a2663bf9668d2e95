//! What exactly is permitted, in more words than a scope has (RFC 9396).

mod decimal;
mod detail;
mod kind;
mod rule;
#[cfg(test)]
mod tests;

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{ParseError, json};
pub use detail::{AuthorizationDetail, DetailNumber, DetailValue};
pub use kind::{DetailError, DetailType, DetailTypes};
pub use rule::FieldRule;

/// The most objects of one list.
pub const MAX_DETAILS: usize = 16;
/// The most bytes of a list, as it comes and as it is written.
const MAX_BYTES: usize = 4096;

/// `authorization_details`: 1 to 16 objects, 4,096 bytes at most, each permitting something; together they permit all of it
/// (RFC 9396 section 2).
///
/// That it parses says nothing of its meaning: which types there are, and which fields they have, [`DetailTypes`] knows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationDetails(Vec<AuthorizationDetail>);

impl AuthorizationDetails {
    /// Parses the text of the request parameter or of a claim.
    ///
    /// # Errors
    /// [`ParseError`]: not a JSON array of 1 to 16 objects with a `type`; a member twice, `null`, an empty object or list,
    /// deeper than four levels, or longer than it may be. The text of the error names places, never values.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(err("longer than 4096 bytes"));
        }
        Self::of(json::parse_value(text.as_bytes())?)
    }

    /// What a claim permits that cannot be read: nothing. It is never issued.
    pub(crate) const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// These objects; `None` if there is none, or they are too many or too long together.
    pub fn new(details: Vec<AuthorizationDetail>) -> Option<Self> {
        let is_few = (1..=MAX_DETAILS).contains(&details.len());
        let all = Self(details);
        (is_few && all.to_string().len() <= MAX_BYTES).then_some(all)
    }

    fn of(value: Value) -> Result<Self, ParseError> {
        let Value::Array(objects) = value else { return Err(err("not an array")) };
        if objects.is_empty() || objects.len() > MAX_DETAILS {
            return Err(err("not 1 to 16 objects"));
        }
        let details = objects.into_iter().map(AuthorizationDetail::of).collect::<Result<Vec<_>, _>>()?;
        Self::new(details).ok_or(err("longer than 4096 bytes"))
    }

    /// The objects, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AuthorizationDetail> {
        self.0.iter()
    }
}

/// Its JSON, names in order, as it stands in tokens.
impl fmt::Display for AuthorizationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for AuthorizationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AuthorizationDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for AuthorizationDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn err(reason: &'static str) -> ParseError {
    ParseError::value("`authorization_details`", reason)
}
