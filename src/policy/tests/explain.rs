//! Why a decision is what it is.

use super::*;

fn explain(ask: &Ask, policy: &Policy) -> Explanation {
    ask.with(policy, |request| policy.explain(request))
}

/// The policies of one scope with what became of them.
fn told(explanation: &Explanation, scope: &str) -> Vec<(String, PolicyOutcome)> {
    let explained = explanation.questions.iter().find(|it| it.scope.as_ref().is_some_and(|it| it.as_str() == scope)).unwrap();
    explained.policies.iter().map(|policy| (policy.id.to_string(), policy.outcome.clone())).collect()
}

fn failed(outcome: &PolicyOutcome) -> &FailedCondition {
    let PolicyOutcome::Fails(conditions) = outcome else { panic!("{outcome:?}") };
    assert_eq!(conditions.len(), 1, "{conditions:?}");
    &conditions[0]
}

#[test]
fn policies_that_fire_and_those_that_nearly_do_are_told() {
    let policy = policy(DEV);
    let explanation = explain(&Ask { user_groups: vec!["guests".into()], ..Ask::default() }, &policy);
    assert!(!explanation.decision.allowed && explanation.questions.iter().all(|it| !it.is_granted));
    let write = told(&explanation, "calendar.write");
    let [(permit, nearly), (forbid, fires)] = write.as_slice() else { panic!("{write:?}") };
    assert_eq!((permit.as_str(), forbid.as_str()), ("planner-calendar", "calendar-writes-for-staff-only"));
    assert!(matches!(fires, PolicyOutcome::Holds));
    let condition = failed(nearly);
    assert!(!condition.is_unless);
    assert_eq!(condition.text, r#"context.user.groups.contains("staff")"#);
    assert_eq!(condition.values, [("context.user.groups".to_owned(), r#"["guests"]"#.to_owned())]);
    // What the head excludes is not told: other agents, other targets, other actions.
    assert_eq!(told(&explanation, "calendar.read").len(), 2);
}

#[test]
fn of_joined_conditions_the_first_that_is_false_is_told() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource)
           when { context.depth == 1 && context.hop == "push" && context.weekday == 9 };"#,
    );
    let told = told(&explain(&Ask::default(), &policy), "calendar.read");
    assert_eq!(failed(&told[0].1).text, r#"context.hop == "push""#);
    assert_eq!(failed(&told[0].1).values, [("context.hop".to_owned(), "\"begin\"".to_owned())]);
}

#[test]
fn an_unless_that_is_true_is_told_and_so_is_what_is_not_there() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource) unless { context.user.sub == "alice" };
           permit (principal, action == Action::"delegate", resource) when { context has country && context.country == "DE" };
           permit (principal, action == Action::"delegate", resource)
           when { principal.hasTag("run") && principal.getTag("run") == "1" };"#,
    );
    let told = told(&explain(&Ask::default(), &policy), "calendar.read");
    let [(_, unless), (_, country), (_, tag)] = told.as_slice() else { panic!("{told:?}") };
    assert!(failed(unless).is_unless);
    assert_eq!(failed(unless).values, [("context.user.sub".to_owned(), "\"alice\"".to_owned())]);
    assert_eq!(failed(country).values, [("context.country".to_owned(), "not there".to_owned())]);
    assert_eq!(failed(tag).values, [("principal.getTag(\"run\")".to_owned(), "not there".to_owned())]);
}

#[test]
fn what_annotations_ask_for_is_told() {
    let policy = policy(r#"@depth("1") @approval("required") permit (principal, action == Action::"delegate", resource);"#);
    let ask = Ask { hop: Hop::Push, previous: vec![PLANNER], ..Ask::default() };
    let told = told(&explain(&ask, &policy), "calendar.read");
    let PolicyOutcome::Unmet(reasons) = &told[0].1 else { panic!("{told:?}") };
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    for word in ["2 actors", "did not agree", "`@repeats(\"allowed\")`"] {
        assert!(reasons.iter().any(|reason| reason.contains(word)), "{reasons:?}");
    }
}

#[test]
fn what_cannot_be_evaluated_or_asked_is_told() {
    let policy = policy(
        r#"permit (principal, action, resource);
           forbid (principal, action == Action::"delegate", resource) when { context.depth + 9223372036854775807 > 0 };"#,
    );
    let explanation = explain(&Ask { scopes: "calendar.read admin", ..Ask::default() }, &policy);
    let read = told(&explanation, "calendar.read");
    assert!(matches!(&read[1].1, PolicyOutcome::Broken(reason) if reason.contains("overflow")), "{read:?}");
    let admin = explanation.questions.iter().find(|it| it.scope.as_ref().unwrap().as_str() == "admin").unwrap();
    assert_eq!(admin.obstacle.as_deref(), Some("the target does not know it"));
}

#[test]
fn an_action_without_scopes_is_explained_as_one() {
    let policy = policy(DEV);
    let explanation = Ask { credential: Credential::X509Svid, ..Ask::default() }
        .with(&policy, |request| policy.explain(&Request { action: Action::IssueWit, ..*request }));
    assert_eq!(explanation.questions.len(), 1);
    let condition = failed(&explanation.questions[0].policies[0].outcome);
    assert!(condition.text.contains("contains(context.credential)"), "{}", condition.text);
}

/// Whatever is explained, the explanation says what the decision says.
#[test]
fn explanations_agree_with_decisions() {
    let policy = policy(DEV);
    for workload in [PLANNER, RESEARCHER, ARCHIVIST, SERVER] {
        for (target, scopes) in [("calendar", "calendar.read calendar.write"), ("mail", "mail.read"), ("files", "files.read x")] {
            for groups in [vec![], vec!["staff".to_owned()]] {
                let ask = Ask { workload, target, scopes, user_groups: groups, ..Ask::default() };
                let (decision, explanation) = (ask.decide(&policy), explain(&ask, &policy));
                for explained in &explanation.questions {
                    let holds = |is_forbid| {
                        let mut policies = explained.policies.iter().filter(|policy| policy.is_forbid == is_forbid);
                        policies.any(|policy| matches!(policy.outcome, PolicyOutcome::Holds))
                    };
                    let is_granted = decision.granted.contains(explained.scope.as_ref().unwrap());
                    assert_eq!(is_granted, holds(false) && !holds(true), "{explained:?}");
                    assert_eq!(is_granted, explained.is_granted);
                }
            }
        }
    }
}
