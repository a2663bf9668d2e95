//! What the policies say, told by the program; and what a reload does to those who are asking.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::{Agent, CALENDAR, Ended, World, claims, eventually, procura, run};
use country_database::country_database;

#[path = "../support/country_database.rs"]
mod country_database;

const NO_WRITES: &str = "@id(\"no-writes\") forbid (principal, action == Action::\"delegate\", resource) when { context.scope == \"calendar.write\" };";

const TESTS: &str = r#"
[defaults]
workload = "spiffe://dev.procura.test/agent/planner"
target = "calendar"

[[test]]
name = "staff writes"
request = { scope = "calendar.read calendar.write", user = { issuer = "dev", sub = "alice", groups = ["staff"] } }
expect = { granted = "calendar.read calendar.write", ttl = "30m" }

[[test]]
name = "guests do nothing"
request = { scope = "calendar.read", user = { issuer = "dev", sub = "bob" } }
expect = { allowed = false }
"#;

fn policy(world: &World, verb: &str) -> Command {
    let mut command = procura(&["policy", verb, "--config"]);
    command.arg(world.config());
    command
}

fn check(world: &World) -> Ended {
    run(&mut policy(world, "check"))
}

#[test]
fn check_tells_every_error_and_every_oddity_with_its_place() {
    let world = World::new();
    let told = check(&world);
    assert_eq!((told.code, told.stdout.ends_with(" 0 errors, 0 warnings\n")), (0, true), "{told:?}");

    let mine = world.path("policies/mine.cedar");
    std::fs::write(&mine, "// Nothing.\nforbid (principal, action, resource);").unwrap();
    let told = check(&world);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.stdout.contains("permits nothing: the policy `mine.cedar#1` in `mine.cedar` line 2 forbids all of it"),
        "{told:?}"
    );
    run(policy(&world, "check").arg("--strict")).says(1, &["can hardly be meant"]);

    std::fs::write(
        &mine,
        "permit (principal, action, resource) when { context.x };\n@ttl(\"x\") permit (principal, action, resource);",
    )
    .unwrap();
    let told = check(&world);
    told.says(1, &["the policies cannot be used"]);
    for line in ["error: `mine.cedar` line 1: ", "error: `mine.cedar` line 2, policy `mine.cedar#2`: `@ttl(\"x\")`"] {
        assert!(told.stdout.lines().any(|told| told.starts_with(line)), "{told:?}");
    }
}

#[test]
fn entities_that_are_wrong_are_told_and_keep_the_service_from_starting() {
    let world = World::new();
    world.edit("[policy]", "[policy]\nentities = \"entities\"");
    check(&world).says(1, &["cannot be used"]);
    std::fs::create_dir(world.path("entities")).unwrap();
    assert_eq!(check(&world).code, 0);
    std::fs::write(world.path("entities/agents.toml"), "[[agent]]\nid = \"spiffe://dev.procura.test/x\"\nonwer = \"me\"")
        .unwrap();
    let told = check(&world);
    assert!(
        told.stdout.contains("error: `agents.toml` line 3: unknown field `onwer`")
            && told.stdout.contains("did you mean `owner`?")
    );
    world.serve_in_vain().says(1, &["`agents.toml` line 3", "did you mean `owner`?"]);
}

#[tokio::test]
async fn what_files_say_of_agents_and_addresses_counts_until_they_are_read_again() {
    let world = World::new();
    world.edit("[policy]", "[policy]\nentities = \"entities\"\ncountry_database = \"countries.mmdb\"");
    let here =
        |country| std::fs::write(world.path("countries.mmdb"), country_database(&[([127, 0, 0, 0].into(), 8, country)])).unwrap();
    here("DE");
    std::fs::create_dir(world.path("entities")).unwrap();
    let agents = "[[agent]]\nid = \"spiffe://dev.procura.test/agent/planner\"\ngroups = [\"assistants\"]\nprofile = \"ai_agent\"\n\n[[group]]\nname = \"assistants\"";
    std::fs::write(world.path("entities/agents.toml"), agents).unwrap();
    let forbid = r#"forbid (principal, action == Action::"delegate", resource)
        unless { principal in Group::"assistants" && context has country && context.country == "DE" };"#;
    std::fs::write(world.path("policies/mine.cedar"), forbid).unwrap();

    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    let token = claims(&service.exchange(&planner, &form).await.token());
    assert_eq!(token["act"]["sub_profile"], "ai_agent");
    assert_eq!(world.audit().last().unwrap()["policy.input"]["country"], "DE");

    here("FR");
    service.signal("-HUP");
    service.logged("policies loaded");
    assert_eq!(service.exchange(&planner, &form).await.status, 400);
}

#[test]
fn a_table_of_tests_passes_or_says_what_differs() {
    let world = World::new();
    let table = world.path("tests.toml");
    std::fs::write(&table, TESTS).unwrap();
    let told = run(policy(&world, "test").arg(&table));
    assert_eq!(
        (told.code, told.stdout.as_str()),
        (0, "ok    staff writes\nok    guests do nothing\n2 tests passed\n"),
        "{told:?}"
    );

    std::fs::write(world.path("policies/mine.cedar"), NO_WRITES).unwrap();
    let told = run(policy(&world, "test").arg(&table));
    told.says(1, &["1 of 2 tests failed"]);
    assert!(
        told.stdout
            .contains("FAIL  staff writes\n      granted: expected `calendar.read calendar.write`, decided `calendar.read`")
    );

    std::fs::write(&table, TESTS.replace("expect = { allowed", "expect = { alowed")).unwrap();
    run(policy(&world, "test").arg(&table)).says(1, &["tests.toml", "line ", "did you mean `allowed`?"]);
    run(policy(&world, "test").arg(world.path("none.toml"))).says(1, &["none.toml", "cannot be read"]);
}

