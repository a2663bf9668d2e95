//! How the value of a field is compared with that of the object it must be within.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::detail::{DetailValue, IDENTIFIER, LISTS};

/// How a field may be narrowed. It also says which JSON the field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldRule {
    /// A text, a number, `true` or `false`: the same.
    Equal,
    /// A number that is not negative, or a text that says one in decimal digits: the same or less.
    AtMost,
    /// A list of texts: the same or fewer.
    Subset,
}

impl FieldRule {
    /// Whether a field called `name` may have it: those that all types share have one meaning.
    pub(super) fn suits(self, name: &str) -> bool {
        match self {
            Self::Subset => name != IDENTIFIER,
            Self::Equal => !LISTS.contains(&name),
            Self::AtMost => name != IDENTIFIER && !LISTS.contains(&name),
        }
    }

    /// Whether `value` is one that the field can have.
    pub(super) fn accepts(self, value: &DetailValue) -> bool {
        match self {
            Self::Equal => !matches!(value, DetailValue::List(_)),
            Self::AtMost => at_most(value, value),
            Self::Subset => matches!(value, DetailValue::List(_)),
        }
    }

    /// Whether `value` permits nothing that `limit` does not.
    pub(super) fn is_within(self, value: &DetailValue, limit: &DetailValue) -> bool {
        match (self, value, limit) {
            (Self::Equal, ..) => self.accepts(value) && value == limit,
            (Self::AtMost, ..) => at_most(value, limit),
            (Self::Subset, DetailValue::List(list), DetailValue::List(limit)) => BTreeSet::is_subset(list, limit),
            (Self::Subset, ..) => false,
        }
    }
}

/// A number and a text that says one are not compared: who reads the one may not read the other.
fn at_most(value: &DetailValue, limit: &DetailValue) -> bool {
    let is_less = |value: &str, limit: &str| match (Decimal::parse(value), Decimal::parse(limit)) {
        (Some(value), Some(limit)) => value <= limit,
        _ => false,
    };
    match (value, limit) {
        (DetailValue::Text(value), DetailValue::Text(limit)) => is_less(value, limit),
        (DetailValue::Number(value), DetailValue::Number(limit)) => is_less(&value.to_string(), &limit.to_string()),
        _ => false,
    }
}
