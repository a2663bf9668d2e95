//! GitLab CI/CD: the ID token of a job, of gitlab.com or of an instance of one's own.
//!
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>, read in November 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

const GITLAB_COM: &str = "https://gitlab.com";

/// `sub` is left out: its form is the project's to choose, and it is made of names. GitLab's own `ref` means a branch or a tag of
/// that name; what is called so here is its `ref_path`, which says which.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "gitlab-ci",
    title: "GitLab CI/CD",
    issuer: IssuerRule::Any { default: Some(GITLAB_COM) },
    attributes: &[
        Attribute::claim("namespace_id", &["namespace_id"]).required(),
        Attribute::claim("namespace", &["namespace_path"]),
        Attribute::claim("project_id", &["project_id"]).required(),
        Attribute::claim("repository", &["project_path"]),
        Attribute::claim("project_visibility", &["project_visibility"]),
        Attribute::claim("job_project_id", &["job_project_id"]),
        Attribute::claim("job_namespace_id", &["job_namespace_id"]),
        Attribute::claim("ref", &["ref_path"]),
        Attribute::claim("ref_type", &["ref_type"]),
        Attribute::claim("ref_protected", &["ref_protected"]),
        Attribute::derived("branch", |known| named_by(known, "refs/heads/")),
        Attribute::derived("tag", |known| named_by(known, "refs/tags/")),
        Attribute::claim("commit", &["sha"]),
        Attribute::claim("environment", &["environment"]),
        Attribute::claim("environment_protected", &["environment_protected"]),
        Attribute::claim("environment_action", &["environment_action"]),
        Attribute::claim("deployment_tier", &["deployment_tier"]),
        Attribute::claim("workflow", &["ci_config_ref_uri"]),
        Attribute::claim("workflow_sha", &["ci_config_sha"]),
        Attribute::claim("event", &["pipeline_source"]),
        Attribute::claim("run_id", &["pipeline_id"]),
        Attribute::claim("job_id", &["job_id"]),
        Attribute::claim("actor", &["user_login"]),
        Attribute::claim("actor_id", &["user_id"]),
        Attribute::claim("actor_access_level", &["user_access_level"]),
        Attribute::claim("runner_id", &["runner_id"]),
        Attribute::claim("runner_environment", &["runner_environment"]),
    ],
    identity: &["namespace_id", "project_id"],
    tenant: |issuer| if issuer == GITLAB_COM { &["namespace_id", "project_id"] } else { &[] },
    path: "/gitlab/{namespace_id}/{project_id}",
    verify,
    ..Profile::JWT
};

fn named_by(known: &BTreeMap<&'static str, String>, prefix: &str) -> Option<String> {
    known.get("ref")?.strip_prefix(prefix).map(str::to_owned)
}

/// The pipeline of a merge request runs what its author wrote, under the name of the author's branch, which may well be `main`.
/// If that branch is in a fork, the project's ids are the fork's while the job runs in the project asked to merge. Older
/// instances gave it the ids of the latter, and nothing in the token told.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    let get = |name: &str| attributes.get(name).map(String::as_str);
    if let Some(place) = get("job_project_id")
        && get("project_id") != Some(place)
        && !require.names("job_project_id")
    {
        return Err(format!("it is of a fork, and ran in project {place}; a rule that admits it requires `job_project_id`"));
    }
    match get("event") {
        Some(event @ ("merge_request_event" | "external_pull_request_event")) if !require.names("event") => {
            Err(format!("whoever asks to merge causes `{event}`; a rule that admits it requires `event`"))
        }
        _ => Ok(()),
    }
}
