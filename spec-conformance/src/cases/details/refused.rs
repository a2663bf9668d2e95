//! Details with a flaw.

use serde_json::{Value, json};

/// Name, what it shows, the rows it covers, and the flaw.
type Row = (&'static str, &'static str, &'static [&'static str], fn(Value) -> Value);

pub(super) const ROWS: &[Row] = &[
    ("object", "an object in place of an array", &["RAR-01", "RAR-03"], |detail| detail),
    ("text", "a text in place of an array", &["RAR-01", "RAR-03"], |detail| detail["type"].clone()),
    ("empty", "an empty array", &["RAR-01"], |_| json!([])),
    ("not-objects", "types in place of objects", &["RAR-01"], |detail| json!([detail["type"]])),
    ("untyped", "an object without a type", &["RAR-01", "RAR-03"], |mut detail| {
        detail.as_object_mut().and_then(|members| members.remove("type"));
        json!([detail])
    }),
    ("type-number", "a type that is a number", &["RAR-01", "RAR-03"], |detail| changed(detail, "type", json!(1))),
    ("unknown-type", "a type nobody knows", &["RAR-03"], |detail| changed(detail, "type", json!("urn:example:unknown"))),
    ("type-case", "a type in other letters", &["RAR-03", "RAR-12"], |detail| {
        let kind = detail["type"].as_str().unwrap_or_default().to_uppercase();
        changed(detail, "type", json!(kind))
    }),
    ("type-space", "a type with a space behind it", &["RAR-12"], |detail| {
        let kind = format!("{} ", detail["type"].as_str().unwrap_or_default());
        changed(detail, "type", json!(kind))
    }),
    ("type-look-alike", "a type with a letter that looks alike", &["RAR-12"], |detail| {
        let kind = detail["type"].as_str().unwrap_or_default().replace(['a', 'e', 'o'], "\u{430}");
        changed(detail, "type", json!(kind))
    }),
    ("unknown-field", "a field that the type does not have", &["RAR-03"], |detail| {
        changed(detail, "urn:example:field", json!("x"))
    }),
    ("null", "a field that is null", &["RAR-03"], |detail| changed(detail, "locations", Value::Null)),
    ("locations-text", "locations that are no list", &["RAR-02", "RAR-03"], |detail| {
        changed(detail, "locations", json!("https://api.example/"))
    }),
    ("locations-numbers", "locations that are numbers", &["RAR-02", "RAR-03"], |detail| changed(detail, "locations", json!([1]))),
    ("bare", "a type and nothing else, where fields are required", &["RAR-03"], |detail| json!([{ "type": detail["type"] }])),
    ("second-unknown", "a good object beside one of a type nobody knows", &["RAR-03", "RAR-06"], |detail| {
        let other = json!({ "type": "urn:example:unknown" });
        json!([detail, other])
    }),
    ("deep", "objects within objects without end", &["RAR-03", "F37"], |detail| {
        let deep = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
        changed(detail, "limits", deep)
    }),
    ("many", "a hundred objects", &["RAR-03", "F37"], |detail| Value::Array(vec![detail; 100])),
];

fn changed(mut detail: Value, name: &str, value: Value) -> Value {
    detail[name] = value;
    json!([detail])
}
