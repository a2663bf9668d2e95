use serde_json::Value;

use super::*;

/// WAPI-09, WAPI-13, WAPI-18: the vectors `key-bundle` of what the Workload API serves, made by other libraries or published
/// with go-spiffe.
#[test]
fn served_keys_get_the_verdict_of_their_vector() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/spec-conformance/vectors/key-bundle.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let served = |vector: &&Value| vector["input"]["served_by"] == "workload-api";
    let vectors: Vec<&Value> = file["vectors"].as_array().unwrap().iter().filter(served).collect();
    assert!(vectors.len() > 8);
    for vector in vectors {
        let bundle = &vector["input"]["bundle"];
        let parse = if vector["input"]["use"] == "wit-svid" { Wit::parse } else { Jwt::parse };
        let (set, _) = parse(bundle.to_string().as_bytes()).unwrap();
        let names = bundle["keys"].as_array().unwrap().iter().filter_map(|key| key["kid"].as_str());
        let counted = if set.is_empty() { 0 } else { names.filter(|name| set.knows(Some(name))).count() };
        let expected = if vector["expect"] == "accept" { vector["expect_keys"].as_u64() } else { Some(0) };
        assert_eq!(Some(counted as u64), expected, "{}", vector["id"]);
    }
}
