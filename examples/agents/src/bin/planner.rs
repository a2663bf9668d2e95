//! An agent that reads a user's calendar on the user's behalf, with `procura-client`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use procura_client::{AgentKey, Client, ExchangeRequest, Grant, Issuer, Resource, ScopeSet, SvidFile, TokenType};
use serde_json::{Value, json};

/// Asks for a token to act for a user, and calls a resource with it.
#[derive(Parser)]
struct Settings {
    /// The issuer to exchange at
    #[arg(long, value_name = "URL")]
    issuer: Issuer,
    /// This agent's JWT-SVID, for the issuer alone
    #[arg(long, value_name = "FILE")]
    svid: PathBuf,
    /// The user's ID token
    #[arg(long, value_name = "FILE")]
    user_token: PathBuf,
    /// The resource to call
    #[arg(long, value_name = "URL")]
    resource: Resource,
    /// The scope to ask for; without it, all that policy grants
    #[arg(long)]
    scope: Option<ScopeSet>,
    /// This agent's private key, as JWK or PEM; without it, a new one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

async fn run(settings: &Settings) -> anyhow::Result<String> {
    let key = match &settings.key {
        Some(file) => AgentKey::from_file(file)?,
        None => AgentKey::generate()?,
    };
    let client = Client::discover(settings.issuer.clone(), key, SvidFile::new(&settings.svid)).await?;
    let user_token = read(&settings.user_token)?;
    let mut request = ExchangeRequest::delegation(user_token, TokenType::IdToken, settings.resource.clone());
    if let Some(scope) = &settings.scope {
        request = request.scope(scope.clone());
    }
    let user = client.delegated(request);
    let grant = user.grant().await?;
    let answer = user.get(settings.resource.as_str()).await?;
    let status = answer.status();
    let text = answer.text().await.context("the answer broke off")?;
    if !status.is_success() {
        bail!("`{}` answered with status {}", settings.resource, status.as_u16());
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(if settings.json { as_json(&grant, &body) } else { as_text(&grant, &body) })
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

fn as_json(grant: &Grant, body: &Value) -> String {
    let lifetime = grant.expires_in.map(|life| life.as_secs());
    json!({ "scope": grant.scope.as_ref().map(ToString::to_string), "expires_in": lifetime, "answer": body }).to_string()
}

fn as_text(grant: &Grant, body: &Value) -> String {
    let scope = grant.scope.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let minutes = grant.expires_in.unwrap_or_default().as_secs() / 60;
    format!("granted: {scope}, for {minutes} min\n{body:#}")
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    match run(&settings).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("planner: {error:#}");
            ExitCode::FAILURE
        }
    }
}
