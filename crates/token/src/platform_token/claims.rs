//! The claims of a platform token, as far as anybody has a use for them.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep objects may be in each other within a claim to be kept: the deepest that platforms have, such as `kubernetes.io`,
/// `pod`, `name`.
const MAX_OBJECTS: u8 = 2;

/// Room for the claims that most tokens have: one of GitHub Actions has 30.
const MOST: usize = 32;

/// What is said of a workload, by name. `null` stands for what is deeper than two objects inside the claims, and in lists for
/// what is neither text, number nor truth value.
#[derive(Clone, Debug, Default)]
pub struct PlatformClaims(Vec<(String, Value)>);

impl PlatformClaims {
    /// The claim with this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them, in the order in which they were said.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Of those with the same name the first counts.
impl FromIterator<(String, Value)> for PlatformClaims {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(claims: T) -> Self {
        Self(claims.into_iter().collect())
    }
}

/// Reads the claims of a token.
pub(super) struct Claims;

impl<'de> Visitor<'de> for Claims {
    type Value = PlatformClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<PlatformClaims, A::Error> {
        let mut claims = Vec::with_capacity(MOST);
        while let Some(name) = object.next_key()? {
            claims.push((name, object.next_value_seed(Claim { objects: MAX_OBJECTS, is_listed: false })?));
        }
        Ok(PlatformClaims(claims))
    }
}

/// Reads a value, and leaves `null` where it is of no use: an object too deep, and whatever is not plain in a list. So a
/// token costs memory in proportion to its length, however it is made.
#[derive(Clone, Copy)]
struct Claim {
    objects: u8,
    is_listed: bool,
}

impl<'de> DeserializeSeed<'de> for Claim {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Claim {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Self { is_listed: true, ..self })? {
            if !self.is_listed {
                values.push(value);
            }
        }
        Ok(if self.is_listed { Value::Null } else { values.into() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let Some(objects) = self.objects.checked_sub(1).filter(|_| !self.is_listed) else {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            members.insert(name, object.next_value_seed(Self { objects, ..self })?);
        }
        Ok(members.into())
    }
}
