use super::guests::GuestOptions;
use crate::certificate::Authority;
use crate::jose::Key;
use crate::world::{Options, Own, Proxy};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value};
use std::net::{IpAddr, SocketAddr};
use std::{fs, path::Path, path::PathBuf};

/// Where the server is, and what it takes to be an agent and a user there.
#[derive(Args)]
pub(super) struct Server {
    /// A development directory that gives all that follows; single options override it
    #[arg(long, value_name = "DIR")]
    dev: Option<PathBuf>,
    /// The issuer, as the server calls itself
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The SPIFFE trust domain of the agents
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
    /// Private JWK that signs JWT-SVIDs of the trust domain
    #[arg(long, value_name = "FILE")]
    svid_key: Option<PathBuf>,
    /// The issuer of the users' ID tokens
    #[arg(long, value_name = "URL")]
    user_issuer: Option<String>,
    /// Private JWK that signs ID tokens
    #[arg(long, value_name = "FILE")]
    user_key: Option<PathBuf>,
    /// The user's subject at that issuer
    #[arg(long, value_name = "SUB", default_value = "alice")]
    user: String,
    /// More claims for the ID token, as a JSON object
    #[arg(long, value_name = "JSON", default_value = r#"{"groups":["staff"]}"#)]
    user_claims: String,
    /// The path of the agent's SPIFFE ID
    #[arg(long, value_name = "PATH", default_value = "/agent/planner")]
    agent: String,
    /// A target the agent may use for the user
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// A scope the agent gets there
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// The logical name of that target
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// A target that exists and that the agent may not use
    #[arg(long, value_name = "URI")]
    denied_resource: Option<String>,
    /// An authorization detail (RFC 9396) that the agent may have there, as a JSON object
    #[arg(long, value_name = "JSON")]
    detail: Option<String>,
    /// The path of an agent that may act in its own name
    #[arg(long, value_name = "PATH", requires_all = ["own_resource", "own_scope"])]
    own_agent: Option<String>,
    /// A target that agent may use
    #[arg(long, value_name = "URI", requires = "own_agent")]
    own_resource: Option<String>,
    /// The scope it gets there
    #[arg(long, value_name = "SCOPE", requires = "own_agent")]
    own_scope: Option<String>,
    /// Another node of the same service, for replay over two nodes
    #[arg(long, value_name = "URL")]
    second_issuer_url: Option<String>,
    /// The path of another agent that may ask for a WIT
    #[arg(long, value_name = "PATH", default_value = "/agent/researcher")]
    other_agent: String,
    /// Private JWK that signs WITs of the trust domain, for WITs that the server would never sign
    #[arg(long, value_name = "FILE")]
    wit_key: Option<PathBuf>,
    /// The authority of X.509-SVIDs, in PEM
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// The private key of that authority, in PEM
    #[arg(long, value_name = "FILE")]
    authority_key: Option<PathBuf>,
    /// What the listener for mutual TLS is authenticated by, in PEM
    #[arg(long, value_name = "FILE")]
    tls_root: Option<PathBuf>,
    /// The address of a proxy that the server believes; this machine must be able to call from it
    #[arg(long, value_name = "IP")]
    proxy_address: Option<IpAddr>,
    /// The node that takes `Client-Cert` from the proxy
    #[arg(long, value_name = "URL", requires = "proxy_address")]
    client_cert_url: Option<String>,
    /// The node that takes `x-forwarded-client-cert` from the proxy
    #[arg(long, value_name = "URL", requires = "proxy_address")]
    forwarded_url: Option<String>,
    #[command(flatten)]
    guests: GuestOptions,
    /// The Redis that the server keeps used proofs in: it WILL BE EMPTIED, to see that nothing old comes in again
    #[arg(long, value_name = "ADDR")]
    redis: Option<SocketAddr>,
    /// A file the server writes, its log or its audit trail: no token may be in it
    #[arg(long, value_name = "FILE")]
    written: Vec<PathBuf>,
}

/// What `procura dev` sets up for everyone.
mod dev {
    pub(super) const RESOURCE: &str = "http://127.0.0.1:8090/calendar";
    pub(super) const DENIED: &str = "http://127.0.0.1:8090/files";
    pub(super) const AUDIENCE: &str = "calendar";
    pub(super) const SCOPE: &str = "calendar.read";
    pub(super) const DETAIL: &str = r#"{"type":"calendar_invitation","actions":["send"],"guests":{"most":2}}"#;
    /// Who acts in its own name, where, and to do what.
    pub(super) const OWN: [&str; 3] = ["/agent/archivist", "http://127.0.0.1:8090/files", "files.read"];
}

impl Server {
    /// Whether any server was named.
    pub(super) fn is_given(&self) -> bool {
        self.dev.is_some() || self.issuer.is_some()
    }

