//! Tables of tests, and decisions held against other policies.

use super::*;

const TESTS: &str = r#"
[defaults]
workload = "spiffe://dev.procura.test/agent/planner"
target = "calendar"
scope = "calendar.read calendar.write"
user = { issuer = "dev", sub = "alice", groups = ["staff"] }

[[test]]
name = "staff"
expect = { granted = "calendar.write calendar.read", denied = "", ttl = "30m", policies = ["planner-calendar"] }

[[test]]
name = "guests"
request = { user = { issuer = "dev", sub = "bob" } }
expect = { allowed = false, ttl = "none", approval_missing = "" }
"#;

fn run(policies: &str, tests: &str) -> Vec<Vec<Difference>> {
    let policy = policy(policies);
    parse_tests(tests).unwrap().iter().map(|test| test.run(&policy)).collect()
}

#[test]
fn what_is_as_expected_is_silent() {
    assert_eq!(run(DEV, TESTS), [vec![], vec![]]);
}

#[test]
fn what_is_not_is_told_in_each_respect() {
    let other = "@id(\"mine\") @ttl(\"5m\") permit (principal, action == Action::\"delegate\", resource) when { context.scope == \"calendar.read\" };";
    let difference =
        |what, expected: &str, decided: &str| Difference { what, expected: expected.into(), decided: decided.into() };
    let [staff, guests] = run(other, TESTS).try_into().unwrap();
    assert_eq!(
        staff,
        [
            difference("granted", "calendar.read calendar.write", "calendar.read"),
            difference("denied", "", "calendar.write"),
            difference("ttl", "30m", "5m"),
            difference("policies", "planner-calendar", "mine"),
        ]
    );
    assert_eq!(guests, [difference("allowed", "false", "true"), difference("ttl", "none", "5m")]);
    let nowhere = TESTS.replace("target = \"calendar\"", "target = \"nowhere\"");
    assert_eq!(run(DEV, &nowhere)[0][0].decided, "the target `nowhere` is not configured");
}

#[test]
fn a_slip_in_a_table_is_told_with_its_place() {
    for (from, to, told) in [
        ("scope = ", "scpe = ", "line 8, test `staff`: unknown field `scpe`"),
        ("scope = ", "scpe = ", "did you mean `scope`?"),
        ("expect = { granted", "expect = { grnted", "did you mean `granted`?"),
        ("name = \"staff\"", "nam = \"staff\"", "line 9: "),
        (
            "expect = { allowed = false, ttl = \"none\", approval_missing = \"\" }",
            "expect = {}",
            "test `guests`: `expect` says nothing",
        ),
        ("ttl = \"30m\"", "ttl = \"soon\"", "`ttl` is not a duration"),
        ("workload = \"spiffe", "workload = \"spi ffe", "test `staff`: "),
    ] {
        let error = parse_tests(&TESTS.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_replay_tells_what_would_be_decided_otherwise() {
    let before = policy(DEV);
    let (request, decided) = Ask::default().with(&before, |request| {
        let written = serde_json::to_string(&RecordedRequest::from(request)).unwrap();
        (written, RecordedDecision::from(&before.decide(request)))
    });
    let request: RecordedRequest<'_> = serde_json::from_str(&request).unwrap();
    let written = serde_json::to_string(&decided).unwrap();
    assert_eq!(written, r#"{"allowed":true,"granted":"calendar.read calendar.write","ttl":1800}"#);
    assert_eq!(before.replay(&request, &decided), Ok(vec![]));
    let renamed = policy(&DEV.replace("planner-calendar", "other-name"));
    assert_eq!(renamed.replay(&request, &decided), Ok(vec![]), "names decide nothing");
    let after = policy(&format!(
        "{DEV} forbid (principal, action == Action::\"delegate\", resource) when {{ context.scope == \"calendar.write\" }};"
    ));
    let difference =
        Difference { what: "granted", expected: "calendar.read calendar.write".into(), decided: "calendar.read".into() };
    assert_eq!(after.replay(&request, &decided), Ok(vec![difference]));
}
