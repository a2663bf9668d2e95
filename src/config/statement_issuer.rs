//! The tables of those who sign approvals and postures.

use std::path::PathBuf;

use procura_token::{Algorithm, Issuer};
use schemars::JsonSchema;
use serde::Deserialize;

use super::value::is_short_name;
use super::{AddressRange, Config, ConfigError, unique};

/// `[[approver]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproverConfig {
    /// What people and the log call it. Lower-case letters, digits and `-`.
    pub name: String,
    /// Its issuer identifier: the `iss` of its approvals.
    #[schemars(with = "String")]
    pub issuer: Issuer,
    /// Its JWK Set, from a file instead of from discovery.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// PEM certificates to trust for its HTTPS, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Where its endpoints may be beside the public internet, such as `["10.0.0.0/8"]`. Default: nowhere.
    #[serde(default)]
    pub private_addresses: Vec<AddressRange>,
    /// The algorithms it signs with. Default: RS256, ES256, PS256, EdDSA, ES384.
    #[serde(default = "default_algorithms")]
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
    /// The aliases of the user issuers whose users it may approve for.
    pub user_issuers: Vec<String>,
}

/// `[[attester]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttesterConfig {
    /// What policies (`context.posture.attester`), people and the log call it. Lower-case letters, digits and `-`.
    pub name: String,
    /// Its issuer identifier: the `iss` of its statements.
    #[schemars(with = "String")]
    pub issuer: Issuer,
    /// Its JWK Set, from a file instead of from discovery.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// PEM certificates to trust for its HTTPS, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Where its endpoints may be beside the public internet, such as `["10.0.0.0/8"]`. Default: nowhere.
    #[serde(default)]
    pub private_addresses: Vec<AddressRange>,
    /// The algorithms it signs with. Default: RS256, ES256, PS256, EdDSA, ES384.
    #[serde(default = "default_algorithms")]
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
    /// The workloads it may speak of: identifiers, or all below a path: `"spiffe://prod.example/agent/*"`.
    pub workloads: Vec<String>,
}

fn default_algorithms() -> Vec<Algorithm> {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    vec![Rs256, Es256, Ps256, EdDsa, Es384]
}

/// What both tables have.
struct Common<'a> {
    table: &'static str,
    name: &'a str,
    issuer: &'a Issuer,
    is_fetched: bool,
    has_algorithms: bool,
}

impl Common<'_> {
    fn agree(&self, us: &Issuer) -> Result<(), ConfigError> {
        let rule = |key: &str, what: &str, remedy: &str| Err(ConfigError::rule(&format!("{}.{key}", self.table), what, remedy));
        if !is_short_name(self.name) {
            let what = format!("`{}` is not a short name", self.name);
            return rule("name", &what, "use up to 64 lower-case letters, digits and `-`");
        }
        if self.issuer == us {
            return rule("issuer", "is this service itself", "what we sign is no evidence to us");
        }
        if self.is_fetched && !self.issuer.is_protected() {
            return rule("issuer", "is http and not on the loopback interface", "use https, or `jwks_file`");
        }
        if !self.has_algorithms {
            return rule("algorithms", "is empty", "name what it signs with");
        }
        Ok(())
    }
}

impl Config {
    /// Refuses approvers and attesters that are wrong, or wrong in company.
    pub(super) fn statement_issuers_agree(&self) -> Result<(), ConfigError> {
        unique("approver.name", self.approver.iter().map(|approver| approver.name.as_str()))?;
        unique("approver.issuer", self.approver.iter().map(|approver| approver.issuer.as_str()))?;
        unique("attester.name", self.attester.iter().map(|attester| attester.name.as_str()))?;
        unique("attester.issuer", self.attester.iter().map(|attester| attester.issuer.as_str()))?;
        let approvers = self.approver.iter().map(|it| Common {
            table: "approver",
            name: &it.name,
            issuer: &it.issuer,
            is_fetched: it.jwks_file.is_none(),
            has_algorithms: !it.algorithms.is_empty(),
        });
        let attesters = self.attester.iter().map(|it| Common {
            table: "attester",
            name: &it.name,
            issuer: &it.issuer,
            is_fetched: it.jwks_file.is_none(),
            has_algorithms: !it.algorithms.is_empty(),
        });
        approvers.chain(attesters).try_for_each(|it| it.agree(&self.issuer))?;
        self.approver.iter().try_for_each(|approver| self.approves(approver))?;
        match self.attester.iter().find(|attester| attester.workloads.is_empty()) {
            Some(attester) => {
                let remedy = "name the workloads it may speak of, such as [\"spiffe://prod.example/agent/*\"]";
                Err(ConfigError::rule("attester.workloads", &format!("is empty for `{}`", attester.name), remedy))
            }
            None => Ok(()),
        }
    }

    fn approves(&self, approver: &ApproverConfig) -> Result<(), ConfigError> {
        const KEY: &str = "approver.user_issuers";
        let remedy = "name the aliases of the user issuers whose users it may approve for";
        if approver.user_issuers.is_empty() {
            return Err(ConfigError::rule(KEY, &format!("is empty for `{}`", approver.name), remedy));
        }
        let is_alias = |alias: &&String| self.user_issuer.iter().any(|issuer| issuer.alias == **alias);
        match approver.user_issuers.iter().find(|alias| !is_alias(alias)) {
            Some(alias) => Err(ConfigError::rule(KEY, &format!("names `{alias}`, which no user issuer is called"), remedy)),
            None => Ok(()),
        }
    }
}
