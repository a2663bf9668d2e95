//! Authorization details, one by one.

use procura_token::{AuthorizationDetails, DetailType, DetailTypes, FieldRule};

use super::*;

const INVITE: &str = r#"
@id("invite") @ttl("5m") @depth("2")
permit (
    principal == Workload::"spiffe://dev.procura.test/agent/planner",
    action == Action::"delegate_detail",
    resource == Target::"http://127.0.0.1:8090/calendar"
)
when {
    context.detail.type == "invitation" && context.user.groups.contains("staff") &&
    context.detail has actions && ["send", "cancel"].containsAll(context.detail.actions) &&
    context.detail.amounts.hasTag("guests.most") &&
    context.detail.amounts.getTag("guests.most").lessThanOrEqual(decimal("10.0"))
};
@id("team-only")
forbid (principal, action == Action::"delegate_detail", resource)
when { context.detail.hasTag("calendar") && !context.detail.getTag("calendar").contains("team") };
"#;

fn types() -> DetailTypes {
    let fields = [
        ("actions", FieldRule::Subset),
        ("identifier", FieldRule::Equal),
        ("rooms", FieldRule::Subset),
        ("calendar", FieldRule::Equal),
        ("guests.most", FieldRule::AtMost),
    ];
    let fields = fields.into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect();
    DetailTypes::new([DetailType::new("invitation".to_owned(), fields, []).unwrap()]).unwrap()
}

fn decide(ask: &Ask, policy: &Policy, detail: &str) -> Decision {
    let (types, details) = (types(), AuthorizationDetails::parse(&format!("[{detail}]")).unwrap());
    let detail = details.iter().next().unwrap();
    ask.with(policy, |request| {
        let Action::Delegate(delegate) = request.action else { unreachable!("what `with` asks") };
        let action = Action::DelegateDetail(DelegateDetail { delegate, detail, types: &types });
        policy.decide(&Request { action, ..*request })
    })
}

#[test]
fn a_detail_is_granted_by_all_that_it_says() {
    let policy = policy(INVITE);
    for (detail, allowed) in [
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":10}}"#, true),
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":"10"}}"#, true),
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":"10.000000"}}"#, true),
        (r#"{"type":"invitation","actions":["cancel","send"],"guests":{"most":"9.9999"},"calendar":"team"}"#, true),
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":"10.0001"}}"#, false),
        // More digits than can be compared.
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":"0.00001"}}"#, false),
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":"9223372036854770000"}}"#, false),
        (r#"{"type":"invitation","actions":["send"]}"#, false),
        (r#"{"type":"invitation","guests":{"most":1}}"#, false),
        (r#"{"type":"invitation","actions":["read","send"],"guests":{"most":1}}"#, false),
        (r#"{"type":"invitation","actions":["send"],"guests":{"most":1},"calendar":"board"}"#, false),
        (r#"{"type":"Invitation","actions":["send"],"guests":{"most":1}}"#, false),
    ] {
        let decision = decide(&Ask::default(), &policy, detail);
        assert_eq!(decision.allowed, allowed, "{detail} {:?}", decision.errors);
        assert_eq!(decision.ttl, allowed.then_some(Duration::from_secs(300)), "{detail}");
    }
    let ours = r#"{"type":"invitation","actions":["send"],"guests":{"most":1}}"#;
    assert!(!decide(&Ask { workload: RESEARCHER, ..Ask::default() }, &policy, ours).allowed);
    assert!(!decide(&Ask { target: "mail", ..Ask::default() }, &policy, ours).allowed);
    assert!(!decide(&Ask { user_groups: vec![], ..Ask::default() }, &policy, ours).allowed);
    let third = Ask { previous: vec![SERVER, RESEARCHER], hop: Hop::Push, ..Ask::default() };
    assert!(!decide(&third, &policy, ours).allowed);
}

#[test]
fn what_is_permitted_by_scope_is_not_permitted_in_detail() {
    let policy = policy(DEV);
    assert!(Ask::default().decide(&policy).allowed);
    assert!(!decide(&Ask::default(), &policy, r#"{"type":"invitation"}"#).allowed);
}

#[test]
fn one_detail_is_not_answered_for_another() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate_detail", resource)
           when { context.detail.hasTag("rooms") && context.detail.getTag("rooms") == ["a", "b"]
                  && context.detail has identifier && context.detail.identifier == "x" };"#,
    );
    for _ in 0..2 {
        for (detail, allowed) in [
            (r#"{"type":"invitation","rooms":["b","a"],"identifier":"x"}"#, true),
            (r#"{"type":"invitation","rooms":["a"],"identifier":"x"}"#, false),
            (r#"{"type":"invitation","rooms":["a","b"],"identifier":"y"}"#, false),
        ] {
            assert_eq!(decide(&Ask::default(), &policy, detail).allowed, allowed, "{detail}");
        }
    }
}

#[test]
fn an_approval_of_scopes_is_none_of_details() {
    let policy = policy(r#"@approval("required") permit (principal, action == Action::"delegate_detail", resource);"#);
    let agreed = |scopes: Option<&str>| {
        let approval = Approval { scopes: scopes.map(|scopes| scopes.parse().unwrap()) };
        decide(&Ask { approval: Some(approval), ..Ask::default() }, &policy, r#"{"type":"invitation"}"#).allowed
    };
    assert!(agreed(None) && !agreed(Some("calendar.read calendar.write")));
    assert!(!decide(&Ask::default(), &policy, r#"{"type":"invitation"}"#).allowed);
}
