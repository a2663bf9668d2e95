//! What a decision costs with a thousand policies and ten thousand agents: `cargo bench -p procura --bench policy`.
//!
//! The set is made up, but shaped like one that grew: most policies are for one agent at one target, some for a group, some for
//! everybody at a target, a few for everybody everywhere. Nothing is asserted. An ES256 verification stands beside, as machines
//! differ.

#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise has failed")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use procura::app::Stopwatch;
use procura::policy::{Action, Credential, Delegate, Hop, Parent, Policy, PolicySettings, Request, Target, Targets, User};
use procura_token::{
    Actor, ActorChain, Algorithm, Resource, ScopeSet, Signer as _, SigningKey, UnixTime, VerifyingKey, WorkloadId,
};

/// As in the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AGENTS: usize = 10_000;
const GROUPS: usize = 200;
const TARGETS: usize = 200;
const DECISIONS: usize = 20_000;

fn agent(number: usize) -> String {
    format!("spiffe://prod.example/team-{}/agent-{number}", number % 50)
}

fn resource(number: usize) -> String {
    format!("https://api.example/service-{number}")
}

fn targets() -> Targets {
    let target = |number| Target {
        resource: resource(number).parse().unwrap(),
        name: None,
        scopes: "read write admin".parse().unwrap(),
        owner: Some(format!("team-{}", number % 50)),
        tags: vec![if number % 3 == 0 { "internal" } else { "public" }.to_owned()],
        workloads: Vec::new(),
    };
    Targets::new((0..TARGETS).map(target)).unwrap()
}

/// Ten thousand agents: each in two groups, each group in one of ten.
fn entities() -> String {
    let mut text = String::new();
    for number in 0..AGENTS {
        let (id, one, other, team) = (agent(number), number % GROUPS, number * 7 % GROUPS, number % 50);
        writeln!(text, "[[agent]]\nid = \"{id}\"\ngroups = [\"group-{one}\", \"group-{other}\"]\nowner = \"team-{team}\"")
            .unwrap();
        writeln!(text, "profile = \"ai_agent\"\ntags = [\"tag-{}\"]", number % 5).unwrap();
    }
    for number in 0..GROUPS {
        writeln!(text, "[[group]]\nname = \"group-{number}\"\nin = [\"division-{}\"]", number % 10).unwrap();
    }
    (0..10).for_each(|number| writeln!(text, "[[group]]\nname = \"division-{number}\"").unwrap());
    text
}

/// A thousand policies; `more` goes into one of them.
fn policies(more: &str) -> String {
    let mut text = String::new();
    for number in 0..1000 {
        let (agent, target, group) = (agent(number * 11 % AGENTS), resource(number % TARGETS), number % GROUPS);
        let head = match number % 100 {
            0..60 => {
                format!("principal == Workload::\"{agent}\", action == Action::\"delegate\", resource == Target::\"{target}\"")
            }
            60..80 => {
                format!("principal in Group::\"group-{group}\", action == Action::\"delegate\", resource == Target::\"{target}\"")
            }
            80..90 => format!("principal in Group::\"division-{}\", action == Action::\"delegate\", resource", number % 10),
            90..98 => format!("principal, action == Action::\"delegate\", resource == Target::\"{target}\""),
            _ => "principal, action == Action::\"delegate\", resource".to_owned(),
        };
        let (effect, condition) = match number % 100 {
            0..60 => ("permit", "when { context.user.groups.contains(\"staff\") }".to_owned()),
            60..80 => ("permit", "when { [\"read\", \"write\"].contains(context.scope) && context.depth <= 3 }".to_owned()),
            80..90 => (
                "permit",
                format!(
                    "when {{ context.scope == \"read\" && resource.tags.contains(\"internal\") && principal.tags.contains(\"tag-{}\") }}",
                    number % 5
                ),
            ),
            90..98 => {
                ("forbid", "when { context.scope == \"admin\" } unless { context.user.groups.contains(\"admins\") }".to_owned())
            }
            _ => ("forbid", format!("when {{ context.user.sub == \"blocked-{number}\"{more} }}")),
        };
        writeln!(text, "@id(\"p{number}\") @ttl(\"30m\") {effect} ({head}) {condition};").unwrap();
    }
    text
}

fn load(directory: &Path, more: &str) -> Policy {
    std::fs::write(directory.join("all.cedar"), policies(more)).unwrap();
    std::fs::write(directory.join("all.toml"), entities()).unwrap();
    let directory = directory.to_owned();
    let settings = PolicySettings { entities: Some(directory.clone()), directory, country_database: None };
    Policy::load(&settings, targets()).unwrap()
}

