//! What was answered is known again, and only that.

use super::*;
use crate::policy::answered::Answered;

#[test]
fn what_was_answered_is_not_asked_again() {
    let policy = policy(DEV);
    let ask = Ask {
        previous: vec![RESEARCHER],
        country: Some("DE"),
        hop: Hop::Pull,
        parent: Some(("https://a.test/x", RESEARCHER)),
        posture: Some(Posture { attester: "edr".to_owned(), claims: [("disk".to_owned(), "encrypted".to_owned())].into() }),
        approval: Some(Approval { scopes: Some("calendar.read".parse().unwrap()) }),
        ..Ask::default()
    };
    ask.with(&policy, |request| {
        let Action::Delegate(Delegate { target, scopes, .. }) = request.action else { unreachable!() };
        for action in [request.action, Action::ActForItself { target, scopes }, Action::IssueWit] {
            let (request, answered) = (Request { action, ..*request }, Answered::default());
            let first = answered.recall(&request, || policy.decide(&request));
            let again = answered.recall(&request, || panic!("asked again: {action:?}"));
            assert_eq!((first.allowed, first.granted), (again.allowed, again.granted));
        }
    });
}

fn at(time: u64, policy: &Policy) -> bool {
    Ask { time: UnixTime::from_secs(1_800_000_000 + time), ..Ask::default() }.decide(policy).allowed
}

#[test]
fn a_policy_that_reads_the_moment_is_asked_every_time() {
    for time in ["context.time", "context[\"time\"]", "context[\"\\u{74}ime\"]", "(if true then context else context).time"] {
        let soon = r#"datetime("2027-01-15T08:00:01Z")"#;
        let policy = policy(&format!("permit (principal, action == Action::\"delegate\", resource) when {{ {time} < {soon} }};"));
        assert!(at(0, &policy) && !at(2, &policy), "{time}");
    }
}

#[test]
fn a_policy_that_reads_the_address_is_asked_for_every_address() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource)
           when { context has source_ip && context["source_ip"].isInRange(ip("192.0.2.0/24")) };"#,
    );
    for (source_ip, allowed) in [("192.0.2.7", true), ("198.51.100.7", false), ("192.0.2.8", true)] {
        assert_eq!(Ask { source_ip: Some(source_ip), ..Ask::default() }.decide(&policy).allowed, allowed, "{source_ip}");
    }
}

#[test]
fn no_policy_reads_the_moment_without_naming_it() {
    let directory = TempDir::new().unwrap();
    for whole in [
        r#"context.user == {issuer: "dev", sub: "alice", groups: ["staff"], amr: ["pwd"]}"#,
        r#"[context.user].contains({issuer: "dev", sub: "alice", groups: ["staff"], amr: ["pwd"], acr: "x"})"#,
        r#"context == {scope: "calendar.read", user: context.user, chain: context.chain, depth: 1, credential: "wit"}"#,
    ] {
        let text = format!("permit (principal, action == Action::\"delegate\", resource) when {{ {whole} }};");
        write(directory.path(), "test.cedar", &text);
        assert!(matches!(load(directory.path()), Err(PolicyError::Schema { .. })), "{whole}");
    }
}

#[test]
fn what_differs_in_anything_a_policy_may_read_is_another_question() {
    let policy = policy(DEV);
    let ask = Ask::default;
    let staff = || vec!["staff".to_owned()];
    for _ in 0..2 {
        for (asked, granted) in [
            (ask(), "calendar.read calendar.write"),
            (Ask { scopes: "calendar.read", ..ask() }, "calendar.read"),
            (Ask { scopes: "calendar.read mail.read", ..ask() }, "calendar.read"),
            (Ask { workload: RESEARCHER, ..ask() }, "calendar.read"),
            (Ask { workload: ARCHIVIST, ..ask() }, ""),
            (Ask { target: "mail", scopes: "mail.read", ..ask() }, "mail.read"),
            (Ask { user_groups: vec![], ..ask() }, ""),
            (Ask { user_groups: staff(), ..ask() }, "calendar.read calendar.write"),
        ] {
            assert_eq!(asked.decide(&policy).granted.to_string(), granted);
        }
        assert!(ask().decide_wit(&policy).allowed);
        assert!(!Ask { workload: SERVER, ..ask() }.decide_wit(&policy).allowed);
    }
}

#[test]
fn a_reload_forgets_all_answers() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "test.cedar", DEV);
    let policy = load(directory.path()).unwrap();
    assert!(Ask::default().decide(&policy).allowed);
    write(directory.path(), "test.cedar", "");
    policy.reload().unwrap();
    assert!(!Ask::default().decide(&policy).allowed);
}
