//! `procura token`

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use procura_token::{AccessToken, AccessTokenRules, Algorithm, Issuer, JwkSet, KeySet, Resource, Unverified, base64url};
use serde_json::Value;

use super::{Usage, print};
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what a token says, without believing it
    Inspect {
        /// The token, or `-` for standard input
        token: String,
    },
    /// Verify a delegation token as a resource server would, its proof aside
    Verify {
        /// The token, or `-` for standard input
        token: String,
        /// The issuer it must be from; its keys are fetched unless `--jwks` names a file
        #[arg(long)]
        issuer: Issuer,
        /// The resource it must be for
        #[arg(long)]
        audience: Resource,
        /// The issuer's keys
        #[arg(long, value_name = "FILE")]
        jwks: Option<PathBuf>,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Inspect { token } => {
            print("NOT VERIFIED: anyone could have written this.");
            print(&decode(&read(token)?)?);
            Ok(())
        }
        Command::Verify { token, issuer, audience, jwks } => {
            let keys = match jwks {
                Some(path) => std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?,
                None => super::runtime()?.block_on(fetch_keys(issuer))?,
            };
            let keys = KeySet::new(&JwkSet::parse(&keys).context("the issuer's keys")?, &[None, Some("sig")]);
            let text = read(token)?;
            let rules = AccessTokenRules { issuer, audience, algorithms: Algorithm::DEFAULT, skew: Duration::from_secs(60) };
            let now = SystemClock.now();
            Unverified::<AccessToken>::parse(&text)
                .map_err(Into::into)
                .and_then(|token| token.verify(&keys, &rules, now))
                .context("the token is not believed")?;
            print("verified: signature, issuer, audience and time (not: possession of the key in `cnf`, revocation)");
            print(&decode(&text)?);
            Ok(())
        }
    }
}

const NOT_A_TOKEN: &str = "the text is not a JWS in compact serialization";

/// Header and payload of a token, indented. Shows the text's content and proves nothing.
pub(super) fn decode(token: &str) -> anyhow::Result<String> {
    let (header, payload) = parts(token)?;
    Ok(format!("{}\n{}", serde_json::to_string_pretty(&header)?, serde_json::to_string_pretty(&payload)?))
}

/// The payload of a token, not believed.
pub(super) fn claims(token: &str) -> anyhow::Result<Value> {
    Ok(parts(token)?.1)
}

fn parts(token: &str) -> anyhow::Result<(Value, Value)> {
    let part = |part: &str| -> anyhow::Result<Value> { Ok(procura_token::parse_json(&base64url::decode(part)?)?) };
    let [header, payload, _] = token.split('.').collect::<Vec<_>>()[..] else { bail!(NOT_A_TOKEN) };
    Ok((part(header).context(NOT_A_TOKEN)?, part(payload).context(NOT_A_TOKEN)?))
}

fn read(token: &str) -> anyhow::Result<String> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().take(64 * 1024).read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text.trim().to_owned())
}

/// The keys that the issuer's metadata point to (RFC 8414).
async fn fetch_keys(issuer: &Issuer) -> anyhow::Result<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        issuer: Issuer,
        jwks_uri: Issuer,
    }
    anyhow::ensure!(issuer.is_protected(), Usage("the issuer is http on another machine: name its keys with --jwks"));
    let metadata: Metadata = procura_token::parse_json(&get(&issuer.metadata_url()).await?).context("the issuer's metadata")?;
    anyhow::ensure!(metadata.issuer == *issuer, "the metadata found for {issuer} name another issuer");
    anyhow::ensure!(metadata.jwks_uri.is_protected(), "the issuer's keys are at an unprotected URL");
    get(metadata.jwks_uri.as_str()).await
}

async fn get(url: &str) -> anyhow::Result<Vec<u8>> {
    let client =
        reqwest::Client::builder().timeout(Duration::from_secs(10)).redirect(reqwest::redirect::Policy::none()).build()?;
    let response = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let body = response.with_context(|| format!("{url} cannot be fetched"))?.bytes().await?;
    anyhow::ensure!(body.len() <= 256 * 1024, "{url} answers with more than 256 KiB");
    Ok(body.to_vec())
}