    /// Reads the key files and fills the gaps from the development directory.
    pub(super) fn options(&self) -> Result<Options> {
        let Value::Object(user_claims) = serde_json::from_str(&self.user_claims).context("--user-claims is not JSON")? else {
            bail!("--user-claims is not a JSON object");
        };
        let issuer = self.text(&self.issuer, "--issuer", |dev| configured(dev, None, "issuer"))?;
        let trust_domain =
            self.text(&self.trust_domain, "--trust-domain", |dev| configured(dev, Some("trust_domain"), "name"))?;
        let own = |given: &Option<String>, value: &str| given.clone().or(self.dev.as_ref().map(|_| value.to_owned()));
        Ok(Options {
            svid_key: self.key(&self.svid_key, "--svid-key", "authority/svid.jwk")?,
            user_issuer: self.text(&self.user_issuer, "--user-issuer", |dev| configured(dev, Some("user_issuer"), "url"))?,
            user_key: self.key(&self.user_key, "--user-key", "authority/users.jwk")?,
            user: self.user.clone(),
            user_claims: Map::from_iter(user_claims),
            agent: format!("spiffe://{trust_domain}{}", self.agent),
            resource: self.text(&self.resource, "--resource", |_| Ok(dev::RESOURCE.to_owned()))?,
            scope: self.text(&self.scope, "--scope", |_| Ok(dev::SCOPE.to_owned()))?,
            audience: own(&self.audience, dev::AUDIENCE),
            denied_resource: own(&self.denied_resource, dev::DENIED),
            detail: own(&self.detail, dev::DETAIL)
                .map(|detail| serde_json::from_str(&detail))
                .transpose()
                .context("--detail is not JSON")?,
            own: self.own(&trust_domain),
            second: self.second_issuer_url.clone(),
            other_agent: format!("spiffe://{trust_domain}{}", self.other_agent),
            wit_key: self.wit_key()?,
            authority: self.authority()?,
            tls_root: self.optional(&self.tls_root, "authority/ca.pem").map(read).transpose()?,
            proxy: self.proxy_address.map(|address| Proxy {
                address,
                client_cert: self.client_cert_url.clone(),
                forwarded: self.forwarded_url.clone(),
            }),
            guests: self.guests.read()?,
            hostile_address: self.guests.hostile_address,
            disabled_file: self.guests.disabled_file.clone(),
            redis: self.redis,
            written: self.written.clone(),
            issuer,
            trust_domain,
        })
    }

    fn own(&self, trust_domain: &str) -> Option<Own> {
        let [agent, resource, scope] = match (&self.own_agent, &self.own_resource, &self.own_scope) {
            (Some(agent), Some(resource), Some(scope)) => [agent, resource, scope].map(String::as_str),
            _ if self.dev.is_some() => dev::OWN,
            _ => return None,
        };
        let agent = format!("spiffe://{trust_domain}{agent}");
        Some(Own { agent, resource: resource.to_owned(), scope: scope.to_owned() })
    }

    fn text(&self, given: &Option<String>, name: &str, otherwise: impl Fn(&Path) -> Result<String>) -> Result<String> {
        match (given, &self.dev) {
            (Some(given), _) => Ok(given.clone()),
            (None, Some(directory)) => otherwise(directory),
            (None, None) => bail!("{name} is missing; give it, or --dev DIR"),
        }
    }

    fn key(&self, given: &Option<PathBuf>, name: &str, place: &str) -> Result<Key> {
        let file = match (given, &self.dev) {
            (Some(file), _) => file.clone(),
            (None, Some(directory)) => directory.join(place),
            (None, None) => bail!("{name} is missing; give it, or --dev DIR"),
        };
        jwk(&file)
    }

    fn wit_key(&self) -> Result<Option<Key>> {
        self.optional(&self.wit_key, "keys/wit.jwk").map(|file| jwk(&file)).transpose()
    }

    fn authority(&self) -> Result<Option<Authority>> {
        let certificate = self.optional(&self.authority, "authority/ca.pem");
        let key = self.optional(&self.authority_key, "authority/ca-key.pem");
        let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
        let authority = Authority::from_pem(&read(&certificate)?, &read(&key)?);
        authority.map(Some).with_context(|| format!("`{}` and `{}`", certificate.display(), key.display()))
    }

    /// A file that was named, or that the development directory has.
    fn optional(&self, given: &Option<PathBuf>, place: &str) -> Option<PathBuf> {
        given.clone().or_else(|| self.dev.as_ref().map(|directory| directory.join(place)).filter(|file| file.exists()))
    }
}

fn read(file: impl AsRef<Path>) -> Result<String> {
    let file = file.as_ref();
    fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

pub(super) fn jwk(file: &Path) -> Result<Key> {
    let jwk = serde_json::from_str(&read(file)?).with_context(|| format!("`{}` is not JSON", file.display()))?;
    Key::from_jwk(&jwk).with_context(|| format!("`{}` holds no usable key", file.display()))
}

/// A text of the configuration file in a development directory: of its top, or of the first table of a list.
fn configured(directory: &Path, list: Option<&str>, key: &str) -> Result<String> {
    let file = directory.join("config.toml");
    let config: toml::Table = read(&file)?.parse().with_context(|| format!("`{}` is not TOML", file.display()))?;
    let table = match list {
        None => Some(&config),
        Some(list) => config.get(list).and_then(toml::Value::as_array).and_then(|tables| tables.first()?.as_table()),
    };
    let found = table.and_then(|table| table.get(key)?.as_str());
    Ok(found.with_context(|| format!("`{}` has no `{key}` in {}", file.display(), list.unwrap_or("its top")))?.to_owned())
}
