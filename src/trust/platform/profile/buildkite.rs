//! Buildkite: the ID token of a job, asked for by its agent.
//!
//! <https://buildkite.com/docs/agent/cli/reference/oidc>, read in November 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// One issuer for all organizations. The ids are in a token only if it was asked for with `--claim
/// organization_id,pipeline_id`; slugs can be given away again. Tags of agents are left out: whoever starts an agent chooses them.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "buildkite",
    title: "Buildkite",
    issuer: IssuerRule::Fixed("https://agent.buildkite.com"),
    attributes: &[
        Attribute::claim("organization_id", &["organization_id"]).required(),
        Attribute::claim("organization", &["organization_slug"]),
        Attribute::claim("pipeline_id", &["pipeline_id"]).required(),
        Attribute::claim("workflow", &["pipeline_slug"]),
        Attribute::claim("branch", &["build_branch"]),
        Attribute::claim("tag", &["build_tag"]),
        Attribute::derived("ref", reference),
        Attribute::claim("commit", &["build_commit"]),
        Attribute::claim("event", &["build_source"]),
        Attribute::claim("run_id", &["build_number"]),
        Attribute::claim("build_id", &["build_id"]),
        Attribute::claim("job", &["step_key"]),
        Attribute::claim("job_id", &["job_id"]),
        Attribute::claim("agent_id", &["agent_id"]),
        Attribute::claim("runner_environment", &["runner_environment"]),
        Attribute::claim("cluster_id", &["cluster_id"]),
        Attribute::claim("cluster_name", &["cluster_name"]),
        Attribute::claim("queue_id", &["queue_id"]),
        Attribute::claim("queue_key", &["queue_key"]),
    ],
    identity: &["organization_id", "pipeline_id"],
    tenant: |_| &["organization_id", "pipeline_id"],
    path: "/buildkite/{organization_id}/{pipeline_id}",
    verify,
    ..Profile::JWT
};

/// As Buildkite writes it in `sub`: the tag, if there is one, or else the branch.
fn reference(known: &BTreeMap<&'static str, String>) -> Option<String> {
    let tag = known.get("tag").map(|tag| format!("refs/tags/{tag}"));
    tag.or_else(|| known.get("branch").map(|branch| format!("refs/heads/{branch}")))
}

/// The branch of a fork is `owner:branch`, where the pipeline is set to say so. No branch of git has a colon in its name.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    match attributes.get("branch") {
        Some(branch) if branch.contains(':') && !require.names("branch") => {
            Err(format!("`{branch}` is a branch of a fork; a rule that admits it requires `branch`"))
        }
        _ => Ok(()),
    }
}
