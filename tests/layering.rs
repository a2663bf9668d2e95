//! Who may import whom: the module graph inside `src/`, the rooms that own a crate, and the edges between packages.
//!
//! An edge that is not listed here does not exist. A module that is not listed fails too.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the service from the top down, each with those it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["http", "app", "policy", "trust", "config", "keys", "clock", "telemetry"]),
    ("http", &["app", "exchange"]),
    ("app", &["exchange", "policy", "trust", "keys", "store", "audit", "config", "clock", "telemetry"]),
    ("exchange", &["policy", "trust", "keys", "store", "audit"]),
    ("policy", &[]),
    ("trust", &[]),
    ("keys", &[]),
    ("store", &[]),
    ("audit", &[]),
    ("config", &[]),
    ("clock", &[]),
    ("telemetry", &[]),
];

/// What only some rooms may name: the text, and the beginnings of the paths below `src/` where it may stand.
const ROOMS: &[(&str, &[&str])] = &[
    ("axum::", &["http.rs", "http/"]),
    ("tower_http::", &["http.rs", "http/"]),
    ("hyper::", &["http.rs", "http/"]),
    ("tokio_rustls::", &["http.rs", "http/"]),
    // PEM, for the authority of the development world and for people; how an authority that is asked over TLS is judged.
    ("rustls::", &["http.rs", "http/", "cli/dev/world.rs", "cli/trust/credential.rs", "trust/fetch.rs", "trust/federation/"]),
    ("sfv::", &["http.rs", "http/"]),
    // An address range is a value of the configuration; `http` compares who connects, `trust` what it connects to.
    ("ipnet::", &["config/value.rs", "http/", "trust/fetch/"]),
    // Everyone counts; one room knows who reads the counts.
    ("metrics_exporter_prometheus::", &["telemetry.rs"]),
    // The development world makes certificates; the service makes none.
    ("rcgen::", &["cli/dev/"]),
    ("redis::", &["store/redis.rs", "store/redis/"]),
    // gRPC is what the Workload API speaks, and nobody else.
    ("tonic::", &["trust/workload_api/"]),
    ("prost::", &["trust/workload_api/"]),
    ("tonic_prost::", &["trust/workload_api/"]),
    ("clap::", &["cli.rs", "cli/"]),
    ("env::var", &["config.rs", "config/"]),
    // The tour starts the example programs that were built beside this one.
    ("std::env", &["config.rs", "config/", "cli/dev/tour/calendar.rs"]),
    ("cedar_policy::", &["policy.rs", "policy/"]),
    ("maxminddb::", &["policy/country.rs"]),
    ("reqwest::", &["trust/fetch.rs", "trust/fetch/", "cli.rs", "cli/"]),
    ("tracing_subscriber::", &["telemetry.rs"]),
    // The lists of the disabled, of enrolled TPMs and of agents are TOML and not part of the configuration: they change
    // meanwhile.
    ("toml::", &["config.rs", "config/", "policy/", "trust/disabled/file.rs", "trust/platform/profile/tpm/"]),
    ("SystemTime::now", &["clock.rs"]),
];

/// Our packages, each with those of ours it may depend on.
const PACKAGES: &[(&str, &[&str])] = &[
    ("", &["procura-token", "procura-client"]),
    ("crates/token", &[]),
    ("crates/guard", &["procura-token"]),
    ("crates/client", &["procura-token"]),
    ("spec-conformance", &[]),
    ("examples/agents", &["procura-client", "procura-guard"]),
];

/// What a library without I/O and clock cannot need.
const NOT_IN_TOKEN: &[&str] = &["tokio", "axum", "redis", "reqwest", "hyper", "tower", "tracing"];

