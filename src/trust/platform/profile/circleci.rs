//! CircleCI: the ID token of a job.
//!
//! <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>, read in November 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// Every organization has an issuer of its own: `https://oidc.circleci.com/org/ORGANIZATION`, or one of CircleCI server. Ids are
/// UUIDs; those of the organization and the user are in `sub` alone.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "circleci",
    title: "CircleCI",
    issuer: IssuerRule::Any { default: None },
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::derived("organization_id", |known| part(known, 0, "org")).required(),
        Attribute::claim("project_id", &["oidc.circleci.com/project-id"]).required(),
        Attribute::claim("repository", &["oidc.circleci.com/vcs-origin"]),
        Attribute::claim("ref", &["oidc.circleci.com/vcs-ref"]),
        Attribute::derived("branch", |known| named_by(known, "refs/heads/")),
        Attribute::derived("tag", |known| named_by(known, "refs/tags/")),
        Attribute::derived("actor_id", |known| part(known, 4, "user")),
        Attribute::claim("ssh_rerun", &["oidc.circleci.com/ssh-rerun"]),
    ],
    identity: &["organization_id", "project_id"],
    path: "/circleci/{organization_id}/{project_id}",
    verify,
    ..Profile::JWT
};

/// Of `org/ORGANIZATION/project/PROJECT/user/USER…` what follows `name`, which is where it belongs.
fn part(known: &BTreeMap<&'static str, String>, at: usize, name: &str) -> Option<String> {
    let mut parts = known.get("subject")?.split('/').skip(at);
    let found = parts.next().filter(|found| *found == name).and_then(|_| parts.next());
    found.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn named_by(known: &BTreeMap<&'static str, String>, prefix: &str) -> Option<String> {
    known.get("ref")?.strip_prefix(prefix).map(str::to_owned)
}

/// A job that is run again with SSH is in the hands of whoever logs in. And where a project gives secrets to builds of forked
/// pull requests, their tokens have its id; only the repository, which is then the fork, tells.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    if part(attributes, 2, "project").as_ref() != attributes.get("project_id") {
        return Err("`sub` names another project".to_owned());
    }
    if attributes.get("ssh_rerun").is_some_and(|rerun| rerun != "false") && !require.names("ssh_rerun") {
        return Err("it was run again with SSH; a rule that admits that requires `ssh_rerun`".to_owned());
    }
    match attributes.get("repository") {
        Some(repository) if !require.names("repository") => {
            Err(format!("it is of `{repository}`, which may be a fork; a rule must require `repository`"))
        }
        _ => Ok(()),
    }
}
