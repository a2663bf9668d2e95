//! Who exchanges: the agent's own credential and key.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use procura_client::{
    AgentKey, Client, ClientBuilder, Credential, HeldWit, Issuer, PlatformAssertion, Secret, SvidFile, WitProof, X509SvidFiles,
};
use procura_token::MAX_TOKEN;

use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
#[group(id = "caller")]
#[command(group(clap::ArgGroup::new("credential").required(true).args(["svid", "wit", "svid_cert", "platform_token", "aws_request"])))]
pub(super) struct Arguments {
    /// The agent's JWT-SVID, for the issuer alone
    #[arg(long, value_name = "FILE")]
    svid: Option<PathBuf>,
    /// The agent's WIT; --key is its key
    #[arg(long, value_name = "FILE", requires = "key")]
    wit: Option<PathBuf>,
    /// How the key of the WIT is proved
    #[arg(long, value_enum, default_value = "wpt", requires = "wit")]
    proof: Proof,
    /// The agent's X.509-SVID, for mutual TLS: certificates in PEM, the agent's own first
    #[arg(long, value_name = "FILE", requires = "svid_key")]
    svid_cert: Option<PathBuf>,
    /// The private key of the X.509-SVID, in PEM
    #[arg(long, value_name = "FILE", requires = "svid_cert")]
    svid_key: Option<PathBuf>,
    /// What the agent's platform (a CI system, a cloud, a cluster) gave it: an ID token for the issuer alone; `-` reads it from
    /// standard input
    #[arg(long, value_name = "FILE|-")]
    platform_token: Option<PathBuf>,
    /// A request for GetCallerIdentity that the agent's AWS role signed for the issuer and for --key, base64url of its JSON; `-`
    /// reads it from standard input
    #[arg(long, value_name = "FILE|-", requires = "key")]
    aws_request: Option<PathBuf>,
    /// The agent's private key, as JWK or PEM, that the token is bound to. Without it: the certificate, with --svid-cert; else a
    /// new key, which ends with this command
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Proof {
    /// A Workload Proof Token
    Wpt,
    /// A signature over the HTTP message
    Signature,
}

impl Arguments {
    /// A client of `issuer` for this caller. Files are looked at now, so that a wrong one is named.
    pub(super) fn client(&self, issuer: &Issuer) -> anyhow::Result<ClientBuilder> {
        let key = self.key.as_ref().map(AgentKey::from_file).transpose()?;
        let credential = match (&self.svid, &self.wit, &self.svid_cert, &self.svid_key) {
            _ if let Some(token) = &self.platform_token => platform(PlatformAssertion::Token, token)?,
            _ if let Some(request) = &self.aws_request => platform(PlatformAssertion::AwsRequest, request)?,
            (_, Some(wit), ..) => wit_credential(wit, key.as_ref(), self.proof)?,
            (_, _, Some(certificates), Some(private)) => {
                let files = X509SvidFiles::new(certificates, private);
                match key {
                    None => return Ok(Client::certificate_bound(issuer.clone(), files)),
                    Some(_) => Credential::x509_svid(files),
                }
            }
            (Some(svid), ..) => jwt_svid(svid)?,
            _ => bail!(super::Usage("say who the agent is: --svid, --wit, --svid-cert, --platform-token or --aws-request")),
        };
        Ok(Client::builder(issuer.clone(), key.map_or_else(AgentKey::generate, Ok)?, credential))
    }
}

fn wit_credential(file: &Path, key: Option<&AgentKey>, proof: Proof) -> anyhow::Result<Credential> {
    let wit = HeldWit::parse(&super::read(file)?).with_context(|| format!("--wit {}", file.display()))?;
    let Some(key) = key else { bail!(super::Usage("a WIT is bound to a key: give --key FILE")) };
    wit.verify_holder(key, SystemClock.now()).with_context(|| format!("--wit {} with this --key", file.display()))?;
    let proof = match proof {
        Proof::Wpt => WitProof::Wpt,
        Proof::Signature => WitProof::Signature,
    };
    Ok(Credential::wit(SvidFile::new(file), proof))
}

/// A pipeline hands the credential on without writing it anywhere.
fn platform(assertion: PlatformAssertion, file: &Path) -> anyhow::Result<Credential> {
    if file != Path::new("-") {
        super::read(file)?;
        return Ok(Credential::platform(assertion, SvidFile::new(file)));
    }
    let mut text = String::new();
    std::io::stdin().lock().take(MAX_TOKEN as u64 + 1).read_to_string(&mut text).context("standard input cannot be read")?;
    let token = Secret::new(text.trim());
    match token.expose().len() {
        0 => bail!("standard input is empty: there is no token"),
        length if length > MAX_TOKEN => bail!("standard input is longer than 16 KiB: that is no token"),
        _ => Ok(Credential::platform(assertion, move || std::future::ready(Ok(token.clone())))),
    }
}

/// A file of another kind would only be refused, with no word of why.
fn jwt_svid(file: &Path) -> anyhow::Result<Credential> {
    let text = super::read(file)?;
    if HeldWit::parse(&text).is_ok() {
        bail!("--svid {}: this is a WIT; give it as --wit, with its --key", file.display());
    }
    if text.contains("-----BEGIN ") {
        bail!("--svid {}: this is PEM; give an X.509-SVID as --svid-cert and --svid-key", file.display());
    }
    Ok(SvidFile::new(file).into())
}
