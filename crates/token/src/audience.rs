//! `aud`: one string or several (RFC 7519 section 4.1.3).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most values an `aud` array may have.
const MAX_AUDIENCES: usize = 16;

/// Whom a token is meant for: one to sixteen values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// Whether `name` is among the values, byte for byte.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|value| value == name)
    }

    /// The value, if there is exactly one.
    pub fn sole(&self) -> Option<&str> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<&str> for Audience {
    fn from(only: &str) -> Self {
        Self(vec![only.to_owned()])
    }
}

/// One value is written as a string.
impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.sole() {
            Some(only) => serializer.serialize_str(only),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            One(String),
            Several(Vec<String>),
        }
        let values = match Raw::deserialize(deserializer)? {
            Raw::One(only) => vec![only],
            Raw::Several(several) => several,
        };
        if values.is_empty() || values.len() > MAX_AUDIENCES || values.iter().any(String::is_empty) {
            return Err(serde::de::Error::custom("`aud` is empty or too long"));
        }
        Ok(Self(values))
    }
}
