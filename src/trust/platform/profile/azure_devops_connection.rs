//! Azure DevOps: the ID token that Microsoft Entra makes for a service connection with workload identity federation.
//!
//! <https://learn.microsoft.com/azure/devops/pipelines/release/convert-service-connections>, read in November 2026. What the
//! token holds Microsoft does not document; it is as several verifiers have published it.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::Attribute;

/// Azure DevOps itself, as Entra writes its application id in subjects.
const AZURE_DEVOPS: &str = "rISbSSETf0KqFyZ8ppdXmA";

/// All that counts is in `sub`; the pipeline that used the connection is not in the token. Other tokens of the tenant, such as
/// those of its managed identities, have subjects of another form and lack what is required.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "azure-devops-connection",
    title: "Azure DevOps service connection",
    issuer: IssuerRule::Shaped { default: None, shapes: &["https://login.microsoftonline.com/{}/v2.0"] },
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::derived("organization_id", |known| part(known, 0)).required(),
        Attribute::derived("connection_id", |known| part(known, 1)).required(),
        Attribute::claim("tenant_id", &["tid"]),
    ],
    identity: &["organization_id", "connection_id"],
    path: "/azure-devops-connection/{organization_id}/{connection_id}",
    ..Profile::JWT
};

/// Of `/eid1/c/CLOUD/t/TENANT/a/APPLICATION/sc/ORGANIZATION/CONNECTION` one of the last two.
fn part(known: &BTreeMap<&'static str, String>, at: usize) -> Option<String> {
    let parts: Vec<&str> = known.get("subject")?.split('/').collect();
    match parts.as_slice() {
        ["", "eid1", "c", _, "t", _, "a", AZURE_DEVOPS, "sc", ids @ ..] if ids.len() == 2 => {
            ids.get(at).filter(|id| !id.is_empty()).map(|id| (*id).to_owned())
        }
        _ => None,
    }
}
