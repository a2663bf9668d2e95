//! The tables of trust domains.

use std::path::PathBuf;

use procura_token::{TrustDomain, WorkloadId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressRange, Config, ConfigError, WorkloadApiAddress};

/// `[[trust_domain]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustDomainConfig {
    /// Its name, such as `prod.example`.
    #[schemars(with = "String")]
    pub name: TrustDomain,
    /// The file of its SPIFFE bundle: a JWK Set whose keys carry `use` `jwt-svid`, `wit-svid` and `x509-svid`. Read again when
    /// an unknown key appears. Beside `federation` it is the first bundle, until one was fetched.
    #[serde(default)]
    pub bundle_file: Option<PathBuf>,
    /// The server of the SPIFFE Workload API that pushes its bundle: `unix:///run/spire/agent.sock`, `tcp://127.0.0.1:8081`, or
    /// `env` for what SPIFFE_ENDPOINT_SOCKET says. Trust domains it is federated with may name the same server.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub workload_api: Option<WorkloadApiAddress>,
    /// Its bundle endpoint. Without any of the three, its workloads have no SVIDs.
    #[serde(default)]
    pub federation: Option<FederationConfig>,
    /// Which of its workloads may call: paths such as `/agent/planner`, or `/agent/*` for everything below `/agent`. May be
    /// left out where there is no bundle.
    #[serde(default)]
    pub clients: Option<Vec<String>>,
    /// Whether we issue WITs for its workloads. Default false.
    #[serde(default)]
    pub issue_wit: bool,
}

/// A SPIFFE bundle endpoint (SPIFFE federation section 5). Nothing of it is derived from anything else of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Its URL: `https`, without user and fragment.
    pub url: String,
    /// How its server is known.
    pub profile: FederationProfile,
    /// The SPIFFE ID of its server, with `https_spiffe`. One of this trust domain needs `bundle_file` for the first time; one of
    /// another trust domain needs that configured.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub endpoint_id: Option<WorkloadId>,
    /// PEM certificates to trust instead of the system's, with `https_web`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Addresses that are not public and may be connected to, such as `["10.0.0.0/8"]`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub private_addresses: Vec<AddressRange>,
}

/// How the server of a bundle endpoint is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FederationProfile {
    /// By its host's name, as any server of the web.
    HttpsWeb,
    /// By its SPIFFE ID.
    HttpsSpiffe,
}

impl TrustDomainConfig {
    /// Whether a SPIFFE bundle vouches for its workloads.
    pub const fn has_bundle(&self) -> bool {
        self.bundle_file.is_some() || self.workload_api.is_some() || self.federation.is_some()
    }

    fn agree(&self, all: &Config) -> Result<(), ConfigError> {
        let name = &self.name;
        let rule = |key: &str, what: String, remedy: &str| Err(ConfigError::rule(&format!("trust_domain.{key}"), &what, remedy));
        if self.has_bundle() && self.clients.is_none() {
            let remedy = "name the paths that may call, such as [\"/agent/*\"]; \"/*\" is all of them";
            return rule("clients", format!("is missing for `{name}`"), remedy);
        }
        if self.workload_api.is_some() && (self.bundle_file.is_some() || self.federation.is_some()) {
            return rule("workload_api", format!("is not the only source of the bundle of `{name}`"), "keep one source");
        }
        self.federation.as_ref().map_or(Ok(()), |federation| federation.agree(self, all))
    }
}

impl FederationConfig {
    fn agree(&self, domain: &TrustDomainConfig, all: &Config) -> Result<(), ConfigError> {
        let rule = |key: &str, what: &str, remedy: &str| {
            Err(ConfigError::rule(&format!("trust_domain.federation.{key}"), &format!("of `{}` {what}", domain.name), remedy))
        };
        let is_https = self.url.parse::<http::Uri>().is_ok_and(|url| url.scheme_str() == Some("https"));
        if !is_https || self.url.contains(['@', '#']) {
            return rule("url", "is not an https URL without user and fragment", "write \"https://host/path\"");
        }
        match (self.profile, &self.endpoint_id) {
            (FederationProfile::HttpsWeb, Some(_)) => rule("endpoint_id", "is for `https_spiffe` only", "leave it out"),
            (FederationProfile::HttpsSpiffe, None) => {
                rule("endpoint_id", "is missing", "give the SPIFFE ID of the endpoint's server")
            }
            (FederationProfile::HttpsSpiffe, Some(_)) if self.ca_file.is_some() => {
                rule("ca_file", "is for `https_web` only", "leave it out")
            }
            (FederationProfile::HttpsSpiffe, Some(id)) if !id.is_spiffe() => {
                rule("endpoint_id", "is no SPIFFE ID", "write \"spiffe://trust-domain/path\"")
            }
            (FederationProfile::HttpsSpiffe, Some(id)) if id.trust_domain() == domain.name.as_str() => match domain.bundle_file {
                Some(_) => Ok(()),
                None => rule("endpoint_id", "needs a first bundle to be verified by", "give it as `bundle_file`"),
            },
            (FederationProfile::HttpsSpiffe, Some(id)) => {
                let vouches = |other: &TrustDomainConfig| other.name.as_str() == id.trust_domain() && other.has_bundle();
                match all.trust_domain.iter().any(vouches) {
                    true => Ok(()),
                    false => rule("endpoint_id", "is of a trust domain without a bundle", "add a [[trust_domain]] for it"),
                }
            }
            (FederationProfile::HttpsWeb, None) => Ok(()),
        }
    }
}

impl Config {
    pub(super) fn trust_domains(&self) -> Result<(), ConfigError> {
        self.trust_domain.iter().try_for_each(|domain| domain.agree(self))
    }
}
