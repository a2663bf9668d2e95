//! Azure: access tokens that Microsoft Entra gives managed identities and other applications, never people.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference>, read in November 2026.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// A principal is its object id in its tenant, which no other ever has: a managed identity made anew has the name and the
/// resource id of the first. All tenants' tokens are signed with the same keys: the issuer, compared byte by byte, keeps them
/// apart, and `common` is nobody's.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "azure",
    title: "Azure managed identities",
    issuer: IssuerRule::Shaped {
        default: None,
        shapes: &[
            "https://login.microsoftonline.com/{uuid}/v2.0",
            "https://sts.windows.net/{uuid}/",
            "https://login.microsoftonline.us/{uuid}/v2.0",
            "https://login.partner.microsoftonline.cn/{uuid}/v2.0",
            "https://sts.chinacloudapi.cn/{uuid}/",
        ],
    },
    attributes: &[
        Attribute::claim("issuer", &["iss"]).required(),
        Attribute::claim("tenant_id", &["tid"]).required(),
        Attribute::claim("object_id", &["oid"]).required(),
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::claim("identity_type", &["idtyp"]),
        Attribute::claim("version", &["ver"]),
        Attribute::claim("appid", &["appid"]),
        Attribute::claim("azp", &["azp"]),
        Attribute::derived("application_id", application),
        Attribute::claim("resource_id", &["xms_mirid"]),
        Attribute::claim("assigned_to", &["xms_az_rid"]),
    ],
    identity: &["tenant_id", "object_id"],
    path: "/azure/{tenant_id}/{object_id}",
    verify,
    ..Profile::JWT
};

/// Tokens of version 1.0 say `appid`, those of 2.0 `azp`.
fn application(known: &BTreeMap<&'static str, String>) -> Option<String> {
    known.get("appid").or_else(|| known.get("azp")).cloned()
}

/// The tenant is that of the issuer, and the token an application's own: `idtyp`, an optional claim that the registration of
/// the audience has to ask for, is what tells it from a person's.
fn verify(attributes: &Attributes, _: &Requirements) -> Result<(), String> {
    let value = |name: &str| attributes.get(name).map(String::as_str).unwrap_or_default();
    if value("identity_type") != "app" {
        return Err("`idtyp` is not `app`: not shown to be an application's own token".to_owned());
    }
    // Of every shape above, the tenant is the first segment of the path.
    if value("issuer").split('/').nth(3) != Some(value("tenant_id")) {
        return Err("`tid` is not the tenant of the issuer".to_owned());
    }
    if value("subject") != value("object_id") {
        return Err("`sub` is not `oid`: not an application's own token".to_owned());
    }
    Ok(())
}
