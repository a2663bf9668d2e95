//! What is allowed but can hardly be meant.

use super::*;

const AGENTS: &str = r#"
agent = [{ id = "spiffe://dev.procura.test/agent/planner", groups = ["agents"] }]
group = [{ name = "agents" }]
"#;

/// The warnings, each `line: text`.
fn warnings(policies: &str, agents: Option<&str>) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "test.cedar", policies);
    write(directory.path(), "agents.toml", agents.unwrap_or_default());
    let entities = agents.map(|_| directory.path().to_owned());
    let report =
        inspect(&PolicySettings { directory: directory.path().to_owned(), entities, country_database: None }, &targets());
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    report.warnings.into_iter().map(|warning| format!("{}: {}", warning.place.line.unwrap(), warning.what)).collect()
}

fn one_warning(policies: &str) -> String {
    let mut warnings = warnings(policies, Some(AGENTS));
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    warnings.remove(0)
}

#[test]
fn the_policies_of_the_development_world_are_as_they_should_be() {
    assert!(warnings(DEV, None).is_empty(), "{:?}", warnings(DEV, None));
}

#[test]
fn a_policy_that_can_never_hold_is_told() {
    let told =
        one_warning(r#"permit (principal, action, resource) when { principal.path == "/a" } unless { principal.path == "/a" };"#);
    assert_eq!(told, "1: can never hold: its `when` is its `unless`");
    let told = warnings(r#"permit (principal, action == Action::"delegate", resource is TrustDomain);"#, None);
    assert!(told[0].contains("unable to find an applicable action"), "{told:?}");
    let told = one_warning("permit (principal, action, resource) when { principal is Target };");
    assert!(told.contains("impossible"), "{told}");
}

#[test]
fn what_is_said_twice_is_told() {
    let told =
        one_warning("permit (principal, action, resource);\n@id(\"again\") @ttl(\"5m\") permit (principal, action, resource);");
    assert_eq!(told, "2: says the same as the policy `test.cedar#1` in `test.cedar` line 1");
    let told =
        one_warning(r#"permit (principal, action, resource) when { principal.path == "/a" } when { principal.path == "/a" };"#);
    assert_eq!(told, "1: has one condition twice");
}

#[test]
fn a_user_without_an_issuer_is_told() {
    let policy = |user: &str| {
        format!("permit (principal, action == Action::\"delegate\", resource) when {{ context.user == User::\"{user}\" }};")
    };
    let told = one_warning(&policy("eve"));
    assert!(told.contains("User::\"eve\"") && told.contains("corp:alice"), "{told}");
    assert_eq!(warnings(&policy("dev:eve"), Some(AGENTS)), [""; 0]);
}

#[test]
fn names_of_nobody_are_told() {
    for (head, told) in [
        ("principal in Group::\"agnets\", action, resource", "no `[[group]]` describes"),
        ("principal == Workload::\"spiffe://dev.procura.test/agent/planer\", action, resource", "no `[[agent]]` describes"),
        ("principal == Workload::\"planner\", action, resource", "no workload identifier"),
        ("principal, action == Action::\"delegate\", resource == Target::\"https://a.test\"", "no configured target"),
    ] {
        let warning = one_warning(&format!("permit ({head});"));
        assert!(warning.contains(told), "{warning}");
    }
    let somebody = r#"permit (principal == Workload::"spiffe://other.test/agent/x", action, resource);"#;
    assert!(warnings(somebody, None).is_empty(), "without a list of agents everybody may be one");
}

#[test]
fn a_country_that_nobody_can_know_is_told() {
    let told = one_warning(r#"forbid (principal, action, resource) when { context has country && context.country == "DE" };"#);
    assert!(told.contains("no `country_database` is configured"), "{told}");
}

#[test]
fn limits_on_a_forbid_are_told() {
    for annotation in ["@ttl(\"5m\")", "@depth(\"2\")", "@repeats(\"allowed\")", "@approval(\"required\")"] {
        let text = format!("{annotation} forbid (principal, action, resource) when {{ principal.path == \"/a\" }};");
        assert!(one_warning(&text).contains("mean nothing on a forbid"));
    }
}

#[test]
fn a_permit_that_a_forbid_without_condition_takes_back_is_told() {
    let planner = r#"principal == Workload::"spiffe://dev.procura.test/agent/planner""#;
    let calendar = r#"resource == Target::"http://127.0.0.1:8090/calendar""#;
    for (forbid, permit, is_told) in [
        ("principal, action, resource".to_owned(), format!("{planner}, action, resource"), true),
        ("principal is Workload, action, resource".to_owned(), "principal, action, resource".to_owned(), true),
        ("principal in Group::\"agents\", action, resource".to_owned(), format!("{planner}, action, resource"), true),
        (format!("{planner}, action, resource"), "principal, action, resource".to_owned(), false),
        ("principal, action == Action::\"delegate\", resource".to_owned(), "principal, action, resource".to_owned(), false),
        (
            format!("principal, action == Action::\"delegate\", {calendar}"),
            format!("{planner}, action == Action::\"delegate\", {calendar}"),
            true,
        ),
        (
            format!("principal, action == Action::\"delegate\", {calendar}"),
            format!("{planner}, action == Action::\"delegate\", resource"),
            false,
        ),
    ] {
        let text = format!("@id(\"stop\") forbid ({forbid});\npermit ({permit}) when {{ principal.path != \"/x\" }};");
        let told = warnings(&text, Some(AGENTS));
        assert_eq!(told.len(), usize::from(is_told), "{text} {told:?}");
        assert!(told.iter().all(|told| told.starts_with("2: permits nothing: the policy `stop`")), "{told:?}");
    }
    let conditional =
        "forbid (principal, action, resource) when { principal.path == \"/x\" }; permit (principal, action, resource);";
    assert!(warnings(conditional, Some(AGENTS)).is_empty());
}

#[test]
fn every_error_is_told_at_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write(path, "a.cedar", "permit (principal, action resource);");
    write(
        path,
        "b.cedar",
        "@ttl(\"x\") permit (principal, action, resource);\n@depth(\"x\") permit (principal, action, resource);",
    );
    write(
        path,
        "c.cedar",
        "permit (principal, action, resource) when { context.nothing };\npermit (principal, action, resource) when { principal.none };",
    );
    write(path, "d.toml", "[[agent]]\nid = 1");
    let report = inspect(
        &PolicySettings { directory: path.to_owned(), entities: Some(path.to_owned()), country_database: None },
        &targets(),
    );
    let told: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    for place in
        ["`a.cedar` line 1", "`b.cedar` line 1", "`b.cedar` line 2", "`c.cedar` line 1", "`c.cedar` line 2", "`d.toml` line 2"]
    {
        assert!(told.iter().any(|told| told.starts_with(place)), "{place} {told:#?}");
    }
}
