//! An agent that reads a user's calendar on the user's behalf, with `procura-client`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{ArgGroup, Parser, ValueEnum};
use procura_client::{
    AgentKey, Client, ClientBuilder, Credential, Delegated, ExchangeRequest, Grant, Issuer, JwkSet, Resource, ResponseSignature,
    ScopeSet, SigningServer, SvidFile, TokenType, WitProof, WorkloadId, X509SvidFiles,
};
use serde_json::{Value, json};

/// Asks for a token to act for a user, and calls a resource with it.
#[derive(Parser)]
#[command(group(ArgGroup::new("credential").required(true).args(["svid", "wit", "svid_cert"])))]
struct Settings {
    /// The issuer to exchange at
    #[arg(long, value_name = "URL")]
    issuer: Issuer,
    /// This agent's JWT-SVID, for the issuer alone
    #[arg(long, value_name = "FILE")]
    svid: Option<PathBuf>,
    /// This agent's WIT; --key is its key
    #[arg(long, value_name = "FILE", requires = "key")]
    wit: Option<PathBuf>,
    /// This agent's X.509-SVID, for mutual TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "svid_key")]
    svid_cert: Option<PathBuf>,
    /// The private key of the X.509-SVID, in PEM
    #[arg(long, value_name = "FILE", requires = "svid_cert")]
    svid_key: Option<PathBuf>,
    /// The user's ID token
    #[arg(long, value_name = "FILE")]
    user_token: PathBuf,
    /// The resource to call
    #[arg(long, value_name = "URL")]
    resource: Resource,
    /// The scope to ask for; without it, all that policy grants
    #[arg(long)]
    scope: Option<ScopeSet>,
    /// This agent's private key, as JWK or PEM, that the token is bound to. Without it: the certificate, with --svid-cert; else
    /// a new key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How this agent proves itself beside the token
    #[arg(long, value_enum, default_value = "token")]
    call: Call,
    /// With --call wpt: the header field that carries the token
    #[arg(long, value_name = "NAME", default_value = "delegation-token")]
    delegation_header: String,
    /// With --call signature: the workload that must sign the answer
    #[arg(long, value_name = "ID", requires = "bundle")]
    server: Option<WorkloadId>,
    /// The SPIFFE bundle of that workload's trust domain
    #[arg(long, value_name = "FILE", requires = "server")]
    bundle: Option<PathBuf>,
    /// Certificates in PEM to trust, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Call {
    /// Only by the key or certificate that the token is bound to
    Token,
    /// By its WIT and a Workload Proof Token
    Wpt,
    /// By its WIT and a signature over the request
    Signature,
}

impl Settings {
    /// Who this agent is, and what its tokens are bound to.
    fn client(&self) -> anyhow::Result<ClientBuilder> {
        let (issuer, key) = (self.issuer.clone(), self.key.as_ref().map(AgentKey::from_file).transpose()?);
        let proof = if self.call == Call::Signature { WitProof::Signature } else { WitProof::Wpt };
        let credential = match (&self.svid, &self.wit, &self.svid_cert, &self.svid_key) {
            (Some(svid), ..) => SvidFile::new(svid).into(),
            (_, Some(wit), ..) => Credential::wit(SvidFile::new(wit), proof),
            (.., Some(certificates), Some(private)) => {
                let files = X509SvidFiles::new(certificates, private);
                if key.is_none() {
                    return Ok(Client::certificate_bound(issuer, files));
                }
                Credential::x509_svid(files)
            }
            _ => bail!("say who this agent is: --svid, --wit or --svid-cert"),
        };
        Ok(Client::builder(issuer, key.map_or_else(AgentKey::generate, Ok)?, credential))
    }

    /// Calls for the user, in the way the resource wants them.
    fn calls_of(&self, user: Delegated) -> anyhow::Result<Delegated> {
        Ok(match self.call {
            Call::Token => user,
            Call::Wpt => user.with_wpt(&self.delegation_header, &[])?,
            Call::Signature => user.with_signature(self.expected_signature()?),
        })
    }

    fn expected_signature(&self) -> anyhow::Result<ResponseSignature> {
        let (Some(id), Some(bundle)) = (&self.server, &self.bundle) else { return Ok(ResponseSignature::NotExpected) };
        let unusable = || format!("no bundle in `{}`", bundle.display());
        let keys = JwkSet::parse(read(bundle)?.as_bytes()).with_context(unusable)?;
        Ok(ResponseSignature::Required(SigningServer::new(id.clone(), &keys).with_context(unusable)?))
    }
}

async fn run(settings: &Settings) -> anyhow::Result<String> {
    let mut client = settings.client()?;
    if let Some(file) = &settings.ca_file {
        client = client.root_certificates(read(file)?);
    }
    let client = client.discover().await?;
    let user_token = read(&settings.user_token)?;
    let mut request = ExchangeRequest::delegation(user_token, TokenType::IdToken, settings.resource.clone());
    if let Some(scope) = &settings.scope {
        request = request.scope(scope.clone());
    }
    let user = settings.calls_of(client.delegated(request))?;
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
