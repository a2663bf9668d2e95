//! One delegation in three hands, what becomes of it when somebody wants more, and its end.

use anyhow::Context as _;
use procura_client::{ExchangeRequest, Grant, HeldWit, Target, TokenType};
use tokio::process::Command;

use super::super::super::{print, token};
use super::super::world::World;
use super::calendar::RESOURCE;
use super::{Agent, indent, note, step};

/// Goes on with what the planner was granted.
pub(super) async fn show(world: &World, planner: &Agent, root: &Grant) -> anyhow::Result<()> {
    let (researcher, archivist) = (Agent::new(world, "researcher")?, Agent::new(world, "archivist")?);

    step("The chain", "The planner hands on to the researcher, who hands on to the archivist. Each gets a token of his own key.");
    let second = hand_on(world, planner, root, &researcher).await??;
    let third = hand_on(world, &researcher, &second, &archivist).await??;
    print(&indent(&token::decode(third.token.expose())?));
    note("Who acted before stands in `act`, newest first. Scope and end only ever shrink; id and deadline stay the same.");

    step(
        "The greedy",
        "The researcher was given `calendar.read`. It asks for `calendar.write` as well, and then for that alone.",
    );
    for scope in ["calendar.read calendar.write", "calendar.write"] {
        let outcome = match again(world, &researcher, &second, scope).await? {
            Ok(grant) => format!("gets {}", grant.scope.map_or_else(String::new, |scope| scope.to_string())),
            Err(error) => format!("gets nothing: {error}"),
        };
        print(&indent(&format!("asks for {scope:<28} {outcome}")));
    }

    step("The kill switch", "An operator ends the delegation that all three act under.");
    let id = delegation_id(root)?;
    print(&indent(&format!("$ procura delegation revoke {id} --reason \"tour\"")));
    print(&indent(&revoke(world, &id).await?));
    let refused = again(world, &researcher, &second, "calendar.read").await?;
    let error = refused.err().context("what was revoked went on")?;
    print(&indent(&format!("the researcher asks once more: {error}")));
    note("The store says so in the very step in which a proof is used up, so no copy of the service is late.");
    Ok(())
}

type Exchanged = anyhow::Result<Result<Grant, procura_client::ExchangeError>>;

async fn hand_on(world: &World, from: &Agent, grant: &Grant, to: &Agent) -> Exchanged {
    let wit = to.ask(world, &ExchangeRequest::wit()).await??;
    from.ask(world, &ExchangeRequest::hand_on(grant.token.clone(), target()?, &HeldWit::parse(wit.token.expose())?)).await
}

async fn again(world: &World, agent: &Agent, grant: &Grant, scope: &str) -> Exchanged {
    let request = ExchangeRequest::delegation(grant.token.clone(), TokenType::AccessToken, target()?);
    agent.ask(world, &request.scope(scope.parse()?)).await
}

fn target() -> anyhow::Result<Target> {
    Ok(Target::Resource(RESOURCE.parse()?))
}

fn delegation_id(grant: &Grant) -> anyhow::Result<String> {
    let claims = token::claims(grant.token.expose())?;
    Ok(claims["delegation"]["id"].as_str().context("a token without delegation")?.to_owned())
}

/// As an operator does it: this program, in another process.
async fn revoke(world: &World, id: &str) -> anyhow::Result<String> {
    let program = crate::config::beside_this_program("procura").context("where this program is")?;
    let mut run = Command::new(program);
    run.args(["delegation", "revoke", id, "--reason", "tour", "--config"]).arg(world.config_file());
    let output = run.output().await.context("`procura delegation revoke` cannot be run")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
