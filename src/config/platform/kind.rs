//! What one kind of platform alone has to know.

use std::path::PathBuf;

use procura_token::Issuer;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, PlatformConfig};

/// `[platform.aws_sts]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsStsConfig {
    /// The STS endpoints that signed requests may be for, such as `["https://sts.eu-central-1.amazonaws.com"]`: those of
    /// the regions your workloads are in.
    #[schemars(with = "Vec<String>")]
    pub endpoints: Vec<Issuer>,
}

/// `[platform.kubernetes]`: for clusters whose issuer cannot be reached, or that are to be asked about each token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesConfig {
    /// The URL of the API server, such as `https://10.96.0.1`. Its keys are read at `/openid/v1/jwks`.
    #[schemars(with = "String")]
    pub api_server: Issuer,
    /// The bearer token to show it, in a file that is read each time. Without one it is asked anonymously.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Ask it about each token (TokenReview) instead of reading its keys: a token then ends with its pod. Needs a
    /// `token_file` and the role `system:auth-delegator`. Default false.
    #[serde(default)]
    pub token_review: bool,
}

impl PlatformConfig {
    /// Whether the tables of kinds are there for their kind alone, and make sense.
    pub(super) fn kind_agrees(&self) -> Result<(), ConfigError> {
        let err = |key: &str, what: &str, remedy: &str| {
            Err(ConfigError::rule(&format!("platform.{key}"), &format!("of `{}` {what}", self.name()), remedy))
        };
        let is_bare = |url: &Issuer| url.is_protected() && url.as_str().trim_end_matches('/').matches('/').count() == 2;
        let bare = "write https:// and a host, without a path";
        match (&self.aws_sts, self.kind == "aws-sts") {
            (None, true) => return err("aws_sts", "is missing", "name the `endpoints` of STS in [platform.aws_sts]"),
            (Some(_), false) => return err("aws_sts", "is for the kind `aws-sts` alone", "leave it out"),
            (Some(sts), true) if sts.endpoints.is_empty() => return err("aws_sts.endpoints", "is empty", "name at least one"),
            (Some(sts), true) if !sts.endpoints.iter().all(is_bare) => {
                return err("aws_sts.endpoints", "holds what is no endpoint", bare);
            }
            _ => {}
        }
        match (&self.kubernetes, self.kind == "kubernetes") {
            (Some(_), false) => err("kubernetes", "is for the kind `kubernetes` alone", "leave it out"),
            (Some(cluster), true) if !is_bare(&cluster.api_server) => err("kubernetes.api_server", "is no URL of a server", bare),
            (Some(cluster), true) if cluster.token_review && cluster.token_file.is_none() => {
                err("kubernetes.token_file", "is missing", "name the file of a token that may create TokenReviews")
            }
            (Some(cluster), true) if cluster.token_review && self.jwks_file.is_some() => {
                err("jwks_file", "is not used when tokens are reviewed", "leave out one of the two")
            }
            _ => Ok(()),
        }
    }
}
