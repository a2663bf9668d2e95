//! AWS: the JWT that `sts:GetWebIdentityToken` gives a role (IAM outbound identity federation).
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html>, read in November 2026.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use procura_token::Algorithm;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// Where AWS keeps what it says itself.
const AWS: &str = "https://sts.amazonaws.com/";

/// The token names a role by its ARN and tells no id of it, so that a role deleted and made again has the identity of the
/// first; a tag of the role can tell them apart, and `aws-sts` does. Tags of the request are the caller's own words and no
/// attributes. Users and the root of an account are no workloads.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "aws-jwt",
    title: "AWS outbound identity federation",
    issuer: IssuerRule::Shaped { default: None, shapes: &["https://{}.tokens.sts.global.api.aws"] },
    algorithms: &[Algorithm::Es384, Algorithm::Rs256],
    attributes: &[
        Attribute::claim("arn", &["sub"]).required(),
        Attribute::claim("account", &[AWS, "aws_account"]).required(),
        Attribute::derived("role", role).required(),
        Attribute::claim("region", &[AWS, "source_region"]),
        Attribute::claim("organization", &[AWS, "org_id"]),
        Attribute::claim("tag", &[AWS, "principal_tags", "procura"]),
        Attribute::claim("instance_arn", &[AWS, "ec2_source_instance_arn"]),
        Attribute::claim("instance_vpc", &[AWS, "ec2_instance_source_vpc"]),
        Attribute::claim("function_arn", &[AWS, "lambda_source_function_arn"]),
        Attribute::claim("glue_service", &[AWS, "glue_credential_issuing_service"]),
        Attribute::claim("source_identity", &[AWS, "source_identity"]),
        Attribute::claim("federated_provider", &[AWS, "federated_provider"]),
        Attribute::claim("identity_store_user_id", &[AWS, "identity_store_user_id"]),
        Attribute::claim("eks_cluster_arn", &[AWS, "principal_tags", "eks-cluster-arn"]),
        Attribute::claim("kubernetes_namespace", &[AWS, "principal_tags", "kubernetes-namespace"]),
        Attribute::claim("kubernetes_service_account", &[AWS, "principal_tags", "kubernetes-service-account"]),
        Attribute::claim("kubernetes_pod", &[AWS, "principal_tags", "kubernetes-pod-name"]),
        Attribute::claim("kubernetes_pod_uid", &[AWS, "principal_tags", "kubernetes-pod-uid"]),
    ],
    identity: &["account", "role"],
    path: "/aws/{account}/{role}",
    verify,
    ..Profile::JWT
};

/// The last part of `arn:aws:iam::<account>:role/<path>/<name>`: a name is its account's once, whatever the path.
fn role(known: &BTreeMap<&'static str, String>) -> Option<String> {
    let (_, resource) = arn(known.get("arn")?)?;
    let (_, name) = resource.strip_prefix("role")?.rsplit_once('/')?;
    Some(name.to_owned())
}

/// Account and resource of a principal's ARN.
fn arn(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("arn:aws")?;
    let (_partition, rest) = rest.split_once(":iam::")?;
    rest.split_once(':')
}

fn verify(attributes: &Attributes, _: &Requirements) -> Result<(), String> {
    let owner = attributes.get("arn").and_then(|text| arn(text)).map(|(account, _)| account);
    match attributes.get("account").map(String::as_str) == owner {
        true => Ok(()),
        false => Err("the role is of another account than the token".to_owned()),
    }
}
