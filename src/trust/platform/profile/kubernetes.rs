//! Kubernetes: projected tokens of service accounts, judged by the cluster's keys, or by the cluster itself (TokenReview).
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>, read in November 2026.

mod api_server;
mod review;
#[cfg(test)]
mod tests;

use procura_token::Algorithm;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

const KUBERNETES: &str = "kubernetes.io";

/// A service account is its uid: one deleted and made again under the same name has another. Tokens from before 1.24, which
/// live in secrets and never end, name another issuer and have no `exp`: they are no platform tokens at all.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "kubernetes",
    title: "Kubernetes service accounts",
    issuer: IssuerRule::Any { default: None },
    algorithms: &[Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512],
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::claim("namespace", &[KUBERNETES, "namespace"]).required(),
        Attribute::claim("service_account", &[KUBERNETES, "serviceaccount", "name"]).required(),
        Attribute::claim("service_account_uid", &[KUBERNETES, "serviceaccount", "uid"]).required(),
        Attribute::claim("pod", &[KUBERNETES, "pod", "name"]),
        Attribute::claim("pod_uid", &[KUBERNETES, "pod", "uid"]),
        Attribute::claim("node", &[KUBERNETES, "node", "name"]),
        Attribute::claim("node_uid", &[KUBERNETES, "node", "uid"]),
        Attribute::claim("secret", &[KUBERNETES, "secret", "name"]),
    ],
    identity: &["service_account_uid"],
    path: "/kubernetes/{namespace}/{service_account}/{service_account_uid}",
    verify,
    witness: api_server::open,
    ..Profile::JWT
};

fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    let value = |name: &str| attributes.get(name).map(String::as_str).unwrap_or_default();
    let subject = format!("system:serviceaccount:{}:{}", value("namespace"), value("service_account"));
    if value("subject") != subject {
        return Err("`sub` is not the service account of the other claims".to_owned());
    }
    if attributes.contains_key("secret") && !require.names("secret") {
        return Err("the token is bound to a secret, and lives as long; a rule that admits it requires `secret`".to_owned());
    }
    Ok(())
}
