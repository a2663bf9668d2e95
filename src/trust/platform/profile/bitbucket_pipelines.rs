//! Bitbucket Pipelines: the ID token of a step.
//!
//! <https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/>, read in November
//! 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::Attribute;

/// The issuer has the workspace's name in it, which can change hands: who has the name later has the issuer too, and is told
/// apart by the UUIDs alone. Bitbucket writes UUIDs in braces; so does `require` for the `…_uuid` attributes, while the `…_id`
/// attributes, which are for paths, have none.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "bitbucket-pipelines",
    title: "Bitbucket Pipelines",
    issuer: IssuerRule::Shaped {
        default: None,
        shapes: &["https://api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc"],
    },
    attributes: &[
        Attribute::claim("workspace_uuid", &["workspaceUuid"]).required(),
        Attribute::derived("workspace_id", |known| bare(known, "workspace_uuid")).required(),
        Attribute::claim("repository_uuid", &["repositoryUuid"]).required(),
        Attribute::derived("repository_id", |known| bare(known, "repository_uuid")).required(),
        Attribute::claim("environment_uuid", &["deploymentEnvironmentUuid"]),
        Attribute::derived("environment_id", |known| bare(known, "environment_uuid")),
        Attribute::claim("branch", &["branchName"]),
        Attribute::claim("run_id", &["pipelineUuid"]),
        Attribute::claim("step_uuid", &["stepUuid"]),
    ],
    identity: &["workspace_id", "repository_id"],
    tenant: |_| &["workspace_id", "workspace_uuid"],
    path: "/bitbucket/{workspace_id}/{repository_id}",
    ..Profile::JWT
};

/// A UUID without its braces; one that has none is not Bitbucket's.
fn bare(known: &BTreeMap<&'static str, String>, name: &str) -> Option<String> {
    known.get(name)?.strip_prefix('{')?.strip_suffix('}').map(str::to_owned)
}
