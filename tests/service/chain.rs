//! `POST /token` with a delegation token of ours: how a delegation goes from hand to hand.

mod table;

use serde_json::json;

use crate::support::{ARCHIVIST, Agent, CALENDAR, PLANNER, RESEARCHER, Trio, actors, claims, eventually, now, procura, run};

const SERVER: &str = "spiffe://dev.procura.test/server/calendar";
const ARCHIVE: &str = "http://127.0.0.1:8091/archive";

impl Trio {
    /// What the planner gets for alice.
    async fn root(&self) -> String {
        let form = self.planner.delegation(&self.world.user_token(json!({})));
        self.service.exchange(&self.planner, &form).await.token()
    }

    async fn push(&self, from: &Agent, token: &str, to: &Agent) -> String {
        let form = from.push(token, &self.wit(to).await);
        self.service.exchange(from, &form).await.token()
    }
}

#[tokio::test]
async fn a_delegation_goes_through_three_hands_and_gets_narrower() {
    let chains = Trio::new();
    let root = chains.root().await;
    let second = chains.push(&chains.planner, &root, &chains.researcher).await;
    let third = chains.push(&chains.researcher, &second, &chains.archivist).await;
    let [first, second, third] = [root, second, third].map(|token| claims(&token));

    assert_eq!(actors(&third), [ARCHIVIST, RESEARCHER, PLANNER]);
    // What is inside is unchanged.
    assert_eq!((&third["act"]["act"], &second["act"]["act"]), (&second["act"], &first["act"]));
    for (parent, child, agent) in [(&first, &second, &chains.researcher), (&second, &third, &chains.archivist)] {
        assert_eq!(child["sub"], "dev:alice");
        assert_eq!(child["aud"], CALENDAR);
        assert_eq!(child["client_id"], child["act"]["sub"]);
        assert_eq!(child["cnf"], json!({ "jkt": agent.key_thumbprint() }));
        assert_eq!(child["delegation"]["id"], parent["delegation"]["id"]);
        assert_eq!(child["delegation"]["until"], parent["delegation"]["until"]);
        assert_eq!(child["delegation"]["parent"], parent["jti"]);
        assert!(child["exp"].as_u64() <= parent["exp"].as_u64());
        assert_eq!((&child["auth_time"], &child["acr"], &child["amr"]), (&first["auth_time"], &first["acr"], &first["amr"]));
    }
    assert_eq!((&first["scope"], &second["scope"]), (&json!("calendar.read calendar.write"), &json!("calendar.read")));

    let events = chains.world.audit();
    let hops: Vec<_> = events.iter().filter_map(|event| event["delegation.hop"].as_str()).collect();
    assert_eq!(hops, ["begin", "push", "push"]);
    let last = events.last().unwrap();
    assert_eq!(last["actor.chain"], json!([ARCHIVIST, RESEARCHER, PLANNER]));
    assert_eq!((&last["caller.id"], &last["actor.id"]), (&json!(RESEARCHER), &json!(ARCHIVIST)));
    assert_eq!((&last["subject.token"], &last["token.parent"]), (&json!("delegation"), &second["jti"]));
}

#[tokio::test]
async fn whoever_holds_a_token_may_ask_for_less_of_it_again() {
    let chains = Trio::new();
    let root = chains.root().await;
    let form = chains.planner.onward(&root).add("scope", "calendar.read");
    let less = claims(&chains.service.exchange(&chains.planner, &form).await.token());
    assert_eq!((&less["scope"], actors(&less)), (&json!("calendar.read"), vec![PLANNER.to_owned()]));
    // And what was given up does not come back.
    let less = chains.service.exchange(&chains.planner, &form).await.token();
    let again = chains.planner.onward(&less).add("scope", "calendar.read calendar.write");
    assert_eq!(claims(&chains.service.exchange(&chains.planner, &again).await.token())["scope"], "calendar.read");
    let lost = chains.planner.onward(&less).add("scope", "calendar.write");
    assert_eq!(chains.service.exchange(&chains.planner, &lost).await.refusal(), (400, "invalid_scope".to_owned()));
}

