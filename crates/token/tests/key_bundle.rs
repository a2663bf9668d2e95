//! The vectors `key-bundle`: which keys of a SPIFFE bundle, or of what a Workload API serves, count for JWT-SVIDs and WIT-SVIDs.

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
    let document = input.bundle.to_string();
    let bundle = || Bundle::parse(document.as_bytes()).map(|(bundle, _)| bundle).map_err(|_| "malformed");
    let set = match (&*input.served_by, &*input.public_key_use) {
        ("workload-api", public_key_use) => Bundle::parse_keys(document.as_bytes(), public_key_use).map_err(|_| "malformed")?.0,
        (_, "wit-svid") => bundle()?.wit,
        _ => bundle()?.jwt,
    };
    if set.is_empty() {
        return Err("key");
    }
    Ok(set.len())
}

#[test]
fn bundles_hold_the_keys_of_their_vector() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors/key-bundle.json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!file.vectors.is_empty());
    for vector in &file.vectors {
        match judge(&vector.input) {
            Ok(count) => assert_eq!((Some(count), &*vector.expect), (vector.expect_keys, "accept"), "{}", vector.id),
            Err(why) => {
                let fits = why == vector.expect || vector.expect_also.iter().any(|also| also == why);
                assert!(fits, "{}: {why}, expected {} {:?}", vector.id, vector.expect, vector.expect_also);
            }
        }
    }
}
