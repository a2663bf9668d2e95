//! What policies know of the moment, the place and the machine.

use super::*;

const DAY: u64 = 24 * 3600;

#[test]
fn policies_see_the_day_of_the_week_and_answers_are_remembered_for_one_day() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource) when { context.weekday <= 5 };
           permit (principal, action == Action::"issue_wit", resource) when { context.weekday == 6 };"#,
    );
    // 2027-01-15 is a Friday.
    let ask = |days: u64| Ask { time: UnixTime::from_secs(1_800_000_000 + days * DAY), ..Ask::default() };
    for (days, allowed) in [(0, true), (1, false), (2, false), (3, true), (4, true), (7, true), (8, false)] {
        assert_eq!(ask(days).decide(&policy).allowed, allowed, "{days}");
    }
    assert!(ask(1).decide_wit(&policy).allowed && !ask(2).decide_wit(&policy).allowed);
    assert_eq!([0, DAY, 3 * DAY, 4 * DAY].map(|time| question::weekday(UnixTime::from_secs(time))), [4, 5, 7, 1]);
}

#[test]
fn policies_see_the_country() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource)
           when { context has country && ["DE", "FR"].contains(context.country) };"#,
    );
    for (country, allowed) in [(Some("DE"), true), (Some("US"), false), (None, false), (Some("FR"), true)] {
        assert_eq!(Ask { country, ..Ask::default() }.decide(&policy).allowed, allowed, "{country:?}");
    }
}

#[test]
fn policies_see_what_an_attester_says() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource)
           when { context has posture && context.posture.attester == "edr"
                  && context.posture.hasTag("disk") && context.posture.getTag("disk") == "encrypted" };"#,
    );
    let posture = |attester: &str, disk: &str| {
        Some(Posture { attester: attester.to_owned(), claims: [("disk".to_owned(), disk.to_owned())].into() })
    };
    for _ in 0..2 {
        for (posture, allowed) in [
            (posture("edr", "encrypted"), true),
            (posture("edr", "plain"), false),
            (posture("sbom", "encrypted"), false),
            (Some(Posture { attester: "edr".to_owned(), claims: [].into() }), false),
            (None, false),
        ] {
            assert_eq!(Ask { posture: posture.clone(), ..Ask::default() }.decide(&policy).allowed, allowed, "{posture:?}");
        }
    }
}

#[test]
fn a_workload_that_acts_for_itself_is_asked_scope_by_scope() {
    let policy = policy(
        r#"@id("self") @ttl("5m") permit (principal, action == Action::"act_as_self", resource)
           when { context.scope == "calendar.read" && context.credential == "jwt-svid" };"#,
    );
    for _ in 0..2 {
        let decision = Ask { scopes: "calendar.read calendar.write mail.read", ..Ask::default() }.decide_for_itself(&policy);
        assert_eq!(
            (decision.granted.to_string().as_str(), decision.denied.to_string().as_str()),
            ("calendar.read", "calendar.write mail.read")
        );
        assert_eq!((decision.ttl, ids(&decision)), (Some(Duration::from_secs(300)), vec!["self"]));
        assert!(!Ask::default().decide(&policy).allowed, "no user is concerned by that");
    }
}
