//! JSON read strictly: no member twice, no deep nesting, nothing behind the end.

mod strict;

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use self::strict::Strict;
use crate::ParseError;

/// How deep objects and arrays may nest in anything this crate reads.
pub const MAX_DEPTH: usize = 16;

/// Parses one JSON object into `T`.
///
/// Of the objects within, `T` decides; see that what serde derives for a struct reads an array as well. The names of members are texts
/// to it, not numbers; a `RawValue` within would go unread.
///
/// # Errors
/// [`ParseError::Json`] for a syntax error, anything but an object, a member name that occurs twice in one object (RFC 7515 section 4, RFC 7519
/// section 4), nesting deeper than [`MAX_DEPTH`], trailing bytes, text that is not UTF-8, or a document that is not a `T`.
/// The text of the error names places, never values.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, ParseError> {
    read(bytes, |document| object(document))
}

/// [`parse`], of any document: where an array is what is wanted.
pub(crate) fn parse_value(bytes: &[u8]) -> Result<serde_json::Value, ParseError> {
    read(bytes, |document| serde_json::Value::deserialize(document))
}

type Document<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

fn read<'de, T>(
    bytes: &'de [u8],
    read: impl FnOnce(Strict<&mut Document<'de>>) -> Result<T, serde_json::Error>,
) -> Result<T, ParseError> {
    let text = str::from_utf8(bytes).map_err(|_| ParseError::Json("not UTF-8".to_owned()))?;
    let mut document = serde_json::Deserializer::from_str(text);
    read(Strict::new(&mut document)).and_then(|read| document.end().map(|()| read)).map_err(describe)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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
    fn what_a_type_ignores_is_read_as_strictly() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct One {
            a: Option<Named>,
        }
        #[derive(Debug, Deserialize, PartialEq)]
        enum Named {
            #[serde(rename = "b")]
            B(std::collections::BTreeMap<String, u32>),
        }
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        for json in [
            r#"{"x":{"y":1,"y":2}}"#,
            r#"{"x":[0,{"y":1,"\u0079":2}]}"#,
            r#"{"a":{"b":{"c":1,"c":2}}}"#,
            "{\"x\":\"\u{1}\"}",
            r#"{"x":1e400}"#,
            &deep,
        ] {
            assert!(parse::<One>(json.as_bytes()).is_err(), "{json}");
        }
        assert!(parse::<One>(b"{\"x\":\"\xff\"}").is_err());
        let named = Named::B([("c".to_owned(), 1)].into());
        assert_eq!(parse::<One>(br#"{"x":{"y":[{}]},"a":{"b":{"c":1}}}"#), Ok(One { a: Some(named) }));
    }

    fn value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        plain.prop_recursive(4, 64, 60, |inner| {
            let members = prop::collection::btree_map("\\PC{0,4}", inner.clone(), 0..60);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_sound_is_read_as_it_is(value in value()) {
            let text = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(parse_value(&text), Ok(value.clone()));
            prop_assert_eq!(parse::<Value>(&text).is_ok(), value.is_object());
        }
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
