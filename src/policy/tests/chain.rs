//! What policies know of the tokens before, and who may act twice.

use super::*;

const ALL: &str = "permit (principal, action, resource);";

fn hop(hop: Hop, previous: Vec<&'static str>) -> Ask {
    Ask { hop, previous, ..Ask::default() }
}

#[test]
fn policies_see_how_a_token_follows_from_another() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource)
           when { context.hop == "push" && context has parent && context.parent.target == "https://a.test/x"
                  && context.parent.actor == "spiffe://dev.procura.test/agent/researcher" };"#,
    );
    let parent = Some(("https://a.test/x", RESEARCHER));
    for _ in 0..2 {
        assert!(Ask { parent, ..hop(Hop::Push, vec![RESEARCHER]) }.decide(&policy).allowed);
        assert!(!Ask { parent, ..hop(Hop::Pull, vec![RESEARCHER]) }.decide(&policy).allowed);
        assert!(!Ask { parent: Some(("https://a.test/y", RESEARCHER)), ..hop(Hop::Push, vec![]) }.decide(&policy).allowed);
        assert!(!Ask { parent: Some(("https://a.test/x", PLANNER)), ..hop(Hop::Push, vec![]) }.decide(&policy).allowed);
        assert!(!hop(Hop::Push, vec![RESEARCHER]).decide(&policy).allowed);
    }
}

#[test]
fn every_hop_has_its_name() {
    for (asked, name) in [
        (Hop::Begin, "begin"),
        (Hop::Continue, "continue"),
        (Hop::Push, "push"),
        (Hop::Pull, "pull"),
        (Hop::Handover, "handover"),
    ] {
        let text = format!("permit (principal, action == Action::\"delegate\", resource) when {{ context.hop == \"{name}\" }};");
        assert!(hop(asked, vec![]).decide(&policy(&text)).allowed, "{name}");
    }
}

#[test]
fn nobody_acts_twice_in_a_chain_unless_a_permit_allows_it() {
    let strict = policy(ALL);
    let relaxed = policy(&format!("{ALL} @id(\"again\") @repeats(\"allowed\") {ALL}"));
    for (previous, allowed) in [
        (vec![], true),
        (vec![RESEARCHER, ARCHIVIST], true),
        (vec![RESEARCHER, PLANNER], false),
        (vec![PLANNER, RESEARCHER], false),
    ] {
        for way in [Hop::Push, Hop::Pull, Hop::Handover] {
            let ask = hop(way, previous.clone());
            let decision = ask.decide(&strict);
            assert_eq!(decision.allowed, allowed, "{previous:?}");
            assert_eq!(ids(&decision), ["test.cedar#1"], "the permit is named that is not enough");
            assert!(ask.decide(&relaxed).allowed);
        }
    }
}

#[test]
fn a_permit_that_does_not_fire_allows_no_repetition() {
    let policy = policy(&format!(
        r#"{ALL} @repeats("allowed") permit (principal, action == Action::"delegate", resource)
           when {{ context.scope == "calendar.read" }};"#
    ));
    let decision = hop(Hop::Push, vec![PLANNER, RESEARCHER]).decide(&policy);
    assert_eq!((decision.granted.to_string(), decision.denied.to_string()), ("calendar.read".into(), "calendar.write".into()));
}

#[test]
fn who_continues_is_not_counted_twice() {
    let policy = policy(
        r#"@depth("2") permit (principal, action == Action::"delegate", resource)
           when { context.depth == 2 && context.chain == ["spiffe://dev.procura.test/agent/researcher"] };"#,
    );
    assert!(hop(Hop::Continue, vec![RESEARCHER, PLANNER]).decide(&policy).allowed);
    assert!(!hop(Hop::Push, vec![RESEARCHER, PLANNER]).decide(&policy).allowed);
    assert!(hop(Hop::Push, vec![RESEARCHER]).decide(&policy).allowed);
}
