//! `[[platform]]`

mod kind;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use procura_token::{Issuer, TrustDomain};
use schemars::JsonSchema;
use serde::Deserialize;

use super::value::is_short_name;
use super::{AddressRange, Config, ConfigError, unique};
pub use kind::{AwsStsConfig, KubernetesConfig};

/// `[[platform]]`: a rule that gives the workloads of a platform identifiers in a trust domain. Rules of one issuer are tried
/// in the order of the file; the first whose `require` holds decides.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// The platform, such as `github-actions`.
    pub kind: String,
    /// The rule's name, for logs and audit events. Default: `kind`.
    #[serde(default)]
    pub name: Option<String>,
    /// The trust domain its workloads are in: one without a bundle.
    #[schemars(with = "String")]
    pub trust_domain: TrustDomain,
    /// The `iss` of the platform's tokens. Default: the one every customer of the platform has, if there is one.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub issuer: Option<Issuer>,
    /// What the token's only `aud` may be. Default: our own issuer identifier.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The path of a workload's identifier, such as `/github/{repository_owner_id}/{repository_id}`; each name in braces
    /// is an attribute that fills a whole segment. Default: the platform's.
    #[serde(default)]
    pub path: Option<String>,
    /// Attributes that must have this value, or one of these.
    #[serde(default)]
    pub require: BTreeMap<String, OneOrSeveral>,
    /// The issuer's JWK Set, from a file instead of from discovery.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// PEM certificates to trust for the issuer's HTTPS, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Private addresses that the issuer may be at, such as `["10.0.0.0/8"]`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub private_addresses: Vec<AddressRange>,
    /// Of the kind `aws-sts`: whom signed requests may be sent to.
    #[serde(default)]
    pub aws_sts: Option<AwsStsConfig>,
    /// Of the kind `kubernetes`: the API server, where it is asked.
    #[serde(default)]
    pub kubernetes: Option<KubernetesConfig>,
    /// For the kind `tpm` alone.
    #[serde(default)]
    pub tpm: Option<TpmConfig>,
}

/// `[platform.tpm]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TpmConfig {
    /// The file that lists the TPMs that are believed: `[[device]]`, each with `name` and either `ek_public_sha256` or `ak_name`.
    /// It is read again when it changes.
    pub devices_file: PathBuf,
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, or a list of them")]
pub enum OneOrSeveral {
    /// `"a"`
    One(String),
    /// `["a", "b"]`
    Several(Vec<String>),
}

impl OneOrSeveral {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Several(several) => several.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

impl PlatformConfig {
    /// The rule's name.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }

    fn agree(&self, config: &Config) -> Result<(), ConfigError> {
        let err = |key: &str, what: &str, remedy: &str| {
            Err(ConfigError::rule(&format!("platform.{key}"), &format!("of `{}` {what}", self.name()), remedy))
        };
        if !is_short_name(self.name()) {
            return err("name", "is not a short name", "use up to 64 lower-case letters, digits and `-`");
        }
        match config.trust_domain.iter().find(|domain| domain.name == self.trust_domain) {
            None => return err("trust_domain", "is not configured", "add a [[trust_domain]] of that name"),
            Some(domain) if domain.has_bundle() => {
                let remedy = "leave out where its bundle comes from, or give the platform a trust domain of its own";
                return err("trust_domain", "has a bundle, whose owner names its workloads", remedy);
            }
            Some(_) => {}
        }
        if let Some(issuer) = &self.issuer {
            if config.user_issuer.iter().any(|users| users.url == *issuer) {
                return err("issuer", "is a [[user_issuer]] too", "believe it for users or for workloads, not for both");
            }
            if self.jwks_file.is_none() && !issuer.is_protected() {
                return err("issuer", "is http and not on the loopback interface", "use https");
            }
        }
        self.kind_agrees()?;
        match (self.kind == "tpm", self.tpm.is_some()) {
            (true, false) => return err("tpm", "is missing", "add `[platform.tpm]` with `devices_file`"),
            (false, true) => return err("tpm", "means nothing for this kind", "leave it out"),
            _ => {}
        }
        if self.audiences.iter().any(String::is_empty) {
            return err("audiences", "holds an empty text", "leave it out for our own issuer identifier");
        }
        Ok(())
    }
}

impl Config {
    /// Whether the trust domains and those who vouch for them fit together: one authority for each name.
    pub(super) fn platforms(&self) -> Result<(), ConfigError> {
        unique("platform.name", self.platform.iter().map(PlatformConfig::name))?;
        self.platform.iter().try_for_each(|platform| platform.agree(self))?;
        let named: HashSet<&str> = self.platform.iter().map(|platform| platform.trust_domain.as_str()).collect();
        let orphan = self.trust_domain.iter().find(|it| !it.has_bundle() && !named.contains(it.name.as_str()));
        match orphan {
            None => Ok(()),
            Some(domain) => {
                let what = format!("of `{}` is missing, and no [[platform]] names that trust domain", domain.name);
                Err(ConfigError::rule("trust_domain.bundle_file", &what, "say who vouches for its workloads"))
            }
        }
    }
}
