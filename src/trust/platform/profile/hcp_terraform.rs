//! HCP Terraform and Terraform Enterprise: the workload identity token of a run of a workspace.
//!
//! <https://developer.hashicorp.com/terraform/cloud-docs/dynamic-provider-credentials/workload-identity-tokens>, read in
//! November 2026.

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// A workspace may move to another project, so the project is no part of who it is. Tests of modules and deployments of stacks
/// have no workspace, and no identity here.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "hcp-terraform",
    title: "HCP Terraform",
    issuer: IssuerRule::Any { default: Some("https://app.terraform.io") },
    attributes: &[
        Attribute::claim("organization_id", &["terraform_organization_id"]).required(),
        Attribute::claim("organization", &["terraform_organization_name"]),
        Attribute::claim("project_id", &["terraform_project_id"]),
        Attribute::claim("project", &["terraform_project_name"]),
        Attribute::claim("workspace_id", &["terraform_workspace_id"]).required(),
        Attribute::claim("workflow", &["terraform_workspace_name"]),
        Attribute::claim("run_id", &["terraform_run_id"]),
        Attribute::claim("run_phase", &["terraform_run_phase"]).required(),
    ],
    identity: &["organization_id", "workspace_id"],
    tenant: |issuer| match issuer {
        "https://app.terraform.io" | "https://app.eu.terraform.io" => &["organization_id", "project_id", "workspace_id"],
        _ => &[],
    },
    path: "/terraform/{organization_id}/{workspace_id}",
    verify,
    ..Profile::JWT
};

/// A plan is made of configuration that nobody has approved, that of a pull request included, and runs programs it names.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    match attributes.get("run_phase").map(String::as_str) {
        Some("apply") => Ok(()),
        _ if require.names("run_phase") => Ok(()),
        phase => {
            let phase = phase.unwrap_or_default();
            Err(format!("the phase `{phase}` runs what nobody has approved; a rule that admits it requires `run_phase`"))
        }
    }
}
