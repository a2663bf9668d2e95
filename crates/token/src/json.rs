//! JSON read strictly: no member twice, no deep nesting, nothing behind the end.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;
use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::ParseError;

/// How deep objects and arrays may nest in anything this crate reads.
pub const MAX_DEPTH: usize = 16;

/// Parses one JSON object into `T`.
///
/// Of the objects within, `T` decides; see that what serde derives for a struct reads an array as well.
///
/// # Errors
/// [`ParseError::Json`] for a syntax error, anything but an object, a member name that occurs twice in one object (RFC 7515 section 4, RFC 7519
/// section 4), nesting deeper than [`MAX_DEPTH`], trailing bytes, text that is not UTF-8, or a document that is not a `T`.
/// The text of the error names places, never values.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, ParseError> {
    walk(bytes)?;
    object(&mut serde_json::Deserializer::from_slice(bytes)).map_err(describe)
}

/// [`parse`], of any document: where an array is what is wanted.
pub(crate) fn parse_value(bytes: &[u8]) -> Result<serde_json::Value, ParseError> {
    walk(bytes)?;
    serde_json::from_slice(bytes).map_err(describe)
}

fn walk(bytes: &[u8]) -> Result<(), ParseError> {
    let mut document = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0 }.deserialize(&mut document).and_then(|()| document.end()).map_err(describe)
}

/// Reads `T` from an object and from nothing else: a struct would also take an array with its members' values in order.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Object(PhantomData))
}

/// [`present`], of an [`object`].
pub(crate) fn present_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    object(deserializer).map(Some)
}

/// Reads an optional member whose value must be of its type when it is there: `null` is not "absent".
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads an optional member only to know that it is there, whatever its value.
pub(crate) fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Says what is wrong without repeating what was sent: values may be personal or secret.
fn describe(error: serde_json::Error) -> ParseError {
    let text = error.to_string();
    let fixed = ["missing field", "duplicate member", "nested deeper", "unknown field"];
    let what = if fixed.iter().any(|start| text.starts_with(start)) {
        text.split(" at line ").next().unwrap_or_default().chars().take(80).collect()
    } else {
        format!("unexpected value at column {}", error.column())
    };
    ParseError::Json(what)
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(members))
    }
}

/// Walks a document and refuses what a lenient reader would let pass.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            if let Some(twice) = names.insert(name) {
                return Err(A::Error::custom(format_args!("duplicate member `{}`", twice.escape_debug())));
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The member names of one object. Small objects, which are nearly all, are compared by eye instead of by hash.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 24;

    /// Keeps `name`, or gives it back when it is there already.
    fn insert(&mut self, name: Cow<'de, str>) -> Option<Cow<'de, str>> {
        if self.few.contains(&name) || self.many.contains(&name) {
            return Some(name);
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_member_twice_is_refused_at_any_depth_and_spelling() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#, r#"{"":1,"":2}"#] {
            assert!(matches!(parse::<Value>(json.as_bytes()), Err(ParseError::Json(why)) if why.contains("duplicate")), "{json}");
        }
        let many: String = (0..100).map(|i| format!("\"m{i}\":0,")).collect();
        assert!(parse::<Value>(format!("{{{many}\"m99\":1}}").as_bytes()).is_err());
        assert!(parse::<Value>(format!("{{{many}\"last\":1}}").as_bytes()).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse::<Value>(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse::<Value>(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse::<Value>("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn trailing_bytes_and_other_encodings_are_refused() {
        for bytes in [&b"{} {}"[..], b"{}\0", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"{\"a\":\"\xff\"}", b"", b"{\"a\":1e400}"] {
            assert!(parse::<Value>(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn errors_do_not_repeat_values() {
        let error = parse::<std::collections::BTreeMap<String, u32>>(br#"{"a":"secret"}"#).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_array_is_not_an_object() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Pair {
            a: u32,
            #[serde(default, deserialize_with = "present_object")]
            inner: Option<Box<Pair>>,
        }
        let pair = Pair { a: 1, inner: Some(Box::new(Pair { a: 2, inner: None })) };
        assert_eq!(parse::<Pair>(br#"{"a":1,"inner":{"a":2}}"#), Ok(pair));
        for json in ["[1]", "[1,[2]]", r#"{"a":1,"inner":[2]}"#, r#"{"a":1,"inner":null}"#, "1", "null"] {
            assert!(parse::<Pair>(json.as_bytes()).is_err(), "{json}");
        }
    }
}
