//! The tables of the file.

use std::net::SocketAddr;
use std::path::PathBuf;

use procura_token::{Algorithm, Issuer, MAX_ACTORS, MAX_SKEW, Resource, Scope, WorkloadId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, HumanDuration, Secret, TlsConfig};

/// `[server]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The address of the public endpoints, such as `0.0.0.0:8443`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Certificate and key. Without them only a loopback address may be listened on.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Serve plain HTTP beyond the loopback interface: for a private network whose proxy terminates TLS, never else.
    #[serde(default)]
    pub insecure_http: bool,
    /// Further base URLs under which clients reach us, such as a gateway's. Proofs may name them.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub public_urls: Vec<Issuer>,
    /// The most connections at once to each listener; more wait in the kernel's queue. Default 4096.
    #[serde(default = "ServerConfig::default_connections")]
    pub max_connections: usize,
    /// The most requests worked on at once; more get 503. Default 1024.
    #[serde(default = "ServerConfig::default_requests")]
    pub max_requests: usize,
    /// How long one request may take, from its headers to its answer. Default `"10s"`.
    #[serde(default = "ServerConfig::default_timeout")]
    pub request_timeout: HumanDuration,
    /// How long a client may take for a TLS handshake or for the headers of a request. Default `"5s"`.
    #[serde(default = "ServerConfig::default_header_timeout")]
    pub header_timeout: HumanDuration,
    /// How long requests under way may take after a signal to stop. Default `"10s"`.
    #[serde(default = "ServerConfig::default_timeout")]
    pub shutdown_timeout: HumanDuration,
}

impl ServerConfig {
    const fn default_connections() -> usize {
        4096
    }

    const fn default_requests() -> usize {
        1024
    }

    const fn default_timeout() -> HumanDuration {
        HumanDuration::from_secs(10)
    }

    const fn default_header_timeout() -> HumanDuration {
        HumanDuration::from_secs(5)
    }
}

/// `[log]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `text` or `json`. Default `text`.
    #[serde(default)]
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`. Default `info`.
    #[serde(default)]
    pub level: Option<LogLevel>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What stopped the service from doing its work.
    Error,
    /// And what may stop it soon.
    Warn,
    /// And what it does.
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// `[keys]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Keys that sign access tokens; published at `/jwks.json`.
    pub token: KeyRingConfig,
    /// Keys that sign WITs; published at `/spiffe/bundle`.
    pub wit: KeyRingConfig,
}

/// One ring of keys: files holding a private JWK, or PKCS#8 in PEM; P-256 or Ed25519.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRingConfig {
    /// The key that signs.
    pub active: PathBuf,
    /// Keys published before they sign, so that verifiers know them in time.
    #[serde(default)]
    pub next: Vec<PathBuf>,
    /// Keys still published after they signed, until their last token has expired.
    #[serde(default)]
    pub retired: Vec<PathBuf>,
}

/// `[token]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenConfig {
    /// The longest a delegation lasts, from its first exchange. Policies shorten it by `@ttl`. Default `"30m"`.
    pub max_delegation: HumanDuration,
    /// The most actors a token may name, from 1 to 8; policies say less by `@depth`. Default 4.
    pub max_depth: u8,
    /// The longest a WIT lasts, at most a day. Default `"1h"`.
    pub max_wit: HumanDuration,
    /// Leeway for clocks that differ, on `exp`, `nbf` and `iat` of what comes in; at most `"5m"`. Default `"60s"`.
    pub skew: HumanDuration,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            max_delegation: HumanDuration::from_secs(30 * 60),
            max_depth: 4,
            max_wit: HumanDuration::from_secs(3600),
            skew: HumanDuration::from_secs(60),
        }
    }
}

impl TokenConfig {
    pub(super) fn agree(&self) -> Result<(), ConfigError> {
        at_most("token.skew", self.skew, HumanDuration(MAX_SKEW))?;
        if !(1..=MAX_ACTORS).contains(&self.max_depth.into()) {
            return Err(ConfigError::rule("token.max_depth", "is not from 1 to 8", "4 is enough for most"));
        }
        at_most("token.max_wit", self.max_wit, HumanDuration::from_secs(24 * 3600))?;
        at_most("token.max_delegation", self.max_delegation, HumanDuration::from_secs(24 * 3600))
    }
}

