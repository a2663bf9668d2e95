//! One object of the list.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::err;
use crate::{ParseError, Resource};

/// The most bytes of a `type`, of the name of a member, and of a text.
const MAX_LENGTH: (usize, usize, usize) = (256, 64, 1024);
/// The most fields of an object, those of objects within counted one by one, and the most entries of a list.
const MAX_COUNT: usize = 64;
/// How deep objects may nest.
const MAX_NESTING: usize = 4;

/// The fields that any type may have and that are lists (RFC 9396 section 2.2).
pub(super) const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];
/// The one that is a text.
pub(super) const IDENTIFIER: &str = "identifier";

/// One permission: of a type, limited by its fields. What a field does not mention is not limited by it.
///
/// A field of an object within has the names of both, with a dot: `instructedAmount.currency`. Texts are compared as they are,
/// code point by code point (RFC 9396 section 12).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationDetail {
    kind: Box<str>,
    fields: BTreeMap<String, DetailValue>,
}

/// The value of a field. Other JSON is not accepted: `null`, and lists of anything but texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum DetailValue {
    /// 1 to 1,024 bytes without control characters.
    Text(String),
    /// A whole number.
    Number(DetailNumber),
    /// `true` or `false`.
    Flag(bool),
    /// 1 to 64 texts, whose order and repetition mean nothing.
    List(BTreeSet<String>),
}

/// What a whole number stays below, either way.
const MAX_NUMBER: u64 = 1 << 53;

/// A whole number between -2^53 and 2^53: what any two readers of JSON read alike (RFC 7493 section 2.2). Others are written as
/// texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DetailNumber(Number);

/// As JSON has it.
impl fmt::Display for DetailNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text as it is; other values as JSON.
impl fmt::Display for DetailValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::List(list) => f.write_str(&serde_json::to_string(list).map_err(|_| fmt::Error)?),
        }
    }
}

impl DetailValue {
    fn of(value: Value) -> Result<Self, ParseError> {
        match value {
            Value::String(text) => Self::text(text).map(Self::Text),
            Value::Number(number) if number.as_i64().is_some_and(|number| number.unsigned_abs() < MAX_NUMBER) => {
                Ok(Self::Number(DetailNumber(number)))
            }
            Value::Number(_) => Err(err("a number is not whole, or not below 2^53: write it as a text")),
            Value::Bool(flag) => Ok(Self::Flag(flag)),
            Value::Array(entries) if entries.is_empty() || entries.len() > MAX_COUNT => {
                Err(err("a list has not 1 to 64 entries"))
            }
            Value::Array(entries) => {
                let texts = entries.into_iter().map(|entry| match entry {
                    Value::String(text) => Self::text(text),
                    _ => Err(err("a list has an entry that is no text")),
                });
                texts.collect::<Result<_, _>>().map(Self::List)
            }
            Value::Null | Value::Object(_) => Err(err("a field is null")),
        }
    }

    fn text(text: String) -> Result<String, ParseError> {
        match text.len() {
            length if length == 0 || length > MAX_LENGTH.2 => Err(err("a text has not 1 to 1024 bytes")),
            _ if text.chars().any(char::is_control) => Err(err("a text has control characters")),
            _ => Ok(text),
        }
    }
}

impl AuthorizationDetail {
    pub(super) fn of(value: Value) -> Result<Self, ParseError> {
        let Value::Object(mut members) = value else { return Err(err("an entry is no object")) };
        let Some(Value::String(kind)) = members.remove("type") else { return Err(err("an object has no `type`")) };
        if kind.is_empty() || kind.len() > MAX_LENGTH.0 || kind.chars().any(char::is_control) {
            return Err(err("a `type` has not 1 to 256 bytes without control characters"));
        }
        let mut fields = BTreeMap::new();
        collect(members, "", 1, &mut fields)?;
        for (name, value) in &fields {
            let fits = match value {
                DetailValue::List(_) => name != IDENTIFIER,
                DetailValue::Text(_) => !LISTS.contains(&name.as_str()),
                DetailValue::Number(_) | DetailValue::Flag(_) => name != IDENTIFIER && !LISTS.contains(&name.as_str()),
            };
            if !fits {
                return Err(err("a field that all types share is not of its JSON type"));
            }
        }
        Ok(Self { kind: kind.into(), fields })
    }

