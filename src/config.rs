//! What an operator writes: one TOML file, every key documented where it is defined.
//!
//! Unknown keys are refused with the nearest known one. Relative paths are relative to the file. Reading gives a [`Config`]
//! whose every value is well formed and whose parts agree with each other; whether the files it names can be read is found
//! out when the service starts.

mod authorization_details;
mod error;
mod listener;
mod path;
mod platform;
mod secret;
mod section;
mod statement_issuer;
mod store;
mod trust;
mod trust_domain;
mod user_issuer;
mod value;
mod workload_api;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use procura_token::Issuer;
use schemars::JsonSchema;
use serde::Deserialize;

pub use authorization_details::AuthorizationDetailsTypeConfig;
pub use error::ConfigError;
pub use listener::{AdminConfig, CertificateField, IdentityConfig, MtlsConfig, ProxyConfig, TlsConfig};
pub use platform::{AwsStsConfig, KubernetesConfig, OneOrSeveral, PlatformConfig, TpmConfig};
pub use secret::Secret;
pub use section::{
    AuditConfig, DpopConfig, KeyRingConfig, KeysConfig, LogConfig, LogFormat, LogLevel, PolicyConfig, ServerConfig, TargetConfig,
    TokenConfig, WptConfig,
};
pub use statement_issuer::{ApproverConfig, AttesterConfig};
pub use store::{RedisConfig, StoreConfig};
pub use trust::TrustConfig;
pub use trust_domain::{FederationConfig, FederationProfile, TrustDomainConfig};
pub use user_issuer::{ClaimValue, ClaimValues, IntrospectionConfig, UserIssuerConfig, UserTokenKind};
pub use value::{AddressRange, HumanDuration};
pub use workload_api::WorkloadApiAddress;

/// A configuration file that `config check` accepts, with every key and its default.
pub const EXAMPLE: &str = include_str!("config/example.toml");

/// Everything the service can be told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our issuer identifier: the `iss` of every token, the base of every URL, the audience of every client assertion.
    #[schemars(with = "String")]
    pub issuer: Issuer,
    /// Where and how to listen.
    pub server: ServerConfig,
    /// A second listener, for clients that show an X.509-SVID.
    #[serde(default)]
    pub mtls: Option<MtlsConfig>,
    /// Proxies that end the clients' mutual TLS.
    #[serde(default)]
    pub proxy: Option<ProxyConfig>,
    /// Where operators look.
    #[serde(default)]
    pub admin: Option<AdminConfig>,
    /// What to write to the log.
    #[serde(default)]
    pub log: LogConfig,
    /// Signing keys.
    pub keys: KeysConfig,
    /// Limits of what is issued.
    #[serde(default)]
    pub token: TokenConfig,
    /// Rules for DPoP proofs.
    #[serde(default)]
    pub dpop: DpopConfig,
    /// Rules for WPTs.
    #[serde(default)]
    pub wpt: WptConfig,
    /// What the copies of this service share.
    #[serde(default)]
    pub store: StoreConfig,
    /// Where decisions are recorded.
    pub audit: AuditConfig,
    /// Who may do what.
    pub policy: PolicyConfig,
    /// Who is believed no longer.
    #[serde(default)]
    pub trust: TrustConfig,
    /// Trust domains whose workloads may call.
    #[serde(default)]
    pub trust_domain: Vec<TrustDomainConfig>,
    /// Rules that give the workloads of CI systems, clouds and clusters identifiers.
    #[serde(default)]
    pub platform: Vec<PlatformConfig>,
    /// Issuers whose tokens name users.
    #[serde(default)]
    pub user_issuer: Vec<UserIssuerConfig>,
    /// Who may say that a user approved a delegation.
    #[serde(default)]
    pub approver: Vec<ApproverConfig>,
    /// Who may say in which state a workload is.
    #[serde(default)]
    pub attester: Vec<AttesterConfig>,
    /// What tokens can be for.
    #[serde(default)]
    pub target: Vec<TargetConfig>,
    /// A directory of further targets: each `*.toml` in it holds `[[target]]` and `[[authorization_details_type]]` entries.
    #[serde(default)]
    pub target_directory: Option<PathBuf>,
    /// Types of `authorization_details`: what can be asked for beside scopes (RFC 9396).
    #[serde(default)]
    pub authorization_details_type: Vec<AuthorizationDetailsTypeConfig>,
}