/// `[dpop]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DpopConfig {
    /// How old a proof may be; at most `"5m"`. Default `"60s"`.
    pub max_age: HumanDuration,
    /// How far ahead of our clock a proof may be; at most `"5m"`. Default `"5s"`.
    pub max_ahead: HumanDuration,
    /// How long a nonce is given out; it is accepted for up to twice as long. Default `"60s"`.
    pub nonce_period: HumanDuration,
    /// The secret behind the nonces: at least 32 characters, the same on every copy of the service. Without it each
    /// process makes its own, which serves one copy only.
    pub nonce_secret: Option<Secret>,
    /// The file that holds `nonce_secret`.
    pub nonce_secret_file: Option<PathBuf>,
    /// The algorithms accepted. Default: ES256, ES384, EdDSA, Ed25519, RS256, PS256.
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
}

impl Default for DpopConfig {
    fn default() -> Self {
        use Algorithm::{Ed25519, EdDsa, Es256, Es384, Ps256, Rs256};
        Self {
            max_age: HumanDuration::from_secs(60),
            max_ahead: HumanDuration::from_secs(5),
            nonce_period: HumanDuration::from_secs(60),
            nonce_secret: None,
            nonce_secret_file: None,
            algorithms: vec![Es256, Es384, EdDsa, Ed25519, Rs256, Ps256],
        }
    }
}

impl DpopConfig {
    /// The secret, if one is configured.
    ///
    /// # Errors
    /// [`ConfigError`] if both notations are used, the file cannot be read, or the secret is short.
    pub fn secret(&self) -> Result<Option<Secret>, ConfigError> {
        match Secret::either("dpop.nonce_secret", self.nonce_secret.as_ref(), self.nonce_secret_file.as_deref())? {
            Some(secret) if secret.expose().len() < 32 => {
                let remedy = "make one with `openssl rand -base64 32`";
                Err(ConfigError::rule("dpop.nonce_secret", "has fewer than 32 characters", remedy))
            }
            secret => Ok(secret),
        }
    }

    pub(super) fn agree(&self) -> Result<(), ConfigError> {
        let five_minutes = HumanDuration(MAX_SKEW);
        at_most("dpop.max_age", self.max_age, five_minutes)?;
        at_most("dpop.max_ahead", self.max_ahead, five_minutes)?;
        at_most("dpop.nonce_period", self.nonce_period, HumanDuration::from_secs(3600))?;
        if self.nonce_period.0.as_secs() == 0 {
            return Err(ConfigError::rule("dpop.nonce_period", "is shorter than a second", "write it like \"60s\""));
        }
        if self.algorithms.is_empty() {
            return Err(ConfigError::rule("dpop.algorithms", "is empty", "name at least ES256"));
        }
        Ok(())
    }
}

/// `[wpt]`
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WptConfig {
    /// Whether a WPT may also stand in `Workload-Proof-Token`, as in drafts before wpt-02. Default false.
    pub accept_legacy_field: bool,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// The file that events are appended to, one JSON object a line.
    pub path: PathBuf,
}

/// `[policy]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// The directory whose `*.cedar` files are the policy.
    pub directory: PathBuf,
    /// The directory whose `*.toml` files describe agents and groups for policies. May be the same.
    #[serde(default)]
    pub entities: Option<PathBuf>,
    /// A database in MaxMind's format that says in which country an address is, for policies: held in memory, at most 256 MiB.
    #[serde(default)]
    pub country_database: Option<PathBuf>,
}

/// `[[target]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// The absolute URI that `resource` names and `aud` carries.
    #[schemars(with = "String")]
    pub resource: Resource,
    /// The logical name that `audience` may use instead.
    #[serde(default)]
    pub name: Option<String>,
    /// The scopes it understands.
    #[schemars(with = "Vec<String>")]
    pub scopes: Vec<Scope>,
    /// Who answers for it; an attribute for policies.
    #[serde(default)]
    pub owner: Option<String>,
    /// Attributes for policies.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The workloads that serve it: a token for this target is theirs to call further with.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub workloads: Vec<WorkloadId>,
}

fn at_most(key: &str, value: HumanDuration, most: HumanDuration) -> Result<(), ConfigError> {
    if value <= most {
        return Ok(());
    }
    let most = humantime::format_duration(most.0);
    Err(ConfigError::rule(key, "is too long", &format!("the most is \"{most}\"")))
}
