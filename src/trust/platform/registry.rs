//! The platforms there are: one line each.

use super::profile::{
    Profile, aws_jwt, aws_sts, azure, azure_devops, azure_devops_connection, bitbucket_pipelines, buildkite, circleci, gcp,
    github_actions, gitlab_ci, hcp_terraform, jenkins, kubernetes, oidc, tpm,
};

/// Every platform.
pub(super) const PROFILES: &[&Profile] = &[
    &github_actions::PROFILE,
    &gitlab_ci::PROFILE,
    &circleci::PROFILE,
    &bitbucket_pipelines::PROFILE,
    &azure_devops::PROFILE,
    &azure_devops_connection::PROFILE,
    &hcp_terraform::PROFILE,
    &buildkite::PROFILE,
    &jenkins::PROFILE,
    &oidc::PROFILE,
    &tpm::PROFILE,
    &kubernetes::PROFILE,
    &aws_sts::PROFILE,
    &aws_jwt::PROFILE,
    &gcp::SERVICE_ACCOUNT,
    &gcp::INSTANCE,
    &azure::PROFILE,
];

/// How a platform's credential is presented: the value of `client_assertion_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssertionType {
    urn: &'static str,
    method: &'static str,
}

impl AssertionType {
    /// A JWT of an OpenID issuer, which says itself which (RFC 7523 section 2.2).
    pub const JWT_BEARER: Self =
        Self { urn: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", method: "procura_platform_jwt" };

    /// What a TPM says of a key.
    pub const TPM: Self = Self::private("urn:procura:client-assertion-type:tpm", "procura_tpm");

    /// One that is private to us: no standard has a name for it.
    pub(super) const fn private(urn: &'static str, method: &'static str) -> Self {
        Self { urn, method }
    }

    /// The one with this name, if some platform has it.
    pub fn find(urn: &str) -> Option<Self> {
        PROFILES.iter().map(|profile| profile.assertion).find(|assertion| assertion.urn == urn)
    }

    /// The value of `client_assertion_type`.
    pub const fn as_str(self) -> &'static str {
        self.urn
    }

    /// What our metadata call it in `token_endpoint_auth_methods_supported`: a private name.
    pub const fn method(self) -> &'static str {
        self.method
    }
}

/// The platform called `kind`.
pub(super) fn find(kind: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.kind == kind)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::template::PathTemplate;
    use super::*;

    /// What no table may get wrong, of every platform there is.
    #[test]
    fn every_profile_is_sound() {
        let mut kinds = HashSet::new();
        for profile in PROFILES {
            let kind = profile.kind;
            let is_name = |name: &str, more: u8| {
                let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == more;
                !name.is_empty() && name.bytes().all(fits)
            };
            assert!(is_name(kind, b'-') && kinds.insert(kind) && !profile.title.is_empty(), "{kind}");
            let mut names = HashSet::new();
            for attribute in profile.attributes {
                let name = attribute.name;
                // These two are the record's own.
                let is_free = !["kind", "rule"].contains(&name);
                assert!(is_name(name, b'_') && is_free && names.insert(name), "{kind}: {name}");
            }
            assert!(!profile.identity.is_empty() && profile.identity.iter().all(|name| names.contains(name)), "{kind}");
            assert!((profile.tenant)("").iter().all(|name| names.contains(name)), "{kind}: a tenant's attribute is unknown");
            let path = PathTemplate::parse(profile.path, profile).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert!(profile.identity.iter().all(|name| path.names(name)), "{kind}: the default path leaves an identity out");
        }
    }
}
