//! The slices of a set say together what the whole set says.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::file::SourceFile;
use crate::policy::question::{Asked, Question};
use crate::policy::reads::Reads;
use crate::policy::set::Answer;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(&targets()).unwrap());

/// The planner is in no group, the researcher in one, the archivist in both.
const AGENTS: &str = r#"
agent = [
    { id = "spiffe://dev.procura.test/agent/researcher", groups = ["a"] },
    { id = "spiffe://dev.procura.test/agent/archivist", groups = ["b"] },
]
group = [{ name = "a" }, { name = "b", in = ["a"] }]
"#;

static EMPTY: LazyLock<Policy> = LazyLock::new(|| policy(""));

/// Action and resource of a head: all pairs that the schema lets stand together.
fn heads() -> Vec<(&'static str, &'static str)> {
    let actions = [
        "action",
        "action == Action::\"delegate\"",
        "action == Action::\"issue_wit\"",
        "action in Action::\"delegate\"",
        "action == Action::\"act_as_self\"",
        "action in [Action::\"delegate\", Action::\"issue_wit\"]",
    ];
    let resources = [
        "resource",
        "resource is Target",
        "resource == Target::\"http://127.0.0.1:8090/calendar\"",
        "resource in Target::\"http://127.0.0.1:8090/calendar\"",
        "resource is Target in Target::\"http://127.0.0.1:8090/calendar\"",
        "resource == Target::\"http://127.0.0.1:8090/mail\"",
        "resource == TrustDomain::\"dev.procura.test\"",
        "resource in TrustDomain::\"dev.procura.test\"",
    ];
    let fit = |action: &str, resource: &str| match (
        action.contains("delegate") || action.contains("act_as"),
        action.contains("issue_wit"),
    ) {
        (true, false) => !resource.contains("TrustDomain"),
        (false, true) => !resource.contains("Target"),
        _ => true,
    };
    let pairs = actions.into_iter().flat_map(|action| resources.map(|resource| (action, resource)));
    pairs.filter(|(action, resource)| fit(action, resource)).collect()
}

prop_compose! {
    fn statement()(
        effect in select(vec!["permit", "permit", "forbid"]),
        principal in select(vec![
            "principal",
            "principal is Workload",
            "principal == Workload::\"spiffe://dev.procura.test/agent/planner\"",
            "principal == Workload::\"spiffe://dev.procura.test/agent/researcher\"",
            "principal in Workload::\"spiffe://dev.procura.test/agent/planner\"",
            "principal in Group::\"a\"",
            "principal == Group::\"a\"",
            "principal in Group::\"b\"",
            "principal is Workload in Group::\"a\"",
        ]),
        (action, resource) in select(heads()),
        condition in select(vec![
            "",
            "when { context has scope && context.scope == \"calendar.read\" }",
            "when { context.scope == \"calendar.read\" }",
            "when { \"calendar.write\" == context.scope && 9223372036854775807 + 1 > 0 }",
            "when { [\"calendar.read\", \"calendar.read\"].contains(context.scope) && principal.path == \"/agent/planner\" }",
            "when { 9223372036854775807 + 1 > 0 && context.scope == \"calendar.write\" }",
            "when { context.user.sub == \"alice\" && 9223372036854775807 + 1 > 0 }",
            "when { [\"alice\", \"bob\"].contains(context.user.sub) && context.scope == \"calendar.read\" }",
            "when { [\"eve\"].contains(context.user.sub) }",
            "when { context.scope == context.user.sub }",
            "when { context.user.groups.contains(\"staff\") }",
            "when { context.user.groups.contains(\"admins\") }",
            "when { context.user.groups.containsAny([\"staff\", \"admins\"]) }",
            "when { context.user.groups == [\"staff\"] }",
            "when { [\"all\", \"staff\"].containsAll(context.user.groups) }",
            "unless { context.scope == \"calendar.read\" }",
            "when { principal.path == \"/agent/planner\" }",
            "when { 9223372036854775807 + 1 > 0 }",
        ]),
    ) -> String {
        // Not every action has a scope, or a user.
        let is_scope_there = action != "action" && !action.contains("issue_wit");
        let is_user_there = is_scope_there && !action.contains("act_as_self");
        let is_guarded = condition.contains("has scope");
        let fits = (is_user_there || !condition.contains("user")) && (is_scope_there || is_guarded || !condition.contains("scope"));
        format!("{effect} ({principal}, {action}, {resource}) {};\n", if fits { condition } else { "" })
    }
}

fn sorted(answer: &Answer<'_>) -> (Vec<Arc<str>>, Vec<Arc<str>>, Vec<String>) {
    let ids = |rules: &[&super::set::Rule]| {
        let mut ids: Vec<_> = rules.iter().map(|rule| Arc::clone(&rule.id)).collect();
        ids.sort();
        ids
    };
    let mut errors = answer.errors.clone();
    errors.sort();
    // Beside a forbid that holds, Cedar does not say which permits hold: they count for nothing.
    let permits = if answer.against.is_empty() { ids(&answer.permits) } else { Vec::new() };
    (permits, ids(&answer.against), errors)
}

proptest! {
    #[test]
    fn slices_answer_as_the_whole_set_does(
        statements in prop::collection::vec(statement(), 0..8),
        scope in select(vec!["calendar.read", "calendar.write"]),
        workload in select(vec![PLANNER, RESEARCHER, ARCHIVIST]),
        target in select(vec!["calendar", "mail"]),
        kind in 0..3,
    ) {
        let file = |name: &str, text: String| SourceFile { name: name.to_owned(), text };
        let (policies, entities) = (file("test.cedar", statements.concat()), file("agents.toml", AGENTS.to_owned()));
        let sources = Sources { policies: vec![policies], entities: Some(vec![entities]), has_countries: false };
        let mut report = Report::default();
        let set = Set::new(&VOCABULARY, &sources, &mut report).unwrap();
        prop_assert!(report.errors.is_empty());
        let scope: procura_token::Scope = scope.parse().unwrap();
        let scopes = ScopeSet::default();
        let ask = Ask { workload, target, ..Ask::default() };
        let put = |reads: &Reads| ask.with(&EMPTY, |request| {
            let action = match (kind, request.action) {
                (0, _) => Action::IssueWit,
                (1, Action::Delegate(delegate)) => Action::ActForItself { target: delegate.target, scopes: &scopes },
                (_, action) => action,
            };
            Question::new(&VOCABULARY, &set.agents, reads, &Request { action, ..*request }).unwrap()
        });
        let (question, full) = (put(&set.reads), put(&Reads::EVERYTHING));
        let approved = (kind == 2).then_some(false);
        let asked = (kind > 0).then_some(Asked { scope: &scope, approved });
        let request = question.ask(&VOCABULARY, asked).unwrap();
        let mut whole = Answer::default();
        set.consult(&set.whole, &full, &full.ask(&VOCABULARY, asked).unwrap(), &mut whole);
        prop_assert_eq!(sorted(&set.answer(&question, asked.map(|asked| asked.scope), &request)), sorted(&whole));
    }
}
