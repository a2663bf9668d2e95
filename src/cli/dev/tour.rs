//! The tour: one delegation from beginning to end, and what becomes of those who try to steal it.

mod calendar;
mod chain;

use std::time::Duration;

use anyhow::Context as _;
use procura_client::{
    AgentKey, Client, ClientError, ExchangeError, ExchangeRequest, Grant, HeldWit, Proof, Secret, SvidError, Target, TokenType,
};
use procura_token::WorkloadId;

use super::super::keys::write_private;
use super::super::{print, token};
use super::credential::{User, jwt_svid};
use super::world::{TRUST_DOMAIN, World};
use crate::clock::{Clock as _, SystemClock};
pub(super) use calendar::Calendar;

/// Runs the tour. The calendar it started keeps running as long as what is returned lives.
pub(super) async fn run(world: &World) -> anyhow::Result<Calendar> {
    let calendar = Calendar::start(world).await?;
    let alice = User::of_this_world("alice");
    let planner = Agent::new(world, "planner")?;

    step("Who is there", "A workload proves itself by an SVID, a user by an ID token. Neither is sent to a resource server.");
    print(&indent(&format!("agent  {}   JWT-SVID for {}\nuser   alice   ID token, in group staff", planner.id, world.issuer())));

    step("The exchange", "The planner turns both into one token: for one target, for 30 minutes, bound to its own key.");
    let grant = planner.exchange(world, &alice, "calendar", "calendar.read calendar.write").await??;
    print(&indent(&token::decode(grant.token.expose())?));
    note("`sub` is alice, `act` the agent that acts for her; `cnf.jkt` names the only key that can use the token.");

    step("The call", "The example program `planner` does the same and calls the example server `calendar`.");
    print(&indent(&run_planner(world, &alice).await?));
    note("The calendar learnt from the token who is calling, and for whom.");

    step("The thief", "Somebody copied the token. He has no part of the key, so he signs the proof with his own.");
    let thief = AgentKey::generate()?;
    refused(&call(&grant, &thief, None).await?)?;
    note("A token without its key is a piece of text.");

    step("The replay", "Somebody recorded a whole request of the planner, proof and all, and sends it again.");
    let nonce = call(&grant, &planner.key, None).await?.nonce.context("the calendar gives no nonce")?;
    let proof = prove(&grant, &planner.key, Some(&nonce))?;
    let first = send(&grant, &proof).await?;
    print(&indent(&format!("the planner: {}", first.status)));
    anyhow::ensure!(first.status.is_success(), "the planner's own call was refused");
    refused(&send(&grant, &proof).await?)?;
    note("Each proof is for one request, and remembered until it is too old to be believed.");

    step("The policy", "What an agent may do for a user is decided for each scope; reasons stand in .procura/policies.");
    for (agent, target, scope) in
        [("researcher", "calendar", "calendar.read calendar.write"), ("archivist", "calendar", "calendar.read")]
    {
        let outcome = match Agent::new(world, agent)?.exchange(world, &alice, target, scope).await? {
            Ok(grant) => format!("gets {}", grant.scope.map_or_else(String::new, |scope| scope.to_string())),
            Err(error) => format!("gets nothing: {error}"),
        };
        print(&indent(&format!("{agent:<10} asks for {scope:<28} {outcome}")));
    }

    chain::show(world, &planner, &grant).await?;

    step("The record", "Every decision, refusals too, was on disk before its answer left. The last three:");
    let log = std::fs::read_to_string(world.path("audit/events.jsonl")).context("the audit log")?;
    let events: Vec<&str> = log.lines().collect();
    for event in events.iter().rev().take(3).rev() {
        print(&indent(event));
    }
    print("");
    Ok(calendar)
}

/// An agent of this world, with a key of its own.
struct Agent {
    id: WorkloadId,
    key: AgentKey,
}

