//! What to know of a platform: one file below this one for each, and one line in [`registry`](super::registry).

pub(super) mod aws_jwt;
pub(super) mod aws_sts;
pub(super) mod azure;
pub(super) mod azure_devops;
pub(super) mod azure_devops_connection;
pub(super) mod bitbucket_pipelines;
pub(super) mod buildkite;
pub(super) mod circleci;
pub(super) mod gcp;
pub(super) mod github_actions;
pub(super) mod gitlab_ci;
pub(super) mod hcp_terraform;
pub(super) mod jenkins;
pub(super) mod kubernetes;
pub(super) mod oidc;
pub(super) mod tpm;

#[cfg(test)]
mod sample;

use std::fmt;

use procura_token::{Algorithm, Issuer, ParseError};

use super::attribute::{Attribute, Attributes};
use super::registry::AssertionType;
use super::require::Requirements;
use super::witness::OpenWitness;

/// A platform: constants, and the functions that no table can say.
///
/// Write one as `Profile { kind: …, title: …, …, ..Profile::JWT }`.
#[derive(Clone, Copy)]
pub(super) struct Profile {
    /// Its name in configuration, policies and audit events: lower-case letters, digits and `-`.
    pub(super) kind: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// How its credentials are presented.
    pub(super) assertion: AssertionType,
    /// Whose `iss` its tokens have.
    pub(super) issuer: IssuerRule,
    /// What it signs with.
    pub(super) algorithms: &'static [Algorithm],
    /// What its credentials say.
    pub(super) attributes: &'static [Attribute],
    /// The attributes that together tell one principal from every other for all time: ids that are never given away again,
    /// never names.
    pub(super) identity: &'static [&'static str],
    /// Of tokens of the issuer with this URL, the attributes of which a rule must require one: where an issuer serves strangers
    /// too, all of them would be workloads of the trust domain otherwise. Ids, because a stranger can come by a name. None where
    /// whoever has the issuer is one customer.
    pub(super) tenant: fn(&str) -> &'static [&'static str],
    /// The template that holds where the configuration gives none.
    pub(super) path: &'static str,
    /// Why a credential that fits a rule must not be believed all the same. It sees what the rule requires: who requires the
    /// dangerous thing by name has asked for it.
    pub(super) verify: fn(&Attributes, &Requirements) -> Result<(), String>,
    /// Who judges its credentials, where its issuer's keys do not: opened once for all rules of one authority; `None` leaves
    /// them to the keys. See [`Witness`](super::witness::Witness).
    pub(super) witness: OpenWitness,
}

impl Profile {
    /// A platform whose credentials are JWTs, judged by the keys that their issuer publishes.
    pub(super) const JWT: Self = Self {
        kind: "",
        title: "",
        assertion: AssertionType::JWT_BEARER,
        issuer: IssuerRule::Any { default: None },
        algorithms: &[Algorithm::Rs256],
        attributes: &[],
        identity: &[],
        tenant: |_| &[],
        path: "",
        verify: |_, _| Ok(()),
        witness: |_| Ok(None),
    };

    /// The attribute of that name.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static str> {
        self.attributes.iter().map(|attribute| attribute.name).find(|known| *known == name)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({})", self.kind)
    }
}