#[tokio::test]
async fn a_recorded_decision_is_explained_and_held_against_changed_policies() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    service.exchange(&planner, &planner.delegation(&world.user_token(json!({})))).await.token();
    let guest = world.user_token(json!({ "sub": "bob", "groups": ["guests"] }));
    assert_eq!(service.exchange(&planner, &planner.delegation(&guest)).await.status, 400);
    let events = world.audit();
    let refused = events.last().unwrap();
    assert_eq!(
        refused["policy.input"]["user"],
        json!({
            "issuer": "dev", "sub": "bob", "groups": ["guests"], "acr": "urn:example:loa2", "amr": ["pwd", "otp"], "auth_age": 0,
        })
    );
    assert_eq!(refused["policy.decision"], json!({ "allowed": false }));

    let told = run(policy(&world, "explain").args(["--event", refused["event.id"].as_str().unwrap()]));
    assert_eq!(told.code, 0, "{told:?}");
    for words in [
        "spiffe://dev.procura.test/agent/planner delegate at http://127.0.0.1:8090/calendar for dev:bob\n",
        "calendar.write: denied",
        "permit `planner-calendar` (`",
        "its `when` is false: context.user.groups.contains(\"staff\")",
        "context.user.groups is [\"guests\"]",
        "forbid `calendar-writes-for-staff-only` (`",
    ] {
        assert!(told.stdout.contains(words), "`{words}` is not in\n{}", told.stdout);
    }

    let told = run(&mut policy(&world, "replay"));
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.starts_with("2 decisions replayed, 0 would differ; "), "{told:?}");
    std::fs::write(world.path("policies/mine.cedar"), NO_WRITES).unwrap();
    let told = run(&mut policy(&world, "replay"));
    told.says(1, &["1 decision would differ"]);
    assert!(told.stdout.contains("granted: was `calendar.read calendar.write`, would be `calendar.read`"), "{told:?}");
    // A copy of the log does as well.
    std::fs::copy(world.path("audit/events.jsonl"), world.path("copy.jsonl")).unwrap();
    run(policy(&world, "replay").arg("--audit").arg(world.path("copy.jsonl"))).says(1, &["1 decision would differ"]);
    run(policy(&world, "explain").args(["--event", "none"])).says(1, &["no event `none`"]);
}

#[test]
fn a_request_that_was_never_made_is_explained_too() {
    let world = World::new();
    let request = json!({
        "workload": "spiffe://dev.procura.test/agent/researcher", "target": CALENDAR, "scope": "calendar.write",
        "user": { "issuer": "dev", "sub": "alice", "groups": ["staff"] },
    });
    let mut explain = policy(&world, "explain").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    explain.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let told = String::from_utf8(explain.wait_with_output().unwrap().stdout).unwrap();
    for words in ["denied; denied: calendar.write", "permit `researcher-calendar`", "context.scope is \"calendar.write\""] {
        assert!(told.contains(words), "`{words}` is not in\n{told}");
    }
    assert!(!told.contains("planner-calendar"), "its head does not fit\n{told}");

    let file = world.path("request.json");
    std::fs::write(&file, "{\"workload\":\"x\"}").unwrap();
    run(policy(&world, "explain").arg(&file)).says(1, &["request.json", "not a request"]);
    assert_eq!(run(&mut policy(&world, "explain")).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_loses_no_request() {
    const ROUNDS: usize = 12;
    let world = World::new();
    let (service, done) = (world.serve(), AtomicBool::new(false));
    let user_token = world.user_token(json!({}));
    // Every set permits the reading, each by a policy of another name; every third is broken and changes nothing.
    let set = |round: usize| {
        let broken = if round % 3 == 2 { "permit (" } else { "" };
        format!("@id(\"round-{round}\") permit (principal, action == Action::\"delegate\", resource);\n{broken}")
    };
    let ask = async || {
        let planner = Agent::new(&world, "/agent/planner");
        let form = planner.delegation(&user_token).add("scope", "calendar.read");
        let mut asked = 0;
        while !done.load(Ordering::Relaxed) {
            let answer = service.exchange(&planner, &form).await;
            assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("calendar.read")));
            asked += 1;
        }
        asked
    };
    let reload = async || {
        for round in 0..ROUNDS {
            std::fs::write(world.path("policies/mine.cedar"), set(round)).unwrap();
            service.signal("-HUP");
            let loaded = || {
                let log = service.log();
                log.matches("policies loaded").count() + log.matches("policies could not be loaded").count()
            };
            eventually(async || loaded() > round).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (first, second, third, ()) = tokio::join!(ask(), ask(), ask(), reload());
    let events = world.audit();
    let granted = events.iter().filter(|event| event["outcome"] == "granted").collect::<Vec<_>>();
    assert_eq!(granted.len(), first + second + third);
    let sets = granted.iter().map(|event| event["policy.set"].as_str().unwrap()).collect::<std::collections::BTreeSet<_>>();
    assert!(sets.len() > 1, "no request met a reload");
}
