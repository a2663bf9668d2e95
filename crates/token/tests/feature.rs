//! What this crate drags in.

use std::path::Path;

/// A resource server that only verifies takes neither a runtime, nor a web framework, nor a client of anything: `http` is the
/// names and values of header fields, `sfv` their structure. Certificates are a feature.
#[test]
fn only_cryptography_and_formats_are_dependencies() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut table = "";
    let mut dependencies = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = line;
            let named = table.trim_matches(['[', ']']).strip_prefix("dependencies.");
            dependencies.extend(named.map(str::to_owned));
            assert!(!table.starts_with("[target") && !table.starts_with("[build-dep"), "{table} has dependencies of its own");
        } else if table == "[dependencies]" && !line.is_empty() && !line.starts_with('#') {
            dependencies.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    dependencies.sort_unstable();
    let always = ["aws-lc-rs", "base64", "http", "serde", "serde_json", "sfv", "thiserror"];
    let for_certificates = ["rustls-pki-types", "webpki", "x509-parser"];
    let mut expected = [&always[..], &for_certificates].concat();
    expected.sort_unstable();
    assert_eq!(dependencies, expected);
    let optional = |name: &&str| manifest.lines().any(|line| line.starts_with(*name) && line.contains("optional = true"));
    assert!(for_certificates.iter().all(optional));
}
