use super::*;

fn refusal(text: &str) -> String {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "test.cedar", text);
    load(directory.path()).err().unwrap().to_string()
}

#[test]
fn a_syntax_error_names_file_and_line() {
    let message = refusal("// a comment\n\npermit (principal, action resource);");
    assert!(message.starts_with("`test.cedar` line 3: "), "{message}");
}

#[test]
fn a_word_outside_the_schema_names_file_and_line() {
    let message = refusal(
        "// ok\npermit (principal, action == Action::\"delegate\", resource)\nwhen\n{ context.user.grups.contains(\"x\") };",
    );
    assert!(message.starts_with("`test.cedar` line 4: ") && message.contains("grups"), "{message}");
}

#[test]
fn an_unguarded_optional_attribute_is_refused() {
    assert!(refusal("permit (principal, action == Action::\"delegate\", resource) when { context.ttl < 60 };").contains("`ttl`"));
}

#[test]
fn a_broken_annotation_names_file_line_policy_and_remedy() {
    let message = refusal(
        "\npermit (principal, action, resource);\n\n@id(\"b\")\n@ttl(\"30 parsecs\")\npermit (principal, action, resource);",
    );
    assert_eq!(
        message,
        "`test.cedar` line 4, policy `b`: `@ttl(\"30 parsecs\")` is not a duration of a second or more: write one such as `30m` or `1h 30m`"
    );
    let message = refusal("@depth(\"many\") permit (principal, action, resource);");
    assert!(message.starts_with("`test.cedar` line 1, policy `test.cedar#1`: `@depth(\"many\")` is not a number"), "{message}");
}

#[test]
fn a_template_is_refused() {
    assert!(refusal("permit (principal == ?principal, action, resource);").contains("slot"));
}

#[test]
fn one_id_twice_is_refused() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a.cedar", "@id(\"same\") permit (principal, action, resource);");
    write(directory.path(), "b.cedar", "\n@id(\"same\") forbid (principal, action, resource);");
    let message = load(directory.path()).err().unwrap().to_string();
    assert_eq!(
        message,
        "`b.cedar` line 2: the policy id `same` is already that of a policy in `a.cedar` line 1: change one of them"
    );
    write(directory.path(), "b.cedar", "@id(\"a.cedar#2\") permit (principal, action, resource);");
    write(directory.path(), "a.cedar", "permit (principal, action, resource);".repeat(3).as_str());
    assert!(matches!(load(directory.path()), Err(PolicyError::DuplicateId { .. })));
}

#[test]
fn policies_without_id_are_counted_and_other_annotations_are_free() {
    let policy = policy("@owner(\"me\") permit (principal, action, resource); permit (principal, action, resource);");
    assert_eq!(ids(&Ask::default().decide(&policy)), ["test.cedar#1", "test.cedar#2"]);
}

#[test]
fn files_that_are_no_policies_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    assert!(matches!(load(&path.join("absent")), Err(PolicyError::Directory { .. })));
    fs::create_dir(path.join("x.cedar")).unwrap();
    assert!(matches!(load(path), Err(PolicyError::File { .. })));
    fs::remove_dir(path.join("x.cedar")).unwrap();
    fs::write(path.join("x.cedar"), [0xff]).unwrap();
    assert!(matches!(load(path), Err(PolicyError::NotText(_))));
    write(path, "x.cedar", &" ".repeat((1 << 20) + 1));
    assert!(matches!(load(path), Err(PolicyError::TooLong { .. })));
    write(path, "x.cedar", &" ".repeat(1 << 20));
    assert!(load(path).is_ok());
    for index in 0..1_000 {
        write(path, &format!("{index}.cedar"), "");
    }
    assert!(matches!(load(path), Err(PolicyError::TooManyFiles { .. })));
}

#[test]
fn other_files_are_left_alone_and_nothing_is_allowed_without_policies() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "notes.txt", "permit");
    write(directory.path(), ".#open.cedar", "permit");
    let decision = Ask::default().decide(&load(directory.path()).unwrap());
    assert!(!decision.allowed && decision.policies.is_empty() && decision.errors.is_empty());
}

#[test]
fn the_hash_follows_names_and_contents() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write(path, "a.cedar", "permit (principal, action, resource);");
    let hash = || load(path).unwrap().hash();
    let first = hash();
    // sha256sum a.cedar | sha256sum, as base64url
    assert_eq!(first.as_str(), "u4218PDT18_4fTu712pRXXlQUhoFsPwxkVBc35Tz7Bw");
    write(path, "a.cedar", "permit (principal, action, resource); ");
    assert_ne!(hash(), first);
    write(path, "a.cedar", "permit (principal, action, resource);");
    assert_eq!(hash(), first);
    fs::rename(path.join("a.cedar"), path.join("b.cedar")).unwrap();
    assert_ne!(hash(), first);
}

#[test]
fn a_reload_takes_the_new_set_and_a_broken_one_keeps_the_last() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a.cedar", DEV);
    let policy = load(directory.path()).unwrap();
    let first = policy.hash();

    write(directory.path(), "b.cedar", "permit (");
    assert!(matches!(policy.reload(), Err(PolicyError::Syntax { .. })));
    assert_eq!(policy.hash(), first);
    assert!(Ask::default().decide(&policy).allowed);

    write(directory.path(), "b.cedar", "forbid (principal, action, resource);");
    policy.reload().unwrap();
    let decision = Ask::default().decide(&policy);
    assert!(!decision.allowed && decision.policy_set != first);
}

#[test]
fn who_takes_users_for_members_of_groups_is_told() {
    for condition in
        ["context.user in Group::\"blocked\"", "context.scope == \"x\" || context.user in [Group::\"a\", Group::\"b\"]"]
    {
        let directory = TempDir::new().unwrap();
        let text = format!("\nforbid (principal, action == Action::\"delegate\", resource) when {{ {condition} }};");
        write(directory.path(), "test.cedar", &text);
        let error = load(directory.path()).err().unwrap();
        let PolicyError::Unfit { place, reason, .. } = &error else { panic!("{error}") };
        assert!(place.line == Some(2) && reason.contains("context.user.groups.contains"), "{error}");
    }
}

#[test]
fn a_policy_that_is_too_deep_is_refused_and_harms_nobody() {
    let any = |many: usize| (0..many).map(|n| format!("context.scope == \"s{n}\"")).collect::<Vec<_>>().join(" || ");
    for (many, is_fine) in [(100, true), (200, false), (10_000, false)] {
        let directory = TempDir::new().unwrap();
        let text = format!("permit (principal, action == Action::\"delegate\", resource) when {{ {} }};", any(many));
        write(directory.path(), "test.cedar", &text);
        match load(directory.path()) {
            Ok(_) => assert!(is_fine, "{many}"),
            Err(error) => assert!(!is_fine && error.to_string().contains("too deeply"), "{many}: {error}"),
        }
    }
}
