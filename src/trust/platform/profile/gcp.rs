//! Google Cloud: ID tokens of service accounts, and of virtual machines, which say more.
//!
//! <https://cloud.google.com/compute/docs/instances/verifying-instance-identity> and
//! <https://cloud.google.com/docs/authentication/token-types#id>, read in November 2026.

#[cfg(test)]
mod tests;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// The one issuer of everybody who has an account at Google. So whoever believes it names whom he means.
const ISSUER: IssuerRule = IssuerRule::Fixed("https://accounts.google.com");

/// What the token of an instance says, if it was asked for with `format=full`.
const ATTRIBUTES: &[Attribute] = &[
    Attribute::claim("subject", &["sub"]).required(),
    Attribute::claim("authorized_party", &["azp"]).required(),
    Attribute::claim("email", &["email"]),
    Attribute::claim("email_verified", &["email_verified"]),
    Attribute::claim("organization_number", &["google", "organization_number"]),
    Attribute::claim("instance_id", &["google", "compute_engine", "instance_id"]),
    Attribute::claim("instance", &["google", "compute_engine", "instance_name"]),
    Attribute::claim("instance_created", &["google", "compute_engine", "instance_creation_timestamp"]),
    Attribute::claim("instance_confidentiality", &["google", "compute_engine", "instance_confidentiality"]),
    Attribute::claim("project_number", &["google", "compute_engine", "project_number"]),
    Attribute::claim("project", &["google", "compute_engine", "project_id"]),
    Attribute::claim("zone", &["google", "compute_engine", "zone"]),
];

/// A service account is its numeric id: an address may be given away again thirty days after its account was deleted.
pub(in crate::trust::platform) const SERVICE_ACCOUNT: Profile = Profile {
    kind: "gcp",
    title: "Google Cloud service accounts",
    issuer: ISSUER,
    attributes: ATTRIBUTES,
    identity: &["subject"],
    tenant: |_| &["subject"],
    path: "/gcp/service-account/{subject}",
    verify,
    ..Profile::JWT
};

/// An instance is its numeric id in its project, whichever service account it has: names of instances are given away again
/// at once.
pub(in crate::trust::platform) const INSTANCE: Profile = Profile {
    kind: "gcp-instance",
    title: "Google Compute Engine instances",
    issuer: ISSUER,
    attributes: ATTRIBUTES,
    identity: &["project_number", "instance_id"],
    tenant: |_| &["project_number", "subject"],
    path: "/gcp/project/{project_number}/instance/{instance_id}",
    verify,
    ..Profile::JWT
};

/// Google signs for people too, with the same keys. A service account is its own authorized party, by id or by address; the
/// token of a person has the client it was made for there.
fn verify(attributes: &Attributes, _: &Requirements) -> Result<(), String> {
    let value = |name: &str| attributes.get(name).map(String::as_str);
    let (subject, email) = (value("subject").unwrap_or_default(), value("email"));
    if !subject.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("`sub` is not the number of an account".to_owned());
    }
    if email.is_some_and(|email| !email.ends_with(".gserviceaccount.com")) || email.is_some() != value("email_verified").is_some()
    {
        return Err("`email` is not the address of a service account".to_owned());
    }
    if value("email_verified").is_some_and(|verified| verified != "true") {
        return Err("`email` is not verified".to_owned());
    }
    let party = value("authorized_party");
    if party != Some(subject) && party != email {
        return Err("`azp` is not the service account itself".to_owned());
    }
    Ok(())
}
