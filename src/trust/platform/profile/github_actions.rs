//! GitHub Actions: the ID token of a workflow's job, of github.com, of an enterprise on it, or of GitHub Enterprise Server.
//!
//! <https://docs.github.com/en/actions/reference/security/oidc>, read in November 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// Whose tokens everybody on github.com has.
const GITHUB_COM: &str = "https://token.actions.githubusercontent.com";

/// `sub` is left out: its form is the customer's to choose. Names of owners and repositories can be given away again, so the
/// ids tell who it is; of a repository that changes hands the owner's id changes.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "github-actions",
    title: "GitHub Actions",
    issuer: IssuerRule::Shaped {
        default: Some(GITHUB_COM),
        shapes: &[
            "https://token.actions.githubusercontent.com/{}",
            "https://token.actions.{}.ghe.com",
            "https://{}/_services/token",
        ],
    },
    attributes: &[
        Attribute::claim("repository_id", &["repository_id"]).required(),
        Attribute::claim("repository", &["repository"]).required(),
        Attribute::claim("repository_owner_id", &["repository_owner_id"]).required(),
        Attribute::claim("repository_owner", &["repository_owner"]),
        Attribute::claim("repository_visibility", &["repository_visibility"]),
        Attribute::claim("enterprise", &["enterprise"]),
        Attribute::claim("enterprise_id", &["enterprise_id"]),
        Attribute::claim("ref", &["ref"]),
        Attribute::claim("ref_type", &["ref_type"]),
        Attribute::claim("ref_protected", &["ref_protected"]),
        Attribute::derived("branch", |known| named_by(known, "refs/heads/")),
        Attribute::derived("tag", |known| named_by(known, "refs/tags/")),
        Attribute::claim("head_ref", &["head_ref"]),
        Attribute::claim("base_ref", &["base_ref"]),
        Attribute::claim("commit", &["sha"]),
        Attribute::claim("environment", &["environment"]),
        Attribute::claim("workflow", &["workflow"]),
        Attribute::claim("workflow_ref", &["workflow_ref"]),
        Attribute::claim("workflow_sha", &["workflow_sha"]),
        Attribute::claim("job_workflow_ref", &["job_workflow_ref"]),
        Attribute::claim("job_workflow_sha", &["job_workflow_sha"]),
        Attribute::claim("event", &["event_name"]),
        Attribute::claim("actor", &["actor"]),
        Attribute::claim("actor_id", &["actor_id"]),
        Attribute::claim("run_id", &["run_id"]),
        Attribute::claim("run_number", &["run_number"]),
        Attribute::claim("run_attempt", &["run_attempt"]),
        Attribute::claim("check_run_id", &["check_run_id"]),
        Attribute::claim("runner_environment", &["runner_environment"]),
    ],
    identity: &["repository_owner_id", "repository_id"],
    path: "/github/{repository_owner_id}/{repository_id}",
    tenant: |issuer| match issuer {
        GITHUB_COM => &["repository_owner_id", "repository_id", "enterprise_id"],
        _ => &[],
    },
    verify,
    ..Profile::JWT
};

/// The branch or tag; of a pull request, whose ref is `refs/pull/…`, neither, whatever `ref_type` says.
fn named_by(known: &BTreeMap<&'static str, String>, prefix: &str) -> Option<String> {
    known.get("ref")?.strip_prefix(prefix).map(str::to_owned)
}

/// A job that `pull_request_target` starts runs in the name of the base branch, on behalf of whoever opened the request: a rule
/// that says nothing of events did not mean it.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    match attributes.get("event").map(String::as_str) {
        Some(event @ "pull_request_target") if !require.names("event") => {
            Err(format!("anybody can cause `{event}`; a rule that admits it requires `event`"))
        }
        _ => Ok(()),
    }
}
