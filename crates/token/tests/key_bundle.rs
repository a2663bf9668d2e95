//! The vectors `key-bundle`: which keys of a SPIFFE bundle count for JWT-SVIDs and WIT-SVIDs.
//!
//! What the Workload API serves is read where it is fetched.

use std::path::Path;

use procura_token::Bundle;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    input: Input,
    expect: String,
    #[serde(default)]
    expect_also: Vec<String>,
    expect_keys: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    bundle: Value,
    #[serde(rename = "use")]
    public_key_use: String,
    served_by: String,
}

/// How many entries count, or the vectors' word for why none does.
fn judge(input: &Input) -> Result<usize, &'static str> {
    let (bundle, _) = Bundle::parse(input.bundle.to_string().as_bytes()).map_err(|_| "malformed")?;
    let set = if input.public_key_use == "wit-svid" { bundle.wit } else { bundle.jwt };
    if set.is_empty() {
        return Err("key");
    }
    let names = input.bundle["keys"].as_array().unwrap().iter().filter_map(|key| key["kid"].as_str());
    Ok(names.filter(|name| set.knows(Some(name))).count())
}

#[test]
fn bundles_hold_the_keys_of_their_vector() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors/key-bundle.json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ours: Vec<_> = file.vectors.iter().filter(|vector| vector.input.served_by == "file").collect();
    assert!(!ours.is_empty());
    for vector in ours {
        match judge(&vector.input) {
            Ok(count) => assert_eq!((Some(count), &*vector.expect), (vector.expect_keys, "accept"), "{}", vector.id),
            Err(why) => {
                let fits = why == vector.expect || vector.expect_also.iter().any(|also| also == why);
                assert!(fits, "{}: {why}, expected {} {:?}", vector.id, vector.expect, vector.expect_also);
            }
        }
    }
}
