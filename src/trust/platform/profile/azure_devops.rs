//! Azure DevOps: the ID token of a pipeline's job, made without a service connection.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>, read in November 2026. What the token
//! holds Microsoft does not document; it is as several verifiers have published it.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// Every organization has an issuer of its own. The audience is the same for everybody and cannot be chosen.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "azure-devops",
    title: "Azure DevOps",
    issuer: IssuerRule::Shaped { default: None, shapes: &["https://vstoken.dev.azure.com/{}"] },
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::claim("organization_id", &["org_id"]).required(),
        Attribute::derived("organization", |known| name(known, 0)),
        Attribute::claim("project_id", &["prj_id"]).required(),
        Attribute::derived("project", |known| name(known, 1)),
        Attribute::claim("pipeline_id", &["def_id"]).required(),
        Attribute::derived("workflow", |known| name(known, 2)),
        Attribute::claim("repository_id", &["rpo_id"]),
        Attribute::claim("repository", &["rpo_uri"]),
        Attribute::claim("ref", &["rpo_ref"]),
        Attribute::derived("branch", |known| named_by(known, "refs/heads/")),
        Attribute::derived("tag", |known| named_by(known, "refs/tags/")),
        Attribute::claim("commit", &["rpo_ver"]),
        Attribute::claim("run_id", &["run_id"]),
    ],
    identity: &["organization_id", "project_id", "pipeline_id"],
    path: "/azure-devops/{organization_id}/{project_id}/{pipeline_id}",
    verify,
    ..Profile::JWT
};

/// Of `p://ORGANIZATION/PROJECT/PIPELINE` the names.
fn name(known: &BTreeMap<&'static str, String>, at: usize) -> Option<String> {
    known.get("subject")?.strip_prefix("p://")?.splitn(3, '/').nth(at).map(str::to_owned)
}

fn named_by(known: &BTreeMap<&'static str, String>, prefix: &str) -> Option<String> {
    known.get("ref")?.strip_prefix(prefix).map(str::to_owned)
}

/// The token of a service connection (`sc://…`) is of the same issuer and audience, and names no pipeline. The build of a pull
/// request runs what its author wrote, who may be anybody where forks are built.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    if !attributes.get("subject").is_some_and(|subject| subject.starts_with("p://")) {
        return Err("`sub` is not that of a pipeline".to_owned());
    }
    match attributes.get("ref") {
        Some(name) if name.starts_with("refs/pull/") && !require.names("ref") => {
            Err(format!("`{name}` is a pull request; a rule that admits it requires `ref`"))
        }
        _ => Ok(()),
    }
}
