use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::path::Path;

use procura_token::{Actor, ActorChain, Resource, ScopeSet, UnixTime, WorkloadId};
use tempfile::TempDir;

use super::*;

mod agent;
mod answered;
mod approval;
mod chain;
mod context;
mod country;
mod detail;
mod explain;
mod load;
mod oddity;
mod platform;
mod recorded;
mod slice;
mod table;

const DEV: &str = include_str!("../cli/dev/policy.cedar");
const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
const RESEARCHER: &str = "spiffe://dev.procura.test/agent/researcher";
const ARCHIVIST: &str = "spiffe://dev.procura.test/agent/archivist";
const SERVER: &str = "spiffe://dev.procura.test/server/calendar";

fn targets() -> Targets {
    let target = |resource: &str, name: &str, scopes: &str| Target {
        resource: resource.parse().unwrap(),
        name: Some(name.to_owned()),
        scopes: scopes.parse().unwrap(),
        owner: Some("platform".to_owned()),
        tags: vec!["internal".to_owned()],
        workloads: Vec::new(),
    };
    Targets::new([
        target("http://127.0.0.1:8090/calendar", "calendar", "calendar.read calendar.write"),
        target("http://127.0.0.1:8090/mail", "mail", "mail.read"),
        target("http://127.0.0.1:8090/files", "files", "files.read"),
    ])
    .unwrap()
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}

fn load(directory: &Path) -> Result<Policy, PolicyError> {
    Policy::load(&PolicySettings { directory: directory.to_owned(), entities: None, country_database: None }, targets())
}

/// With policies and entities in one directory.
fn load_all(directory: &Path) -> Result<Policy, PolicyError> {
    Policy::load(
        &PolicySettings { directory: directory.to_owned(), entities: Some(directory.to_owned()), country_database: None },
        targets(),
    )
}

fn policy(text: &str) -> Policy {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "test.cedar", text);
    load(directory.path()).unwrap()
}

/// A request to be varied: by the planner, at the calendar, for a member of the staff.
struct Ask {
    workload: &'static str,
    target: &'static str,
    scopes: &'static str,
    user_groups: Vec<String>,
    previous: Vec<&'static str>,
    source_ip: Option<&'static str>,
    country: Option<&'static str>,
    time: UnixTime,
    credential: Credential,
    hop: Hop,
    parent: Option<(&'static str, &'static str)>,
    posture: Option<Posture>,
    approval: Option<Approval>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            workload: PLANNER,
            target: "calendar",
            scopes: "calendar.read calendar.write",
            user_groups: vec!["staff".to_owned()],
            previous: vec![],
            source_ip: Some("192.0.2.7"),
            time: UnixTime::from_secs(1_800_000_000),
            country: None,
            credential: Credential::JwtSvid,
            hop: Hop::Begin,
            parent: None,
            posture: None,
            approval: None,
        }
    }
}

impl Ask {
    fn chain(&self) -> Option<ActorChain> {
        let mut previous = self.previous.iter().map(|id| Actor { id: id.parse().unwrap(), profile: None });
        let first = ActorChain::new(previous.next()?);
        Some(previous.fold(first, |chain, actor| chain.extend(actor).unwrap()))
    }