impl Config {
    /// Reads the file at `path`, and the targets it points to.
    ///
    /// # Errors
    /// [`ConfigError`] with the place and the remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::of_file(path, &std::fs::read_to_string(path).map_err(|cause| ConfigError::unreadable(path, &cause))?)
    }

    /// What [`Config::load`] would give if the file at `path` had this `text`.
    ///
    /// # Errors
    /// [`ConfigError`] with the place and the remedy.
    pub fn of_file(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut config = Self::parse(text).map_err(|error| error.in_file(path))?;
        config.resolve(path.parent().unwrap_or(Path::new(".")));
        config.load_targets()?;
        config.agree().map_err(|error| error.in_file(path))?;
        Ok(config)
    }

    /// Parses the text of a file. Paths stay as written; the parts have not been compared yet.
    ///
    /// # Errors
    /// [`ConfigError`] with the line.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))
    }

    /// The JSON Schema of the file.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }

    fn load_targets(&mut self) -> Result<(), ConfigError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Targets {
            #[serde(default)]
            target: Vec<TargetConfig>,
            #[serde(default)]
            authorization_details_type: Vec<AuthorizationDetailsTypeConfig>,
        }
        let Some(directory) = &self.target_directory else { return Ok(()) };
        let unreadable = |cause| ConfigError::unreadable(directory, &cause);
        let entries = std::fs::read_dir(directory).map_err(unreadable)?;
        let mut files =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|cause| ConfigError::unreadable(&file, &cause))?;
            let targets: Targets = toml::from_str(&text).map_err(|error| ConfigError::syntax(&text, &error).in_file(&file))?;
            self.target.extend(targets.target);
            self.authorization_details_type.extend(targets.authorization_details_type);
        }
        Ok(())
    }

    /// Refuses what is well formed in itself and wrong in company.
    fn agree(&self) -> Result<(), ConfigError> {
        if !self.issuer.is_protected() && !self.server.insecure_http {
            return Err(ConfigError::rule("issuer", "is http and not on the loopback interface", "use https"));
        }
        if self.server.tls.is_none() && !self.server.listen.ip().is_loopback() && !self.server.insecure_http {
            let remedy = "set server.tls, or listen on 127.0.0.1 behind a proxy that terminates TLS";
            return Err(ConfigError::rule("server.listen", "is reachable from other machines without TLS", remedy));
        }
        self.listeners()?;
        unique("trust_domain.name", self.trust_domain.iter().map(|domain| domain.name.as_str()))?;
        unique("user_issuer.url", self.user_issuer.iter().map(|issuer| issuer.url.as_str()))?;
        unique("user_issuer.alias", self.user_issuer.iter().map(|issuer| issuer.alias.as_str()))?;
        unique("target.resource", self.target.iter().map(|target| target.resource.as_str()))?;
        unique("target.name", self.target.iter().filter_map(|target| target.name.as_deref()))?;
        self.trust_domains()?;
        self.user_issuers_agree()?;
        self.statement_issuers_agree()?;
        self.detail_types_agree()?;
        self.platforms()?;
        self.dpop.agree()?;
        self.store.agree()?;
        self.token.agree()
    }
}

/// The path of another program that was installed in this one's directory. Nothing says that it is there.
///
/// # Errors
/// If the operating system does not know where this program is.
pub fn beside_this_program(name: &str) -> std::io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn unique<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(ConfigError::rule(key, &format!("`{value}` occurs twice"), "remove one of the two"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
