//! `[store]`

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, HumanDuration, Secret};

/// `[store]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum StoreConfig {
    /// In this process: for one copy of the service. What it knows is lost when the process ends.
    Memory {
        /// The most uses it remembers, and as many delegations; when full it refuses. Default 1,000,000.
        #[serde(default = "StoreConfig::default_capacity")]
        capacity: usize,
    },
    /// In Redis 7 or newer: for any number of copies.
    Redis(Box<RedisConfig>),
}

/// `[store]` with `kind = "redis"`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// One server: `redis://[user@]host:6379/0`, or `rediss://…` for TLS.
    #[serde(default)]
    pub url: Option<String>,
    /// Several: the Sentinels, or nodes of the cluster.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The URLs are nodes of a Redis Cluster. Default false.
    #[serde(default)]
    pub cluster: bool,
    /// The URLs are Sentinels, which call the master by this name.
    #[serde(default)]
    pub sentinel: Option<String>,
    /// The password, if any.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The file that holds `password`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The password of the Sentinels themselves, if any.
    #[serde(default)]
    pub sentinel_password: Option<Secret>,
    /// The file that holds `sentinel_password`.
    #[serde(default)]
    pub sentinel_password_file: Option<PathBuf>,
    /// The authorities, in PEM, that may have signed the certificate of Redis. Default: those of this machine.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Our certificate chain in PEM, if Redis asks for one.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its private key in PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// How long one claim may take; then the answer is 503. Default `"2s"`.
    #[serde(default = "RedisConfig::default_timeout")]
    pub timeout: HumanDuration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self::Memory { capacity: Self::default_capacity() }
    }
}

impl StoreConfig {
    const fn default_capacity() -> usize {
        1_000_000
    }

    pub(super) fn agree(&self) -> Result<(), ConfigError> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Redis(redis) => redis.agree(),
        }
    }
}

impl RedisConfig {
    const fn default_timeout() -> HumanDuration {
        HumanDuration::from_secs(2)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.url.iter().chain(&self.urls).map(String::as_str)
    }

    /// The files it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let secrets = [&mut self.password_file, &mut self.sentinel_password_file];
        let tls = [&mut self.ca_file, &mut self.certificate_file, &mut self.key_file];
        secrets.into_iter().chain(tls).flatten()
    }

    fn agree(&self) -> Result<(), ConfigError> {
        let err = |key: &str, what: &str, remedy: &str| Err(ConfigError::rule(&format!("store.{key}"), what, remedy));
        match (&self.url, self.urls.is_empty(), self.cluster, &self.sentinel) {
            (_, _, true, Some(_)) => return err("sentinel", "is given with `cluster = true`", "keep one of the two"),
            (Some(_), false, ..) => return err("url", "is given with `urls`", "keep one of the two"),
            (None, true, ..) => return err("url", "is missing", "write \"redis://host:6379/0\", or set `urls`"),
            (Some(_), _, true, _) => return err("url", "is given with `cluster = true`", "list some nodes in `urls`"),
            (Some(_), _, _, Some(_)) => return err("url", "is given with `sentinel`", "list the Sentinels in `urls`"),
            (None, false, false, None) => {
                return err("urls", "does not say what they are", "set `cluster = true`, or `sentinel` to the master's name");
            }
            _ => {}
        }
        for url in self.addresses() {
            self.agrees(url)?;
        }
        if self.sentinel.is_none() && (self.sentinel_password.is_some() || self.sentinel_password_file.is_some()) {
            return err("sentinel_password", "is given without `sentinel`", "set `sentinel` to the master's name");
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return err("certificate_file", "and `store.key_file` go together", "set both or none");
        }
        if self.timeout.0.is_zero() {
            return err("timeout", "is zero", "write it like \"2s\"");
        }
        Ok(())
    }

    fn agrees(&self, url: &str) -> Result<(), ConfigError> {
        let err = |what: &str, remedy: &str| {
            let key = if self.url.is_some() { "store.url" } else { "store.urls" };
            Err(ConfigError::rule(key, what, remedy))
        };
        let has_tls = url.starts_with("rediss://");
        let several = self.url.is_none();
        if !has_tls && !url.starts_with("redis://") && (several || !url.starts_with("redis+unix://")) {
            return err("is not an address of Redis", "write \"redis://host:6379/0\", or \"rediss://…\" for TLS");
        }
        if url.contains(['?', '#']) {
            return err(
                "has options behind `?` or `#`",
                "leave them out; each has a key of its own in [store] or is not supported",
            );
        }
        let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(user, _)| user);
        if user.contains(':') {
            return err("carries a password", "move it to `store.password_file`");
        }
        if several && self.addresses().any(|other| other.starts_with("rediss://") != has_tls) {
            return err("mixes `redis://` and `rediss://`", "use `rediss://` for all");
        }
        let tls = [&self.ca_file, &self.certificate_file, &self.key_file];
        if !has_tls && tls.into_iter().any(Option::is_some) {
            return err("is not `rediss://…`, but there are files for TLS", "write `rediss://…`, or leave out the files");
        }
        Ok(())
    }
}
