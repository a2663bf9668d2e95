//! `procura exchange`: a real client, as an agent would be one.

mod caller;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use procura_client::{AuthorizationDetails, Biscuit, ExchangeRequest, HeldWit, Issuer, Resource, ScopeSet, Target, TokenType};

use super::{Usage, print};

#[derive(Debug, clap::Args)]
#[command(group(
    clap::ArgGroup::new("subject").required(true).args(["user_token", "user_access_token", "delegation", "biscuit", "request_wit", "as_self"])
))]
pub(super) struct Arguments {
    /// The issuer to exchange at
    #[arg(long, value_name = "URL")]
    issuer: Issuer,
    #[command(flatten)]
    caller: caller::Arguments,
    /// The user's ID token
    #[arg(long, value_name = "FILE")]
    user_token: Option<PathBuf>,
    /// An access token of the user's issuer, instead of an ID token
    #[arg(long, value_name = "FILE")]
    user_access_token: Option<PathBuf>,
    /// A delegation to go on with: a token of this issuer that the agent holds, or that was sent to it as a server
    #[arg(long, value_name = "FILE")]
    delegation: Option<PathBuf>,
    /// A Biscuit that the agent holds: its own, or one that was handed over to it
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["resource", "audience"])]
    biscuit: Option<PathBuf>,
    /// Ask for a Biscuit, which can be handed over without the issuer, instead of an access token
    #[arg(long, requires = "key", conflicts_with_all = ["biscuit", "hand_to", "request_wit", "as_self"])]
    as_biscuit: bool,
    /// The WIT of another agent, to hand the delegation on to: the token is of use to that agent alone
    #[arg(long, value_name = "FILE", requires_all = ["delegation", "key"], conflicts_with = "actor_wit")]
    hand_to: Option<PathBuf>,
    /// What the token is for, by URI
    #[arg(long, value_name = "URI", conflicts_with = "audience")]
    resource: Option<Resource>,
    /// What the token is for, by name
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The scope to ask for; without it, all that policy grants
    #[arg(long, value_name = "SCOPES")]
    scope: Option<ScopeSet>,
    /// What to ask for in detail, as a JSON array (RFC 9396), beside a scope or in place of one
    #[arg(long, value_name = "JSON", value_parser = AuthorizationDetails::parse)]
    authorization_details: Option<AuthorizationDetails>,
    /// A WIT of the agent, bound to its key, as actor token
    #[arg(long, value_name = "FILE", requires = "key")]
    actor_wit: Option<PathBuf>,
    /// The user's approval of the agent and the target, as an approver signed it
    #[arg(long, value_name = "FILE")]
    approval: Option<PathBuf>,
    /// The state of the agent, as an attester signed it
    #[arg(long, value_name = "FILE")]
    posture: Option<PathBuf>,
    /// Ask for a Workload Identity Token of the agent itself
    #[arg(long, conflicts_with_all = ["resource", "audience", "scope", "authorization_details", "actor_wit", "approval", "posture"])]
    request_wit: bool,
    /// Ask for a token in the agent's own name, for no user
    #[arg(long, conflicts_with_all = ["actor_wit", "authorization_details"])]
    as_self: bool,
    /// Certificates in PEM to trust for the issuer, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print what the token says instead of the token
    #[arg(long, conflicts_with = "as_biscuit")]
    decode: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let request = request(arguments)?;
    let mut client = arguments.caller.client(&arguments.issuer)?;
    if let Some(file) = &arguments.ca_file {
        client = client.root_certificates(read(file)?);
    }
    let grant = super::runtime()?.block_on(async { anyhow::Ok(client.discover().await?.exchange(&request).await?) })?;
    let token = grant.token.expose();
    print(&if arguments.decode { super::token::decode(token)? } else { token.to_owned() });
    Ok(())
}

fn request(arguments: &Arguments) -> anyhow::Result<ExchangeRequest> {
    if arguments.request_wit {
        return Ok(ExchangeRequest::wit());
    }
    if let Some(file) = &arguments.biscuit {
        let biscuit = Biscuit::parse(read(file)?.trim()).with_context(|| file.display().to_string())?;
        return Ok(arguments.scope.iter().cloned().fold(biscuit.redeem(), ExchangeRequest::scope));
    }
    let target = match (&arguments.resource, &arguments.audience) {
        (Some(resource), _) => Target::Resource(resource.clone()),
        (None, Some(name)) => Target::Audience(name.clone()),
        (None, None) => return Err(Usage("say what the token is for: --resource URI or --audience NAME").into()),
    };
    let mut request = match (&arguments.user_token, arguments.user_access_token.as_ref().or(arguments.delegation.as_ref())) {
        (Some(file), _) => ExchangeRequest::delegation(read(file)?.trim(), TokenType::IdToken, target),
        (None, Some(file)) => match &arguments.hand_to {
            Some(wit) => ExchangeRequest::hand_on(read(file)?.trim(), target, &next_holder(wit)?),
            None => ExchangeRequest::delegation(read(file)?.trim(), TokenType::AccessToken, target),
        },
        (None, None) => ExchangeRequest::as_self(target),
    };
    if arguments.as_biscuit {
        request = request.as_biscuit();
    }
    if let Some(scope) = &arguments.scope {
        request = request.scope(scope.clone());
    }
    if let Some(details) = &arguments.authorization_details {
        request = request.authorization_details(details.clone());
    }
    if let Some(wit) = &arguments.actor_wit {
        request = request.actor_token(read(wit)?.trim(), TokenType::Jwt);
    }
    if let Some(approval) = &arguments.approval {
        request = request.approval_token(read(approval)?.trim());
    }
    if let Some(posture) = &arguments.posture {
        request = request.posture_token(read(posture)?.trim());
    }
    Ok(request)
}

fn next_holder(file: &Path) -> anyhow::Result<HeldWit> {
    HeldWit::parse(read(file)?.trim()).with_context(|| format!("{}: cannot be handed to", file.display()))
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))
}
