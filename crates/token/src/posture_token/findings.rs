//! `posture`: a flat object, every value as text.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The most names, and the most bytes of a name and of a value.
const MAX: (usize, usize, usize) = (32, 64, 256);

/// Reads 1 to 32 findings. What is no text, number or truth value is refused, and so is `null`, which policies could not tell
/// from a name that is not there.
pub(super) fn findings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(Findings)
}

struct Findings;

impl<'de> Visitor<'de> for Findings {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut findings = BTreeMap::new();
        while let Some((name, Finding(value))) = members.next_entry::<String, Finding>()? {
            let is_name = (1..=MAX.1).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
            if findings.len() >= MAX.0 || !is_name || value.len() > MAX.2 {
                return Err(A::Error::custom("`posture` has more than 32 names, or one or a value that is too long"));
            }
            findings.insert(name, value);
        }
        if findings.is_empty() {
            return Err(A::Error::custom("`posture` is empty"));
        }
        Ok(findings)
    }
}

struct Finding(String);

impl<'de> Deserialize<'de> for Finding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsText).map(Self)
    }
}

struct AsText;

impl Visitor<'_> for AsText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number or a truth value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<String, E> {
        Ok(flag.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    /// Rust writes a float in decimal, as short as it can be read back, and never with an exponent.
    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(if number == 0.0 { "0".to_owned() } else { number.to_string() })
    }
}
