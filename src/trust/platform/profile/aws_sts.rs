//! AWS: a role or user that signed a `GetCallerIdentity` request, which STS is shown.
//!
//! What the caller presents is no bearer credential: the request names the key it was made for, in a header that is signed.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>, read in November 2026.

mod answer;
mod query;
mod request;
mod signature;
mod sts;
#[cfg(test)]
mod tests;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::Attribute;
use crate::trust::platform::registry::AssertionType;

/// A role or user is the id that IAM gave it when it was made: a role made again under the same name has another. The name of
/// a session is chosen by whoever assumed the role, and tells nobody apart. Everybody who has an account at AWS can have a
/// request signed, so that a rule names the accounts it is for.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "aws-sts",
    title: "AWS roles and users, by a signed request",
    assertion: AssertionType::private("urn:procura:client-assertion-type:aws-sts", "procura_aws_sts"),
    issuer: IssuerRule::None,
    algorithms: &[],
    attributes: &[
        Attribute::claim("account", &["account"]).required(),
        Attribute::claim("principal_id", &["principal_id"]).required(),
        Attribute::claim("principal_type", &["principal_type"]).required(),
        Attribute::claim("name", &["name"]).required(),
        Attribute::claim("arn", &["arn"]).required(),
        Attribute::claim("session", &["session"]),
        Attribute::claim("partition", &["partition"]),
        Attribute::claim("region", &["region"]),
    ],
    identity: &["account", "principal_id"],
    tenant: |_| &["account"],
    path: "/aws/{account}/{principal_id}",
    witness: sts::open,
    ..Profile::JWT
};
