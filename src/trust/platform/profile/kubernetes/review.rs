//! TokenReview (`authentication.k8s.io/v1`): the question, and what the answer means.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/>

use std::collections::BTreeMap;

use procura_token::{PlatformToken, parse_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const API_VERSION: &str = "authentication.k8s.io/v1";
const KIND: &str = "TokenReview";

#[derive(Serialize)]
struct Question<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    token: &'a str,
    audiences: &'a [String],
}

/// The body that asks whether `token` is good for one of `audiences`.
pub(super) fn question(token: &str, audiences: &[String]) -> Vec<u8> {
    let question = Question { api_version: API_VERSION, kind: KIND, spec: Spec { token, audiences } };
    serde_json::to_vec(&question).unwrap_or_default()
}

/// What a cluster says of a token.
#[derive(Debug, Deserialize)]
pub(super) struct Review {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// What the cluster knows of a token that the token says itself too: a name of `extra`, and the path of the claim.
const TOLD_TWICE: [(&str, &[&str]); 4] = [
    ("authentication.kubernetes.io/pod-name", &["pod", "name"]),
    ("authentication.kubernetes.io/pod-uid", &["pod", "uid"]),
    ("authentication.kubernetes.io/node-name", &["node", "name"]),
    ("authentication.kubernetes.io/node-uid", &["node", "uid"]),
];

impl Review {
    /// Reads the answer. Nothing follows from it yet.
    ///
    /// # Errors
    /// Says that it is no TokenReview.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        match parse_json::<Self>(body) {
            Ok(review) if review.api_version == API_VERSION && review.kind == KIND => Ok(review),
            _ => Err("the answer is no TokenReview"),
        }
    }

    /// Whether the cluster believes the token, for its one audience, as the service account that its claims name.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn judge(&self, token: &PlatformToken) -> Result<(), &'static str> {
        let Status { authenticated, audiences, user } = &self.status;
        if !authenticated {
            return Err("the cluster does not believe the token");
        }
        // Without audiences the answer is about the cluster's own: a token for the API server is not one for us.
        if !token.audience().sole().is_some_and(|sole| audiences.iter().any(|audience| audience == sole)) {
            return Err("the cluster believes the token for another audience");
        }
        let claims = token.claims();
        let kubernetes = claims.get("kubernetes.io");
        let claim = |path: &[&str]| path.iter().try_fold(kubernetes?, |value, name| value.get(name))?.as_str();
        let is_subject = claims.get("sub").and_then(Value::as_str) == Some(user.username.as_str());
        if !is_subject || user.uid.is_empty() || claim(&["serviceaccount", "uid"]) != Some(user.uid.as_str()) {
            return Err("the cluster believes the token as another user");
        }
        let extra = |name: &str| user.extra.get(name).map(Vec::as_slice);
        let contradicts = |(name, path): &(&str, &[&str])| match extra(name) {
            Some([value]) => claim(path) != Some(value.as_str()),
            Some(_) => true,
            None => false,
        };
        match TOLD_TWICE.iter().any(contradicts) {
            false => Ok(()),
            true => Err("the cluster tells another pod or node than the token"),
        }
    }
}
