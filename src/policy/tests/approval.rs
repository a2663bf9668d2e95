//! What only the user's agreement makes possible.

use super::*;

const PERMIT: &str = r#"
@id("read") permit (principal, action == Action::"delegate", resource) when { context.scope == "calendar.read" };
@id("write") @approval("required")
permit (principal, action == Action::"delegate", resource) when { context.scope == "calendar.write" };
"#;

fn told(decision: &Decision) -> [String; 3] {
    [&decision.granted, &decision.denied, &decision.approval_missing].map(ToString::to_string)
}

fn agreed(scopes: Option<&str>) -> Ask {
    Ask { approval: Some(Approval { scopes: scopes.map(|scopes| scopes.parse().unwrap()) }), ..Ask::default() }
}

#[test]
fn what_only_lacks_an_approval_is_named() {
    let policy = policy(PERMIT);
    for _ in 0..2 {
        let decision = Ask::default().decide(&policy);
        assert_eq!(told(&decision), ["calendar.read", "calendar.write", "calendar.write"]);
        assert_eq!(ids(&decision), ["read", "write"]);
        assert_eq!(told(&agreed(Some("calendar.write")).decide(&policy)), ["calendar.read calendar.write", "", ""]);
        assert_eq!(told(&agreed(None).decide(&policy)), ["calendar.read calendar.write", "", ""]);
        let other = agreed(Some("calendar.read mail.read")).decide(&policy);
        assert_eq!(told(&other), ["calendar.read", "calendar.write", "calendar.write"]);
    }
}

#[test]
fn a_condition_can_ask_for_it_too() {
    let policy = policy(
        r#"permit (principal, action, resource);
           @id("ask") forbid (principal, action == Action::"delegate", resource)
           when { context.scope == "calendar.write" } unless { context.approved };"#,
    );
    let decision = Ask::default().decide(&policy);
    assert_eq!(
        (told(&decision), ids(&decision)),
        (["calendar.read", "calendar.write", "calendar.write"].map(str::to_owned), vec!["ask", "test.cedar#1"])
    );
    assert_eq!(told(&agreed(None).decide(&policy))[0], "calendar.read calendar.write");
}

#[test]
fn what_an_approval_would_not_change_does_not_ask_for_one() {
    let forbidden = policy(&format!("{PERMIT} @id(\"no\") forbid (principal, action, resource);"));
    assert_eq!(told(&Ask::default().decide(&forbidden)), ["", "calendar.read calendar.write", ""]);
    let shallow = policy(&PERMIT.replace("@id(\"write\")", "@id(\"write\") @depth(\"1\")"));
    let ask = Ask { previous: vec![RESEARCHER], hop: Hop::Push, ..Ask::default() };
    assert_eq!(told(&ask.decide(&shallow)), ["calendar.read", "calendar.write", ""]);
    let twice = Ask { previous: vec![PLANNER, RESEARCHER], hop: Hop::Push, ..Ask::default() };
    assert_eq!(told(&twice.decide(&policy(PERMIT))), ["", "calendar.read calendar.write", ""]);
    assert_eq!(told(&Ask { scopes: "mail.read", ..Ask::default() }.decide(&policy(PERMIT))), ["", "mail.read", ""]);
}

#[test]
fn every_permit_that_fires_has_its_say() {
    let policy = policy(&format!("{PERMIT} permit (principal, action, resource);"));
    assert_eq!(told(&Ask::default().decide(&policy)), ["calendar.read", "calendar.write", "calendar.write"]);
}

#[test]
fn where_nobody_can_agree_what_needs_it_is_denied() {
    let policy = policy("@approval(\"required\") permit (principal, action, resource);");
    assert!(!agreed(None).decide_wit(&policy).allowed);
    let decision = agreed(None).decide_for_itself(&policy);
    assert_eq!(told(&decision), ["", "calendar.read calendar.write", ""]);
}