    /// `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&DetailValue> {
        self.fields.get(name)
    }

    /// All fields, in the order of their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &DetailValue)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The entries of the list of this name: nothing if there is none.
    pub fn list(&self, name: &str) -> Option<impl Iterator<Item = &str>> {
        match self.fields.get(name)? {
            DetailValue::List(list) => Some(list.iter().map(String::as_str)),
            _ => None,
        }
    }

    /// What of it is for `resource`: of its locations those that are the resource's URI or a path below it. `None` if it has
    /// locations and none is.
    pub fn at(&self, resource: &Resource) -> Option<Self> {
        const LOCATIONS: &str = "locations";
        let Some(DetailValue::List(locations)) = self.fields.get(LOCATIONS) else { return Some(self.clone()) };
        let kept: BTreeSet<String> = locations.iter().filter(|location| is_below(location, resource)).cloned().collect();
        if kept.is_empty() {
            return None;
        }
        let mut narrowed = self.clone();
        narrowed.fields.insert(LOCATIONS.to_owned(), DetailValue::List(kept));
        Some(narrowed)
    }
}

/// Whether `location` is `resource` or below it; by way of no `..`, which a server might follow elsewhere.
fn is_below(location: &str, resource: &Resource) -> bool {
    let Some(rest) = location.strip_prefix(resource.as_str()) else { return false };
    let is_dots = |segment: &str| matches!(segment.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..");
    let begins = resource.as_str().ends_with('/') || rest.starts_with('/');
    rest.is_empty() || (begins && !rest.split(['/', '\\', '?', '#']).any(is_dots))
}

/// Puts the members of an object among `fields`, by the path that leads there.
fn collect(
    members: Map<String, Value>,
    above: &str,
    depth: usize,
    fields: &mut BTreeMap<String, DetailValue>,
) -> Result<(), ParseError> {
    for (name, value) in members {
        if name.is_empty() || name.len() > MAX_LENGTH.1 || name.contains('.') || name.chars().any(char::is_control) {
            return Err(err("the name of a member has not 1 to 64 bytes without dots and control characters"));
        }
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        match value {
            Value::Object(inner) if inner.is_empty() => return Err(err("an object within is empty")),
            Value::Object(_) if depth >= MAX_NESTING => return Err(err("nested deeper than 4 levels")),
            Value::Object(inner) => collect(inner, &path, depth + 1, fields)?,
            other => _ = fields.insert(path, DetailValue::of(other)?),
        }
    }
    if fields.len() > MAX_COUNT { Err(err("an object has more than 64 fields")) } else { Ok(()) }
}

/// What stands under a name: members in the order of their names, so that there is one text of each object.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Kind(&'a str),
    Value(&'a DetailValue),
    Object(BTreeMap<&'a str, Member<'a>>),
}

impl Serialize for AuthorizationDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = BTreeMap::from([("type", Member::Kind(&self.kind))]);
        for (path, value) in &self.fields {
            let (mut place, mut rest) = (&mut members, path.as_str());
            while let Some((name, below)) = rest.split_once('.') {
                // A path that leads through a value cannot have been parsed.
                let Member::Object(inner) = place.entry(name).or_insert_with(|| Member::Object(BTreeMap::new())) else {
                    return Err(serde::ser::Error::custom("a field within a value"));
                };
                (place, rest) = (inner, below);
            }
            place.insert(rest, Member::Value(value));
        }
        members.serialize(serializer)
    }
}

impl fmt::Debug for AuthorizationDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