/// Which issuers a platform has.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each profile uses one of them")]
pub(super) enum IssuerRule {
    /// One for all its customers.
    Fixed(&'static str),
    /// One of these shapes, in which `{}` stands for at least one character and no `/`, and `{uuid}` for a UUID in lower case:
    /// the part that names the tenant. The configuration gives it, or leaves it out where there is a default.
    Shaped { default: Option<&'static str>, shapes: &'static [&'static str] },
    /// Whatever the configuration gives, or the default.
    Any { default: Option<&'static str> },
    /// Its credentials name none, and the configuration gives none.
    None,
}

impl IssuerRule {
    /// The issuer of a rule whose configuration says `given`.
    ///
    /// # Errors
    /// What is wrong with `given`, and the remedy.
    pub(super) fn settle(self, given: Option<&Issuer>) -> Result<Option<Issuer>, (String, String)> {
        let default = |url: Option<&'static str>| match url {
            Some(url) => url.parse().map(Some).map_err(|error: ParseError| (error.to_string(), String::new())),
            None => Err(("is missing".to_owned(), "give the `iss` of your tokens".to_owned())),
        };
        match (self, given) {
            (Self::None, None) => Ok(None),
            (Self::None, Some(_)) => Err(("means nothing for this kind".to_owned(), "leave it out".to_owned())),
            (Self::Fixed(url), None) => default(Some(url)),
            (Self::Shaped { default: url, .. } | Self::Any { default: url }, None) => default(url),
            (Self::Any { .. }, Some(issuer)) => Ok(Some(issuer.clone())),
            (Self::Fixed(url), Some(issuer)) if issuer.as_str() == url => Ok(Some(issuer.clone())),
            (Self::Fixed(url), Some(_)) => {
                Err(("is not the platform's".to_owned(), format!("leave it out: it is {url} for everybody")))
            }
            (Self::Shaped { default, shapes }, Some(issuer)) => {
                let text = issuer.as_str();
                if default == Some(text) || shapes.iter().any(|shape| has_shape(text, shape)) {
                    return Ok(Some(issuer.clone()));
                }
                let known: Vec<&str> = default.into_iter().chain(shapes.iter().copied()).collect();
                Err(("is not one of this platform".to_owned(), format!("it has the form {}", known.join(" or "))))
            }
        }
    }
}

/// Whether `text` is `shape` with every `{}` filled in.
fn has_shape(text: &str, shape: &str) -> bool {
    let Some((before, after)) = shape.split_once('{') else { return text == shape };
    let (Some(rest), Some((hole, after))) = (text.strip_prefix(before), after.split_once('}')) else { return false };
    let fills = |at: &usize| match rest.get(..*at) {
        Some(filled) if hole == "uuid" => is_uuid(filled),
        Some(filled) => !filled.is_empty() && !filled.contains('/'),
        None => false,
    };
    (0..=rest.len()).filter(fills).any(|at| rest.get(at..).is_some_and(|rest| has_shape(rest, after)))
}

fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_filled_by_one_part_of_a_url() {
        for (text, shape, has) in [
            ("https://a.example/t", "https://a.example/{}", true),
            ("https://a.example/", "https://a.example/{}", false),
            ("https://a.example/t/u", "https://a.example/{}", false),
            ("https://host:1/_services/token", "https://{}/_services/token", true),
            ("https://host/x/_services/token", "https://{}/_services/token", false),
            ("https://a/org/b/user/c", "https://a/org/{}/user/{}", true),
            ("https://a/72f988bf-86f1-41af-91ab-2d7cd011db47/v2", "https://a/{uuid}/v2", true),
            ("https://a/common/v2", "https://a/{uuid}/v2", false),
            ("https://a/72F988BF-86f1-41af-91ab-2d7cd011db47/v2", "https://a/{uuid}/v2", false),
            ("https://a", "https://a", true),
            ("https://ab", "https://a", false),
        ] {
            assert_eq!(has_shape(text, shape), has, "{text} {shape}");
        }
    }

    #[test]
    fn the_configuration_gives_what_the_platform_leaves_open_and_nothing_else() {
        let settle = |rule: IssuerRule, given: Option<&str>| {
            let given = given.map(|url| url.parse().unwrap());
            rule.settle(given.as_ref()).map(|issuer| issuer.map(|issuer| issuer.to_string())).map_err(|(what, _)| what)
        };
        let (fixed, shaped) = (IssuerRule::Fixed("https://a"), IssuerRule::Shaped { default: None, shapes: &["https://a/{}"] });
        let any = IssuerRule::Any { default: Some("https://a") };
        for rule in [fixed, any] {
            assert_eq!(settle(rule, None), Ok(Some("https://a".to_owned())));
        }
        assert!(settle(fixed, Some("https://b")).is_err() && settle(fixed, Some("https://a")).is_ok());
        assert_eq!(settle(any, Some("https://b")), Ok(Some("https://b".to_owned())));
        assert_eq!(settle(shaped, None), Err("is missing".to_owned()));
        assert!(settle(shaped, Some("https://a/t")).is_ok() && settle(shaped, Some("https://b/t")).is_err());
        assert!(settle(IssuerRule::None, None) == Ok(None) && settle(IssuerRule::None, Some("https://a")).is_err());
    }
}
