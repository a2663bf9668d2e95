//! Agents and groups that files describe.

use super::*;

const AGENTS: &str = r#"
[[agent]]
id = "spiffe://dev.procura.test/agent/planner"
groups = ["assistants"]
owner = "team-calendar"
profile = "ai_agent"
tags = ["internal", "beta"]

[[agent]]
id = "spiffe://dev.procura.test/agent/researcher"

[[group]]
name = "assistants"
in = ["agents"]

[[group]]
name = "agents"
"#;

fn with_agents(policy: &str, agents: &str) -> Result<Policy, PolicyError> {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "test.cedar", policy);
    write(directory.path(), "agents.toml", agents);
    load_all(directory.path())
}

fn refusal(agents: &str) -> String {
    with_agents("", agents).err().unwrap().to_string()
}

#[test]
fn an_agent_is_in_its_groups_and_in_theirs() {
    for (group, allowed) in [("assistants", true), ("agents", true), ("others", false)] {
        let text = format!("permit (principal in Group::\"{group}\", action, resource);");
        let policy = with_agents(&text, AGENTS).unwrap();
        assert_eq!(Ask::default().decide(&policy).allowed, allowed, "{group}");
        assert_eq!(Ask::default().decide_wit(&policy).allowed, allowed, "{group}");
        assert!(!Ask { workload: RESEARCHER, ..Ask::default() }.decide(&policy).allowed);
        assert!(!Ask { workload: "spiffe://other.test/agent/planner", ..Ask::default() }.decide(&policy).allowed);
    }
}

#[test]
fn policies_see_what_is_said_of_an_agent() {
    let text = r#"permit (principal, action, resource) when {
        principal has owner && principal.owner == "team-calendar" && principal has profile && principal.profile == "ai_agent"
        && principal.tags.contains("beta")
    };"#;
    let policy = with_agents(text, AGENTS).unwrap();
    assert!(Ask::default().decide(&policy).allowed);
    assert!(!Ask { workload: RESEARCHER, ..Ask::default() }.decide(&policy).allowed);
    assert!(!Ask { workload: ARCHIVIST, ..Ask::default() }.decide(&policy).allowed);
}

#[test]
fn an_agent_can_be_asked_for() {
    let policy = with_agents("", AGENTS).unwrap();
    let agent = policy.agent(&PLANNER.parse().unwrap()).unwrap();
    assert_eq!((agent.owner.as_deref(), agent.profile.as_deref()), (Some("team-calendar"), Some("ai_agent")));
    assert_eq!(agent.groups.iter().map(String::as_str).collect::<Vec<_>>(), ["agents", "assistants"]);
    assert!(policy.agent(&ARCHIVIST.parse().unwrap()).is_none());
}

