use super::*;
use crate::cases;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

const KINDS: &[&str] = &[
    "dpop",
    "jwt-svid",
    "wit",
    "wpt",
    "wpt-request",
    "http-signature",
    "x509-svid",
    "x509-bundle",
    "key-bundle",
    "platform-token",
    "approval-token",
    "posture-token",
    "id-token",
    "access-token",
    "thumbprint",
    "identifier",
];

/// For each row: the ids of the cases that name it, with all vectors of a kind as one.
fn named() -> BTreeMap<String, BTreeSet<String>> {
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases::all() {
        for row in &case.covers {
            rows.entry((*row).to_owned()).or_default().insert(case.id.clone());
        }
    }
    for kind in KINDS {
        for vector in vectors(kind)["vectors"].as_array().unwrap() {
            for list in ["rules", "attacks"] {
                for row in vector[list].as_array().unwrap() {
                    rows.entry(row.as_str().unwrap().to_owned()).or_default().insert(format!("{kind}/*"));
                }
            }
        }
    }
    rows
}

fn vectors(kind: &str) -> Value {
    let file = format!("{}/vectors/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Every row of both lists.
struct Row {
    id: String,
    cases: BTreeSet<String>,
    tests: Vec<String>,
    /// Whether a reason stands in for cases and tests.
    reason: bool,
}

fn rows() -> Vec<Row> {
    let catalogue = Catalogue::read().unwrap();
    let requirements = catalogue.requirements.into_iter().map(|row| (row.id, row.cases, row.tests, row.untested));
    let attacks = catalogue.attacks.into_iter().map(|row| (row.id, row.cases, row.tests, row.untested));
    let told = |reason: Option<String>| reason.is_some_and(|reason| reason.len() > 10);
    let row = |(id, cases, tests, reason): (_, Vec<String>, _, _)| Row {
        id,
        cases: cases.into_iter().collect(),
        tests,
        reason: told(reason),
    };
    requirements.chain(attacks).map(row).collect()
}

#[test]
fn ids_of_rows_are_unique() {
    let mut seen = HashSet::new();
    for row in rows() {
        assert!(seen.insert(row.id.clone()), "`{}` twice", row.id);
    }
}

#[test]
fn ids_of_cases_are_unique() {
    let mut seen = HashSet::new();
    for case in cases::all() {
        assert!(seen.insert(case.id.clone()), "`{}` twice", case.id);
    }
}

#[test]
fn every_row_has_cases_or_tests_or_a_reason_instead() {
    for Row { id, cases, tests, reason } in rows() {
        let shown = cases.len() + tests.len();
        assert!((shown == 0) == reason, "`{id}` has {shown} cases and tests and its reason is {reason}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let root = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
    for row in rows() {
        for test in row.tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "`{}`: no test {test}", row.id);
        }
    }
}

#[test]
fn what_nothing_tests_of_proofs_of_possession_is_told_in_the_divergences() {
    let told = std::fs::read_to_string(format!("{}/../docs/divergences.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let families = ["DPOP", "WIT", "WPT", "SIG", "MTLS", "MTLSB", "CNF", "THUMB"];
    for row in rows().iter().filter(|row| row.reason && families.contains(&family(&row.id))) {
        assert!(told.contains(&row.id), "`{}` is not in docs/divergences.md", row.id);
    }
}

#[test]
fn rows_and_cases_name_each_other() {
    let mut named = named();
    for Row { id, cases, .. } in rows() {
        let expected = named.remove(&id).unwrap_or_default();
        assert_eq!(cases, expected, "`{id}`: run tools/requirements.py");
    }
    assert!(named.is_empty(), "no such rows: {:?}", named.keys());
}

#[test]
fn every_case_and_vector_names_a_row() {
    for case in cases::all() {
        assert!(!case.covers.is_empty(), "`{}`", case.id);
    }
    for kind in KINDS {
        for vector in vectors(kind)["vectors"].as_array().unwrap() {
            assert!(!vector["rules"].as_array().unwrap().is_empty(), "{}", vector["id"]);
        }
    }
}

#[test]
fn vectors_keep_to_their_format() {
    let mut seen = HashSet::new();
    for kind in KINDS {
        let file = vectors(kind);
        for vector in file["vectors"].as_array().unwrap() {
            let id = vector["id"].as_str().unwrap().to_owned();
            let known = |reason: &Value| file["reasons"].as_array().unwrap().contains(reason);
            assert!(id.starts_with(&format!("{kind}/")) && seen.insert(id.clone()), "{id}");
            assert!(vector["expect"] == "accept" || known(&vector["expect"]), "{id}");
            assert!(vector["expect_also"].as_array().is_none_or(|also| also.iter().all(known)), "{id}");
            assert!(vector["now"].is_i64() && vector["input"].is_object(), "{id}");
        }
    }
}

#[test]
fn every_row_says_where_it_comes_from() {
    for row in Catalogue::read().unwrap().requirements {
        assert!(!row.spec.is_empty() && !row.section.is_empty() && !row.text.is_empty(), "`{}`", row.id);
    }
}

#[test]
fn family_is_the_name_before_the_number() {
    assert_eq!((family("TX-18"), family("F02"), family("W10")), ("TX", "F", "W"));
}