#[tokio::test]
async fn a_stolen_token_moves_nowhere() {
    let chains = Trio::new();
    let (root, wit) = (chains.root().await, chains.wit(&chains.researcher).await);
    let thief = Agent::new(&chains.world, "/agent/researcher");
    let other_planner = Agent::new(&chains.world, "/agent/planner");
    for (agent, form) in [
        // Another agent, with its own key.
        (&thief, thief.onward(&root)),
        (&thief, thief.push(&root, &wit)),
        // The right name and another key.
        (&other_planner, other_planner.onward(&root)),
        (&other_planner, other_planner.push(&root, &wit)),
        // The right key and another name.
        (&chains.planner, chains.researcher.onward(&root)),
        // A bearer credential names no key.
        (&chains.planner, chains.planner.push(&root, &chains.researcher.svid)),
        // Not the way to put another's name on one's own token.
        (
            &chains.planner,
            chains
                .planner
                .delegation(&chains.world.user_token(json!({})))
                .add("actor_token", &wit)
                .add("actor_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ),
    ] {
        assert_eq!(chains.service.exchange(agent, &form).await.refusal(), (400, "invalid_request".to_owned()));
    }
    let elsewhere = chains.planner.onward(&root).set("resource", "http://127.0.0.1:8090/mail");
    assert_eq!(chains.service.exchange(&chains.planner, &elsewhere).await.refusal(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn a_server_calls_further_with_what_was_sent_to_it() {
    let chains = Trio::with(|world| {
        let target = format!("[[target]]\nresource = \"{ARCHIVE}\"\nscopes = [\"calendar.read\", \"archive.read\"]\n");
        std::fs::write(world.path("targets/archive.toml"), target).unwrap();
        let policy = format!(
            "@id(\"calendar-archive\") permit(principal == Workload::\"{SERVER}\", action == Action::\"delegate\", \
             resource == Target::\"{ARCHIVE}\") when {{ context.hop == \"pull\" && context.user.groups.contains(\"staff\") }};"
        );
        std::fs::write(world.path("policies/archive.cedar"), policy).unwrap();
    });
    let (root, server) = (chains.root().await, Agent::new(&chains.world, "/server/calendar"));
    let form = server.onward(&root).set("resource", ARCHIVE);
    let token = claims(&chains.service.exchange(&server, &form).await.token());
    assert_eq!(actors(&token), [SERVER, PLANNER]);
    // The archive's own scope was never the user's to give.
    assert_eq!((&token["scope"], &token["aud"]), (&json!("calendar.read"), &json!(ARCHIVE)));
    assert_eq!(token["cnf"], json!({ "jkt": server.key_thumbprint() }));
    // Nobody else was sent the token, and the server names nobody.
    let other = Agent::new(&chains.world, "/server/mail");
    let form = other.onward(&root).set("resource", ARCHIVE);
    assert_eq!(chains.service.exchange(&other, &form).await.refusal(), (400, "invalid_request".to_owned()));
    let form = server.push(&root, &chains.wit(&chains.archivist).await).set("resource", ARCHIVE);
    assert_eq!(chains.service.exchange(&server, &form).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_chain_ends_with_anybody_in_it() {
    let chains = Trio::new();
    let root = chains.root().await;
    let second = chains.push(&chains.planner, &root, &chains.researcher).await;
    let form = chains.researcher.onward(&second);
    assert_eq!(chains.service.exchange(&chains.researcher, &form).await.status, 200);
    let disable = ["trust", "disable", "--workload", PLANNER, "--reason", "test", "--config"];
    assert_eq!(run(procura(&disable).arg(chains.world.config())).code, 0);
    eventually(async || chains.service.exchange(&chains.researcher, &form).await.status == 400).await;
    let reason = chains.world.audit().last().unwrap()["error.reason"].clone();
    assert!(reason.as_str().unwrap().contains("agent/planner` is disabled"), "{reason}");
}

#[tokio::test]
async fn a_chain_is_as_long_as_configured() {
    let chains = Trio::with(|world| world.edit("[audit]", "[token]\nmax_depth = 2\n\n[audit]"));
    let root = chains.root().await;
    let second = chains.push(&chains.planner, &root, &chains.researcher).await;
    let form = chains.researcher.push(&second, &chains.wit(&chains.archivist).await);
    assert_eq!(chains.service.exchange(&chains.researcher, &form).await.refusal(), (400, "invalid_request".to_owned()));
    let reason = chains.world.audit().last().unwrap()["error.reason"].clone();
    assert!(reason.as_str().unwrap().contains("token.max_depth"), "{reason}");
}

#[tokio::test]
async fn nobody_acts_twice_and_nothing_outlives_its_parent() {
    let chains = Trio::new();
    let began = now();
    let limited = chains.world.user_token(json!({ "exp": began + 120 }));
    let root = chains.service.exchange(&chains.planner, &chains.planner.delegation(&limited)).await.token();
    let second = chains.push(&chains.planner, &root, &chains.researcher).await;
    assert_eq!(claims(&second)["exp"], json!(began + 120));
    let back = chains.researcher.push(&second, &chains.wit(&chains.planner).await);
    assert_eq!(chains.service.exchange(&chains.researcher, &back).await.refusal(), (400, "invalid_target".to_owned()));
}