/// One question, different for each number.
struct Asked {
    workload: WorkloadId,
    target: Resource,
    subject: String,
    chain: ActorChain,
    parent: Resource,
}

fn asked(number: usize) -> Asked {
    let before: WorkloadId = agent(number * 13 % AGENTS).parse().unwrap();
    // Every second agent asks where a policy of its own is.
    let (workload, target) = match number % 2 {
        0 => (number % 1000 * 11 % AGENTS, number % 1000 % TARGETS),
        _ => (number * 17 % AGENTS, number * 3 % TARGETS),
    };
    Asked {
        workload: agent(workload).parse().unwrap(),
        target: resource(target).parse().unwrap(),
        subject: format!("user-{number}"),
        chain: ActorChain::new(Actor { id: before, profile: None }),
        parent: resource((number + 1) % TARGETS).parse().unwrap(),
    }
}

/// Median, 99 % and the longest of `count` decisions, and how many scopes were granted.
fn measure(policy: &Policy, questions: &[Asked], scopes: &ScopeSet) -> (Vec<Duration>, usize) {
    let groups: Vec<String> = ["staff".to_owned()].into_iter().chain((0..20).map(|n| format!("list-{n}"))).collect();
    let (mut times, mut granted) = (Vec::with_capacity(questions.len()), 0);
    for asked in questions {
        let target = policy.targets().find(&asked.target).unwrap();
        let user = User { issuer: "corp", subject: &asked.subject, groups: &groups, acr: None, amr: &[], auth_age: None };
        let request = Request {
            workload: &asked.workload,
            credential: Credential::Wit,
            platform: None,
            action: Action::Delegate(Delegate {
                target,
                scopes,
                user,
                chain: Some(&asked.chain),
                hop: Hop::Pull,
                parent: Some(Parent { target: &asked.parent, actor: &asked.chain.current().id }),
                posture: None,
                approval: None,
            }),
            time: UnixTime::from_secs(1_800_000_000),
            source_ip: Some([192, 0, 2, 7].into()),
            country: None,
            ttl: None,
        };
        let watch = Stopwatch::start();
        let decision = black_box(policy.decide(black_box(&request)));
        times.push(watch.elapsed());
        granted += decision.granted.iter().count();
    }
    times.sort();
    (times, granted)
}

/// An ES256 verification, as often as it takes to see its spread.
fn floor() -> Vec<Duration> {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (message, public) = ([7; 700], VerifyingKey::new(key.public_key()).unwrap());
    let signature = key.sign(&message).unwrap();
    let verify = |_| {
        let watch = Stopwatch::start();
        public.verify(Algorithm::Es256, black_box(&message), &signature).unwrap();
        watch.elapsed()
    };
    let mut times: Vec<Duration> = (0..2000).map(verify).collect();
    times.sort();
    times
}

fn show(name: &str, times: &[Duration], note: &str) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("  {name:<44}{:>8.1} {:>8.1} {:>8.1} µs   {note}", at(0.5), at(0.99), at(1.0));
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let watch = Stopwatch::start();
    let policy = load(directory.path(), "");
    println!("cargo bench -p procura --bench policy\n\n  1,000 policies, {AGENTS} agents: loaded in {:.2?}", watch.elapsed());
    println!("  {:<44}{:>8} {:>8} {:>8}", "one decision", "median", "99 %", "longest");
    let questions: Vec<Asked> = (0..DECISIONS).map(asked).collect();
    let (one, two): (ScopeSet, ScopeSet) = ("read".parse().unwrap(), "read write".parse().unwrap());
    // What comes in as new each time is decided; the same few thousand are remembered, from the second time on that they come.
    let few = questions.get(..2000).unwrap();
    let decide = |name, policy: &Policy, questions: &[Asked], scopes| {
        let (times, granted) = measure(policy, questions, scopes);
        show(name, &times, &format!("{granted} scopes granted"));
    };
    show("an ES256 verification", &floor(), "");
    decide("one scope, a new question", &policy, &questions, &one);
    decide("two scopes, a new question", &policy, &questions, &two);
    (0..2).for_each(|_| _ = measure(&policy, few, &two));
    decide("two scopes, asked before", &policy, few, &two);
    let new = load(directory.path(), " && context.time > datetime(\"2020-01-01\")");
    decide("two scopes, a policy reads the time", &new, &questions, &two);
    show("an ES256 verification", &floor(), "");
}
