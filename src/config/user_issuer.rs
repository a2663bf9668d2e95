//! The tables of OpenID issuers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use procura_token::{Algorithm, Issuer, WorkloadId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::value::is_short_name;
use super::{AddressRange, Config, ConfigError, HumanDuration, Secret};

/// The most issuers that are asked about one access token.
const MAX_ASKED: usize = 4;

/// `[[user_issuer]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserIssuerConfig {
    /// Its issuer identifier: the `iss` of its tokens.
    #[schemars(with = "String")]
    pub url: Issuer,
    /// A short name: `sub` in our tokens is `<alias>:<sub>`. Lower-case letters, digits and `-`.
    pub alias: String,
    /// Its JWK Set, from a file instead of from discovery.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// PEM certificates to trust for its HTTPS, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Where its endpoints may be beside the public internet, such as `["10.0.0.0/8"]`. Default: nowhere.
    #[serde(default)]
    pub private_addresses: Vec<AddressRange>,
    /// Which of its signed tokens stand for a user: `id_token`, and `access_token` for access tokens that are JWTs (RFC
    /// 9068). Default `["id_token"]`.
    #[serde(default = "UserIssuerConfig::default_kinds")]
    pub token_kinds: Vec<UserTokenKind>,
    /// Audiences that any workload may present tokens for: the client ids of applications whose users may be acted for. ID
    /// tokens for our own issuer identifier, and all tokens for the calling workload, are accepted anyway.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What this issuer calls workloads that call us, as audience or as client, and which they are. Default: by their
    /// identifiers.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub workloads: BTreeMap<String, WorkloadId>,
    /// The algorithms it signs with. Default: RS256, ES256, PS256, EdDSA, ES384.
    #[serde(default = "UserIssuerConfig::default_algorithms")]
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
    /// Claims that all its tokens must have: `{ tenant = "a", email_verified = true, role = ["x", "y"] }`. One of several
    /// values will do, and one in a list of the token; of no values, any. Default: none.
    #[serde(default)]
    pub require: BTreeMap<String, ClaimValues>,
    /// The claim that names a user's groups. Default `groups`.
    #[serde(default = "UserIssuerConfig::default_groups_claim")]
    pub groups_claim: String,
    /// The claim that says for which application an access token was made. Default: `client_id`, or else `azp`.
    #[serde(default)]
    pub client_claim: Option<String>,
    /// The claim that is the scope of its access tokens. Default `scope`.
    #[serde(default = "UserIssuerConfig::default_scope_claim")]
    pub scope_claim: String,
    /// The claim that lists whom the user agreed to let act: identifiers of workloads, or objects with `agent` and, if the
    /// consent is to less than everything, `target` and `scope`. Default: no claim says so.
    #[serde(default)]
    pub consent_claim: Option<String>,
    /// What its access tokens say and its ID tokens never do, written like `require`: for an issuer whose access tokens are
    /// not of type `at+jwt`. Default: only those of that type are accepted.
    #[serde(default)]
    pub access_token_mark: BTreeMap<String, ClaimValues>,
    /// How long a user's session lasts, from `auth_time` or `iat`. Set, it replaces the ID token's `exp` as the limit of
    /// what is delegated.
    #[serde(default)]
    pub session: Option<HumanDuration>,
    /// How to ask it about access tokens that only it can read. Default: they are not accepted.
    #[serde(default)]
    pub introspection: Option<IntrospectionConfig>,
}

/// A kind of signed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserTokenKind {
    /// An ID token.
    IdToken,
    /// An access token that is a JWT.
    AccessToken,
}

/// What a claim may be: one value, or any of several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimValues {
    /// This value.
    One(ClaimValue),
    /// Any of these.
    Several(Vec<ClaimValue>),
}

/// A value of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimValue {
    /// Text.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// An integer.
    Number(i64),
}

/// `[user_issuer.introspection]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// Its introspection endpoint (RFC 7662).
    #[schemars(with = "String")]
    pub url: Issuer,
    /// Who we are there.
    pub client_id: String,
    /// Our secret there.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The file that holds `client_secret`.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
}

impl IntrospectionConfig {
    /// The secret.
    ///
    /// # Errors
    /// [`ConfigError`] if there is none, both notations are used, or the file cannot be read.
    pub fn secret(&self) -> Result<Secret, ConfigError> {
        const KEY: &str = "user_issuer.introspection.client_secret";
        let secret = Secret::either(KEY, self.client_secret.as_ref(), self.client_secret_file.as_deref())?;
        let secret = secret.filter(|secret| !secret.expose().is_empty());
        secret.ok_or_else(|| ConfigError::rule(KEY, "is missing or empty", "set it, or `client_secret_file`"))
    }
}

impl UserIssuerConfig {
    fn default_algorithms() -> Vec<Algorithm> {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
        vec![Rs256, Es256, Ps256, EdDsa, Es384]
    }

    fn default_kinds() -> Vec<UserTokenKind> {
        vec![UserTokenKind::IdToken]
    }

    fn default_groups_claim() -> String {
        "groups".to_owned()
    }

    fn default_scope_claim() -> String {
        "scope".to_owned()
    }

    fn agree(&self) -> Result<(), ConfigError> {
        if !is_short_name(&self.alias) {
            let remedy = "use up to 64 lower-case letters, digits and `-`";
            return Err(ConfigError::rule("user_issuer.alias", &format!("`{}` is not a short name", self.alias), remedy));
        }
        // A user's name in our tokens is `<alias>:<sub>`, and a workload's begins with its scheme.
        if matches!(self.alias.as_str(), "spiffe" | "wimse") {
            let what = format!("`{}` begins the names of workloads", self.alias);
            return Err(ConfigError::rule("user_issuer.alias", &what, "use another name"));
        }
        if self.jwks_file.is_none() && !self.url.is_protected() {
            return Err(ConfigError::rule("user_issuer.url", "is http and not on the loopback interface", "use https"));
        }
        if self.token_kinds.is_empty() && self.introspection.is_none() {
            let remedy = "name a kind, set `introspection`, or remove the issuer";
            return Err(ConfigError::rule("user_issuer.token_kinds", "is empty: nothing would be accepted", remedy));
        }
        if !self.access_token_mark.is_empty() && !self.token_kinds.contains(&UserTokenKind::AccessToken) {
            let remedy = "add `access_token` to `token_kinds`";
            return Err(ConfigError::rule("user_issuer.access_token_mark", "is of access tokens that are not accepted", remedy));
        }
        match &self.introspection {
            Some(asked) if !asked.url.is_protected() => {
                let key = "user_issuer.introspection.url";
                Err(ConfigError::rule(key, "is http and not on the loopback interface", "use https"))
            }
            _ => Ok(()),
        }
    }
}

impl Config {
    /// Refuses issuers that are wrong, or wrong in company.
    pub(super) fn user_issuers_agree(&self) -> Result<(), ConfigError> {
        self.user_issuer.iter().try_for_each(UserIssuerConfig::agree)?;
        if self.user_issuer.iter().any(|issuer| issuer.url == self.issuer) {
            let remedy = "our own tokens are no other issuer's";
            return Err(ConfigError::rule("user_issuer.url", "is this service itself", remedy));
        }
        if self.user_issuer.iter().filter(|issuer| issuer.introspection.is_some()).count() > MAX_ASKED {
            let remedy = "each would be asked about every token that is no JWT";
            return Err(ConfigError::rule("user_issuer.introspection", "is set for more than four issuers", remedy));
        }
        Ok(())
    }
}