#[test]
fn modules_import_only_downwards() {
    let mut forbidden = Vec::new();
    for (path, text) in sources() {
        let module = path.split(['/', '.']).next().unwrap();
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == module) else {
            forbidden.push(format!("{path}: the module `{module}` is in no layer"));
            continue;
        };
        for target in named(&text, path.matches('/').count()) {
            let ours = MAY_USE.iter().any(|(known, _)| *known == target);
            if ours && target != module && !allowed.contains(&target.as_str()) {
                forbidden.push(format!("{path}: {module} -> {target}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "\n{}", forbidden.join("\n"));
}

#[test]
fn each_layer_uses_only_those_below_it() {
    for (place, (module, allowed)) in MAY_USE.iter().enumerate() {
        for below in *allowed {
            let its = MAY_USE.iter().position(|(known, _)| known == below).unwrap();
            assert!(its > place, "{module} -> {below}");
        }
    }
}

#[test]
fn a_crate_is_named_only_in_its_room() {
    let mut forbidden = Vec::new();
    for (path, text) in sources() {
        for (word, rooms) in ROOMS {
            if names(&text, word) && !rooms.iter().any(|room| path.starts_with(room)) {
                forbidden.push(format!("{path} names {word}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "\n{}", forbidden.join("\n"));
}

#[test]
fn packages_depend_only_downwards() {
    for (directory, allowed) in PACKAGES {
        let ours = dependencies(directory).into_iter().filter(|name| name.starts_with("procura"));
        for name in ours {
            assert!(allowed.contains(&name.as_str()), "`{directory}` depends on {name}");
        }
    }
    for name in dependencies("crates/token") {
        assert!(!NOT_IN_TOKEN.contains(&name.as_str()), "crates/token depends on {name}");
    }
}

#[test]
fn every_package_of_the_workspace_is_in_a_layer() {
    let members = manifest("")["workspace"]["members"].as_array().unwrap().clone();
    for member in members {
        let member = member.as_str().unwrap();
        assert!(PACKAGES.iter().any(|(known, _)| *known == member), "{member}");
    }
}

#[test]
fn imports_are_seen_however_they_are_written() {
    let text = "use crate::{http, store::{A, B}, clock};\ncrate::exchange::X;\nuse super::super::super::trust::T;";
    assert_eq!(named(text, 2), ["http", "store", "clock", "exchange", "trust"]);
    // One `super` fewer stays in the module.
    assert_eq!(named("use super::super::keys;", 2), Vec::<String>::new());
    assert_eq!(named("use super::{app, keys::read};", 0), ["app", "keys"]);
    assert_eq!(named("procura::audit::Event", 0), ["audit"]);
    assert!(names("use ::redis::cmd;", "redis::") && names("(redis::cmd)", "redis::"));
    assert!(!names("use self::redis::X; use super::redis::Y; other_redis::Z;", "redis::"));
    assert!(names("use axum::Router;", "axum::") && !names("// axum::Router is elsewhere", "axum::"));
}

/// The modules that `text` names by a path from the root of the crate, in a file `depth` modules below a top-level one.
fn named(text: &str, depth: usize) -> Vec<String> {
    let text = without_comments(text);
    let from_root = ["crate::", "procura::"].into_iter().flat_map(|root| text.split(root).skip(1));
    let mut found: Vec<String> = from_root.flat_map(first_segments).collect();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("super::") {
        rest = after.trim_start_matches("super::");
        let supers = 1 + (after.len() - rest.len()) / "super::".len();
        if supers > depth {
            found.extend(first_segments(rest));
        }
    }
    found
}

/// The first segment of a path, or of each path of a group.
fn first_segments(path: &str) -> Vec<String> {
    let segment =
        |path: &str| path.trim_start().chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![segment(path)] };
    let (mut found, mut item, mut depth) = (Vec::new(), String::new(), 1);
    for char in group.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => found.push(segment(&std::mem::take(&mut item))),
            _ => item.push(char),
        }
        if depth == 0 {
            found.push(segment(&item));
            break;
        }
    }
    found
}

/// Whether `text` names the crate of `word`, and no module of ours that is called the same.
fn names(text: &str, word: &str) -> bool {
    let text = without_comments(text);
    text.match_indices(word).any(|(at, _)| {
        let before = &text[..at];
        let is_path = before.ends_with("self::") || before.ends_with("super::") || before.ends_with("crate::");
        !is_path && !before.ends_with(|char: char| char.is_alphanumeric() || char == '_')
    })
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Path below `src/` and text of every source file; what is behind a file's `mod tests` counts too, its own file does not.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut todo) = (Vec::new(), vec![src.clone()]);
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.contains("/tests/") {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 50, "not the sources");
    found
}

fn manifest(directory: &str) -> toml::Table {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), directory, "Cargo.toml"].iter().collect();
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// What the package in `directory` needs to be built, not tested.
fn dependencies(directory: &str) -> Vec<String> {
    let manifest = manifest(directory);
    let tables = ["dependencies", "build-dependencies"];
    let names = tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(toml::Table::keys);
    names.cloned().collect()
}