#[test]
fn a_slip_is_told_with_its_place_and_what_may_have_been_meant() {
    for (agents, told) in [
        ("[[agent]]\nid = \"spiffe://a.test/x\"\nownr = \"me\"", "`agents.toml` line 3: unknown field `ownr`"),
        ("[[agent]]\nid = \"spiffe://a.test/x\"\nownr = \"me\"", "did you mean `owner`?"),
        ("\n[[agnt]]\nid = \"spiffe://a.test/x\"", "did you mean `agent`?"),
        ("[[agent]]\nid = \"planner\"", "`agents.toml` line 2: "),
        (
            "[[agent]]\nid = \"spiffe://a.test/x\"\ngroups = [\"opps\"]\n[[group]]\nname = \"ops\"",
            "`opps`, which no `[[group]]` describes; did you mean `ops`?",
        ),
        (
            "[[agent]]\nid = \"spiffe://a.test/x\"\n[[agent]]\nid = \"spiffe://a.test/x\"",
            "line 4: the agent `spiffe://a.test/x` occurs twice",
        ),
        ("[[agent]]\nid = \"spiffe://a.test/x\"\nowner = \"\"", "has `owner` = ``: write 1 to 256 bytes"),
        ("[[group]]\nname = \"a\"\n[[group]]\nname = \"a\"", "line 4: the group `a` occurs twice"),
        ("[[group]]\nname = \"\"", "has no name"),
        ("[[group]]\nname = \"a\"\nin = [\"b\"]", "the group `a` is in `b`, which no `[[group]]` describes"),
        ("[[group]]\nname = \"a\"\nin = [\"b\"]\n[[group]]\nname = \"b\"\nin = [\"a\"]", "the group `a` is in itself"),
        ("[[group]]\nname = \"a\"\nin = [\"a\"]", "the group `a` is in itself"),
        ("agent = 1", "`agents.toml` line 1: "),
    ] {
        let message = refusal(agents);
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn no_agent_is_in_more_groups_than_are_looked_at() {
    let chain = |length: usize| {
        let inner: String = (0..length - 1).map(|n| format!("[[group]]\nname = \"{n}\"\nin = [\"{}\"]\n", n + 1)).collect();
        format!("{inner}[[group]]\nname = \"{}\"\n[[agent]]\nid = \"{PLANNER}\"\ngroups = [\"0\"]", length - 1)
    };
    assert!(with_agents("", &chain(64)).is_ok());
    assert!(refusal(&chain(65)).contains("is in more than 64 groups"));
}

#[test]
fn entities_are_loaded_again_with_the_policies_and_broken_ones_change_neither() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write(path, "test.cedar", "permit (principal in Group::\"agents\", action, resource);");
    write(path, "agents.toml", "[[group]]\nname = \"agents\"");
    let policy = load_all(path).unwrap();
    let first = policy.hash();
    assert!(!Ask::default().decide(&policy).allowed);

    write(path, "test.cedar", "permit (principal, action, resource);");
    write(path, "agents.toml", "[[group]]\nnme = \"agents\"");
    assert!(matches!(policy.reload(), Err(PolicyError::Entity { .. })));
    assert!(!Ask::default().decide(&policy).allowed && policy.hash() == first);

    write(path, "test.cedar", "permit (principal in Group::\"agents\", action, resource);");
    write(path, "agents.toml", AGENTS);
    policy.reload().unwrap();
    assert!(Ask::default().decide(&policy).allowed);
    assert_ne!(policy.hash(), first, "the policies are the same, the agents are not");
}

proptest::proptest! {
    /// An agent is in whatever can be reached from its groups; a circle is refused.
    #[test]
    fn groups_are_what_can_be_reached(edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..12), first in 0_usize..8) {
        let within = |group: usize| edges.iter().filter(move |(inner, _)| *inner == group).map(|(_, outer)| *outer);
        let reached = |from: usize| {
            let (mut found, mut todo) = (std::collections::BTreeSet::new(), within(from).collect::<Vec<_>>());
            while let Some(group) = todo.pop() {
                if found.insert(group) {
                    todo.extend(within(group));
                }
            }
            found
        };
        let mut text = format!("[[agent]]\nid = \"{PLANNER}\"\ngroups = [\"{first}\"]\n");
        for group in 0..8 {
            let names = within(group).map(|outer| format!("\"{outer}\"")).collect::<Vec<_>>().join(", ");
            text += &format!("[[group]]\nname = \"{group}\"\nin = [{names}]\n");
        }
        let has_circle = (0..8).any(|group| reached(group).contains(&group));
        match with_agents("", &text) {
            Err(error) => proptest::prop_assert!(has_circle, "{error}"),
            Ok(policy) => {
                proptest::prop_assert!(!has_circle);
                let expected = reached(first).into_iter().chain([first]).map(|group| group.to_string()).collect();
                proptest::prop_assert_eq!(&policy.agent(&PLANNER.parse().unwrap()).unwrap().groups, &expected);
            }
        }
    }

    #[test]
    fn no_text_is_a_surprise_to_the_reader(text in ".{0,200}") {
        let _ = with_agents("", &text);
    }
}
