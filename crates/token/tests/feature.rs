//! What this crate drags in.

use std::path::Path;

/// A resource server that only verifies takes neither a runtime, nor a web framework, nor a client of anything; and readers
/// of certificates only if it asks for them.
#[test]
fn only_cryptography_and_the_formats_of_proofs_are_dependencies() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut table = "";
    let (mut dependencies, mut optional) = (Vec::new(), Vec::new());
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = line;
            let named = table.trim_matches(['[', ']']).strip_prefix("dependencies.");
            dependencies.extend(named.map(str::to_owned));
            assert!(!table.starts_with("[target") && !table.starts_with("[build-dep"), "{table} has dependencies of its own");
        } else if table == "[dependencies]" && !line.is_empty() && !line.starts_with('#') {
            let list = if line.contains("optional = true") { &mut optional } else { &mut dependencies };
            list.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    dependencies.sort_unstable();
    optional.sort_unstable();
    assert_eq!(dependencies, ["aws-lc-rs", "base64", "http", "serde", "serde_json", "sfv", "thiserror"]);
    assert_eq!(optional, ["rustls-pki-types", "webpki", "x509-parser"]);
}
