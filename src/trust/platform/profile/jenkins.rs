//! Jenkins with the OpenID Connect Provider plugin: the ID token of a build.
//!
//! <https://plugins.jenkins.io/oidc-provider/>, read in November 2026.

use std::collections::BTreeMap;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::{Attribute, Attributes};
use crate::trust::platform::require::Requirements;

/// The plugin's default claims: `sub` is the job's URL. Jenkins has no ids that are never given away again: who creates a job
/// under the name of a deleted one is taken for it. That is the one platform where `identity` has to be a name.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "jenkins",
    title: "Jenkins",
    issuer: IssuerRule::Any { default: None },
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::derived("instance", |known| Some(job(known)?.0)).required(),
        Attribute::derived("job", |known| Some(job(known)?.1)).required(),
        Attribute::claim("run_id", &["build_number"]).required(),
    ],
    identity: &["instance", "job"],
    path: "/jenkins/{instance}/{job}",
    verify,
    ..Profile::JWT
};

/// Of `https://INSTANCE/job/FOLDER/job/NAME/` the instance and `FOLDER/NAME`. Names are as in the URL, with their escapes.
/// `http` stays with the instance, so that it is another than the one with `https`.
fn job(known: &BTreeMap<&'static str, String>) -> Option<(String, String)> {
    let (instance, rest) = known.get("subject")?.split_once("/job/")?;
    let host = instance.strip_prefix("https://").unwrap_or(instance);
    if host.is_empty() || (host.len() < instance.len() && host.contains("://")) {
        return None;
    }
    let parts: Vec<&str> = rest.strip_suffix('/')?.split('/').collect();
    let is_name = |(at, part): (usize, &&str)| if at.is_multiple_of(2) { !part.is_empty() } else { *part == "job" };
    if parts.len().is_multiple_of(2) || !parts.iter().enumerate().all(is_name) {
        return None;
    }
    let names: Vec<&str> = parts.into_iter().step_by(2).collect();
    Some((host.to_owned(), names.join("/")))
}

/// The job that a multibranch project makes of a pull request runs what its author wrote.
fn verify(attributes: &Attributes, require: &Requirements) -> Result<(), String> {
    let name = attributes.get("job").and_then(|job| job.rsplit('/').next()).unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if name.strip_prefix("PR-").is_some_and(is_number) && !require.names("job") {
        return Err(format!("`{name}` is the job of a pull request; a rule that admits it requires `job`"));
    }
    Ok(())
}