    fn with<T>(&self, policy: &Policy, then: impl Fn(&Request<'_>) -> T) -> T {
        let (workload, scopes, chain) =
            (self.workload.parse::<WorkloadId>().unwrap(), self.scopes.parse::<ScopeSet>().unwrap(), self.chain());
        let user = User {
            issuer: "dev",
            subject: "alice",
            groups: &self.user_groups,
            acr: Some("urn:example:gold"),
            amr: &["pwd".to_owned()],
            auth_age: Some(Duration::from_secs(60)),
        };
        let target = policy.targets().find_by_name(self.target).unwrap();
        let parent =
            self.parent.map(|(target, actor)| (target.parse::<Resource>().unwrap(), actor.parse::<WorkloadId>().unwrap()));
        then(&Request {
            workload: &workload,
            credential: self.credential,
            platform: None,
            action: Action::Delegate(Delegate {
                target,
                scopes: &scopes,
                user,
                chain: chain.as_ref(),
                hop: self.hop,
                parent: parent.as_ref().map(|(target, actor)| Parent { target, actor }),
                posture: self.posture.as_ref(),
                approval: self.approval.as_ref(),
            }),
            time: self.time,
            source_ip: self.source_ip.map(|ip| ip.parse::<IpAddr>().unwrap()),
            country: self.country.map(|code| code.parse().unwrap()),
            ttl: Some(Duration::from_secs(600)),
        })
    }

    fn decide(&self, policy: &Policy) -> Decision {
        self.with(policy, |request| policy.decide(request))
    }

    fn decide_for_itself(&self, policy: &Policy) -> Decision {
        let scopes = self.scopes.parse::<ScopeSet>().unwrap();
        let target = policy.targets().find_by_name(self.target).unwrap();
        let action = Action::ActForItself { target, scopes: &scopes };
        self.with(policy, |request| policy.decide(&Request { action, ..*request }))
    }

    fn decide_wit(&self, policy: &Policy) -> Decision {
        self.with(policy, |request| policy.decide(&Request { action: Action::IssueWit, ..*request }))
    }
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.policies.iter().map(|id| &**id).collect()
}

#[test]
fn the_planner_gets_both_scopes_for_staff() {
    let policy = policy(DEV);
    let decision = Ask::default().decide(&policy);
    assert!(decision.allowed);
    assert_eq!(decision.granted.to_string(), "calendar.read calendar.write");
    assert!(decision.denied.is_empty() && decision.errors.is_empty());
    assert_eq!((decision.ttl, decision.depth), (Some(Duration::from_secs(1800)), None));
    assert_eq!(ids(&decision), ["planner-calendar"]);
    assert_eq!(decision.policy_set, policy.hash());
}

#[test]
fn the_researcher_is_narrowed_to_reading() {
    let decision = Ask { workload: RESEARCHER, ..Ask::default() }.decide(&policy(DEV));
    assert!(decision.allowed);
    assert_eq!((decision.granted.to_string(), decision.denied.to_string()), ("calendar.read".into(), "calendar.write".into()));
    assert_eq!(ids(&decision), ["researcher-calendar"]);
}

#[test]
fn nobody_else_gets_anything() {
    let policy = policy(DEV);
    for (workload, target, scopes, granted) in [
        (ARCHIVIST, "files", "files.read", "files.read"),
        (RESEARCHER, "files", "files.read", "files.read"),
        (PLANNER, "mail", "mail.read", "mail.read"),
        (ARCHIVIST, "calendar", "calendar.read", ""),
        (RESEARCHER, "mail", "mail.read", ""),
        (PLANNER, "files", "files.read", ""),
        (SERVER, "calendar", "calendar.read", ""),
        ("spiffe://dev.procura.test/agent/planner2", "calendar", "calendar.read", ""),
        ("spiffe://other.example/agent/planner", "calendar", "calendar.read", ""),
        ("wimse://dev.procura.test/agent/planner", "calendar", "calendar.read", ""),
    ] {
        let decision = Ask { workload, target, scopes, ..Ask::default() }.decide(&policy);
        assert_eq!(
            (decision.granted.to_string().as_str(), decision.allowed),
            (granted, !granted.is_empty()),
            "{workload} {scopes}"
        );
        assert_eq!(decision.policies.is_empty(), granted.is_empty());
    }
}

#[test]
fn the_groups_of_the_user_decide() {
    let policy = policy(DEV);
    for (groups, allowed) in [(vec![], false), (vec!["guests"], false), (vec!["staff2"], false), (vec!["guests", "staff"], true)]
    {
        let user_groups = groups.into_iter().map(str::to_owned).collect();
        assert_eq!(Ask { user_groups, ..Ask::default() }.decide(&policy).allowed, allowed);
    }
}

#[test]
fn a_forbid_wins_over_every_permit() {
    let policy = policy(&format!("{DEV}\n@id(\"all\") permit (principal, action, resource);"));
    let decision = Ask { user_groups: vec![], ..Ask::default() }.decide(&policy);
    assert_eq!((decision.granted.to_string(), decision.denied.to_string()), ("calendar.read".into(), "calendar.write".into()));
    assert_eq!(ids(&decision), ["all", "calendar-writes-for-staff-only"]);
}

#[test]
fn scopes_the_target_does_not_know_are_denied() {
    let decision =
        Ask { scopes: "calendar.read admin", ..Ask::default() }.decide(&policy("permit (principal, action, resource);"));
    assert_eq!((decision.granted.to_string(), decision.denied.to_string()), ("calendar.read".into(), "admin".into()));
}

#[test]
fn asking_for_no_scope_or_at_a_strange_target_grants_nothing() {
    let policy = policy("permit (principal, action, resource);");
    assert!(!Ask { scopes: "", ..Ask::default() }.decide(&policy).allowed);
    let strange = Target { resource: "https://strange.example".parse().unwrap(), ..targets().iter().next().unwrap().clone() };
    let decision = Ask::default().with(&policy, |request| {
        let Action::Delegate(delegate) = request.action else { unreachable!() };
        policy.decide(&Request { action: Action::Delegate(Delegate { target: &strange, ..delegate }), ..*request })
    });
    assert!(!decision.allowed && decision.granted.is_empty());
    assert_eq!(decision.errors, ["the target `https://strange.example` is unknown here"]);
}

#[test]
fn the_least_ttl_of_the_permits_that_fired_wins() {
    let policy = policy(
        r#"
        @ttl("1h") permit (principal, action, resource);
        @ttl("10m") permit (principal, action == Action::"delegate", resource) when { context.scope == "calendar.write" };
        @ttl("1m") permit (principal, action == Action::"delegate", resource) when { context.scope == "mail.read" };
        permit (principal, action, resource);
        "#,
    );
    assert_eq!(Ask::default().decide(&policy).ttl, Some(Duration::from_secs(600)));
    assert_eq!(Ask { scopes: "calendar.read", ..Ask::default() }.decide(&policy).ttl, Some(Duration::from_secs(3600)));
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_its_scope() {
    for effect in ["forbid", "permit"] {
        let policy = policy(&format!(
            r#"
            @id("all") permit (principal, action, resource);
            @id("broken") {effect} (principal, action == Action::"delegate", resource)
            when {{ context.scope == "calendar.write" && context.depth + 9223372036854775807 > 0 }};
            "#
        ));
        let decision = Ask::default().decide(&policy);
        assert_eq!(
            (decision.granted.to_string(), decision.denied.to_string()),
            ("calendar.read".into(), "calendar.write".into())
        );
        assert_eq!(ids(&decision), ["all", "broken"]);
        assert!(decision.errors.len() == 1 && decision.errors[0].contains("`broken`"), "{:?}", decision.errors);
    }
}

#[test]
fn more_actors_than_a_permit_allows_are_denied() {
    let policy = policy(
        r#"@id("two") @depth("2") permit (principal, action, resource); @depth("5") permit (principal, action, resource);"#,
    );
    let two = Ask { previous: vec![RESEARCHER], ..Ask::default() }.decide(&policy);
    assert_eq!((two.allowed, two.depth), (true, Some(2)));
    let three = Ask { previous: vec![RESEARCHER, ARCHIVIST], ..Ask::default() }.decide(&policy);
    assert_eq!((three.allowed, three.depth, ids(&three)), (false, None, vec!["two"]));
}

#[test]
fn policies_see_the_chain_the_time_and_the_address() {
    let policy = policy(
        r#"permit (principal, action == Action::"delegate", resource) when {
            context.chain.contains("spiffe://dev.procura.test/agent/researcher") && context.depth == 2
            && context.time == datetime("2027-01-15T08:00:00.500Z")
            && context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8"))
            && context has ttl && context.ttl == 600 && context.user has acr && context.user.acr == "urn:example:gold"
            && context.user.amr.contains("pwd")
            && context.user has auth_age && context.user.auth_age == 60 && resource has owner && resource.owner == "platform"
            && resource.tags.contains("internal") && resource.scopes.contains(context.scope)
            && context.credential == "wit" && principal.path == "/agent/planner"
        };"#,
    );
    let time = UnixTime::new(Duration::from_millis(1_800_000_000_500));
    let ask = |source_ip, time| Ask {
        previous: vec![RESEARCHER],
        source_ip: Some(source_ip),
        time,
        credential: Credential::Wit,
        ..Ask::default()
    };
    assert!(ask("10.1.2.3", time).decide(&policy).allowed);
    assert!(ask("::ffff:10.1.2.3", time).decide(&policy).allowed);
    assert!(!ask("192.0.2.1", time).decide(&policy).allowed);
    assert!(!ask("10.1.2.3", UnixTime::from_secs(0)).decide(&policy).allowed);
}

#[test]
fn no_address_and_no_time_is_beyond_cedar() {
    let policy = policy("permit (principal, action, resource);");
    for source_ip in [None, Some("::"), Some("::1.2.3.4"), Some("fe80::1"), Some("64:ff9b::1.2.3.4"), Some("255.255.255.255")] {
        for time in [UnixTime::from_secs(0), UnixTime::new(Duration::MAX)] {
            let decision = Ask { source_ip, time, ..Ask::default() }.decide(&policy);
            assert!(decision.allowed, "{source_ip:?} {time:?} {:?}", decision.errors);
        }
    }
}

#[test]
fn agents_get_a_wit_for_their_svid() {
    let policy = policy(DEV);
    let decision = Ask::default().decide_wit(&policy);
    assert_eq!((decision.allowed, decision.ttl, ids(&decision)), (true, Some(Duration::from_secs(3600)), vec!["agent-wit"]));
    assert!(!Ask { workload: SERVER, ..Ask::default() }.decide_wit(&policy).allowed);
    assert!(!Ask { workload: "spiffe://other.example/agent/planner", ..Ask::default() }.decide_wit(&policy).allowed);
    assert!(!Ask { credential: Credential::X509Svid, ..Ask::default() }.decide_wit(&policy).allowed);
}
