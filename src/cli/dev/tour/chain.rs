//! One delegation in three hands, what becomes of it when somebody wants more, and its end.

use anyhow::Context as _;
use procura_client::{Biscuit, ExchangeRequest, Grant, Narrowing, Target, TokenType};
use tokio::process::Command;

use super::super::super::{print, token};
use super::super::world::World;
use super::calendar::RESOURCE;
use super::{Agent, indent, note, step};

/// Goes on with what the planner was granted.
pub(super) async fn show(world: &World, planner: &Agent, root: &Grant) -> anyhow::Result<()> {
    let (researcher, archivist) = (Agent::new(world, "researcher")?, Agent::new(world, "archivist")?);
    let (second, third) = chain(world, root, [planner, &researcher, &archivist]).await?;
    greed(world, &researcher, &second).await?;
    hand_over(world, root, [planner, &researcher, &archivist]).await?;
    kill(world, root, (&researcher, &second), (&archivist, &third)).await
}

async fn chain(world: &World, root: &Grant, [planner, researcher, archivist]: [&Agent; 3]) -> anyhow::Result<(Grant, Grant)> {
    step("The chain", "The planner hands on to the researcher, who hands on to the archivist. Each gets a token of his own key.");
    let second = hand_on(world, planner, root, researcher).await??;
    let third = hand_on(world, researcher, &second, archivist).await??;
    print(&indent(&token::decode(third.token.expose())?));
    note("Who acted before stands in `act`, newest first. Scope and end only ever shrink; id and deadline stay the same.");
    Ok((second, third))
}

async fn greed(world: &World, researcher: &Agent, second: &Grant) -> anyhow::Result<()> {
    step(
        "The greedy",
        "The researcher was given `calendar.read`. It asks for `calendar.write` as well, and then for that alone.",
    );
    for scope in ["calendar.read calendar.write", "calendar.write"] {
        let outcome = match again(world, researcher, second, scope).await? {
            Ok(grant) => format!("gets {}", grant.scope.map_or_else(String::new, |scope| scope.to_string())),
            Err(error) => format!("gets nothing: {error}"),
        };
        print(&indent(&format!("asks for {scope:<28} {outcome}")));
    }
    Ok(())
}

/// The same three agents, and nobody is asked on the way.
async fn hand_over(world: &World, root: &Grant, [planner, researcher, archivist]: [&Agent; 3]) -> anyhow::Result<()> {
    step(
        "The hand-over",
        "The planner has its delegation as a Biscuit, too. That goes on without the server, signed by who hands over.",
    );
    let request = ExchangeRequest::delegation(root.token.clone(), TokenType::AccessToken, target()?).as_biscuit();
    let first = Biscuit::parse(planner.ask(world, &request).await??.token.expose())?;
    let to_read = Narrowing { scope: Some("calendar.read".parse()?), until: None };
    let second = first.hand_over(&planner.key, &researcher.wit(world).await?, &to_read)?;
    let third = second.hand_over(&researcher.key, &archivist.wit(world).await?, &Narrowing::default())?;
    for (who, biscuit) in [("planner", &first), ("researcher", &second), ("archivist", &third)] {
        let (bytes, scope) = (biscuit.text().expose().len(), biscuit.scope());
        print(&indent(&format!("{who:<10} holds {bytes:>4} bytes that permit {scope}")));
    }
    let redeemed = archivist.ask(world, &third.redeem()).await??;
    let claims = token::claims(redeemed.token.expose())?;
    print(&indent(&format!("the archivist brings it back and gets {}, and the token says:", claims["scope"])));
    print(&indent(&serde_json::to_string_pretty(&claims["act"])?));
    note("The server saw none of the two hand-overs and knows both: whose keys signed them, and what was left each time.");
    Ok(())
}

async fn kill(
    world: &World,
    root: &Grant,
    (researcher, second): (&Agent, &Grant),
    (archivist, third): (&Agent, &Grant),
) -> anyhow::Result<()> {
    step("The kill switch", "An operator ends the delegation that all three act under.");
    let id = delegation_id(root)?;
    print(&indent(&format!("$ procura delegation revoke {id} --reason \"tour\"")));
    print(&indent(&revoke(world, &id).await?));
    for (who, agent, grant) in [("researcher", researcher, second), ("archivist", archivist, third)] {
        let refused = again(world, agent, grant, "calendar.read").await?;
        let error = refused.err().context("what was revoked went on")?;
        print(&indent(&format!("the {who} asks once more: {error}")));
    }
    note("The store says so in the very step in which a proof is used up, so no copy of the service is late.");
    Ok(())
}

type Exchanged = anyhow::Result<Result<Grant, procura_client::ExchangeError>>;

async fn hand_on(world: &World, from: &Agent, grant: &Grant, to: &Agent) -> Exchanged {
    from.ask(world, &ExchangeRequest::hand_on(grant.token.clone(), target()?, &to.wit(world).await?)).await
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
