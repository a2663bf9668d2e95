//! The strict reader accepts only what every reader understands alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use procura_token::{MAX_DEPTH, parse_json};
use serde_json::Value;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Members written in all objects of the text: as many as were kept, or one was there twice.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// The colons outside strings: one for each member.
fn colons(bytes: &[u8]) -> usize {
    let (mut inside, mut escaped, mut count) = (false, false, 0);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => count += 1,
            _ => {}
        }
    }
    count
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = parse_json::<Value>(bytes) else { return };
    assert!(value.is_object() && depth(&value) <= MAX_DEPTH);
    assert_eq!(members(&value), colons(bytes), "a member was there twice");
    assert_eq!(serde_json::from_slice::<Value>(bytes).expect("JSON to others too"), value);
});