impl Agent {
    fn new(world: &World, name: &str) -> anyhow::Result<Self> {
        let id = format!("spiffe://{TRUST_DOMAIN}/agent/{name}").parse()?;
        // Named here so that a broken world is noticed before the first step.
        jwt_svid(world, &id, None)?;
        Ok(Self { id, key: AgentKey::generate()? })
    }

    /// What the service says: a grant, or its refusal.
    async fn exchange(
        &self,
        world: &World,
        user: &User<'_>,
        target: &str,
        scope: &str,
    ) -> anyhow::Result<Result<Grant, ExchangeError>> {
        let target = Target::Audience(target.to_owned());
        self.ask(world, &ExchangeRequest::delegation(user.token(world)?, TokenType::IdToken, target).scope(scope.parse()?)).await
    }

    /// A WIT for its key.
    async fn wit(&self, world: &World) -> anyhow::Result<HeldWit> {
        Ok(HeldWit::parse(self.ask(world, &ExchangeRequest::wit()).await??.token.expose())?)
    }

    /// The same, whatever is asked for.
    async fn ask(&self, world: &World, request: &ExchangeRequest) -> anyhow::Result<Result<Grant, ExchangeError>> {
        let svid = Secret::new(&jwt_svid(world, &self.id, None)?);
        let source = move || std::future::ready(Ok::<_, SvidError>(svid.clone()));
        let client = Client::discover(world.issuer().clone(), self.key.clone(), source).await?;
        match client.exchange(request).await {
            Ok(grant) => Ok(Ok(grant)),
            Err(ClientError::Exchange(error @ ExchangeError::Refused { .. })) => Ok(Err(error)),
            Err(error) => Err(error.into()),
        }
    }
}

async fn run_planner(world: &World, user: &User<'_>) -> anyhow::Result<String> {
    let id = format!("spiffe://{TRUST_DOMAIN}/agent/planner").parse()?;
    let files = [("tour-svid.jwt", jwt_svid(world, &id, None)?), ("tour-user.jwt", user.token(world)?)];
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = world.path(name);
        let _ = std::fs::remove_file(&path);
        write_private(&path, content.as_bytes())?;
        paths.push(path.display().to_string());
    }
    let ran = calendar::planner(world, &paths[0], &paths[1]).await;
    paths.iter().try_for_each(std::fs::remove_file)?;
    ran
}

/// What the calendar answered.
struct Answer {
    status: http::StatusCode,
    challenge: String,
    nonce: Option<String>,
}

async fn call(grant: &Grant, key: &AgentKey, nonce: Option<&str>) -> anyhow::Result<Answer> {
    send(grant, &prove(grant, key, nonce)?).await
}

fn prove(grant: &Grant, key: &AgentKey, nonce: Option<&str>) -> anyhow::Result<String> {
    let url = calendar::RESOURCE.parse()?;
    let access_token = Some(grant.token.expose());
    Ok(key.prove(&Proof { method: "GET", url: &url, access_token, nonce, now: SystemClock.now() })?)
}

async fn send(grant: &Grant, proof: &str) -> anyhow::Result<Answer> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().tls_certs_only([]).build()?;
    let request = client.get(calendar::RESOURCE).header("authorization", format!("DPoP {}", grant.token.expose()));
    let response = request.header("dpop", proof).send().await.context("the calendar does not answer")?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Answer {
        status: response.status(),
        challenge: header("www-authenticate").unwrap_or_default(),
        nonce: header("dpop-nonce"),
    })
}

fn refused(answer: &Answer) -> anyhow::Result<()> {
    print(&indent(&format!("the calendar answers {}: {}", answer.status, answer.challenge)));
    anyhow::ensure!(answer.status == http::StatusCode::UNAUTHORIZED, "this should have been refused");
    Ok(())
}

fn step(title: &str, why: &str) {
    print(&format!("\n== {title}\n{why}\n"));
}

fn note(text: &str) {
    print(&format!("\n{text}"));
}

fn indent(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}
