//! `[[authorization_details_type]]`

use std::collections::BTreeMap;

use procura_token::{DetailType, DetailTypes, FieldRule, Resource};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Config, ConfigError};

/// `[[authorization_details_type]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationDetailsTypeConfig {
    /// What `type` says, compared byte for byte.
    pub name: String,
    /// The targets, by URI, that know the type. Default: all.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub targets: Option<Vec<Resource>>,
    /// Its fields, and how each may be narrowed: `equal` (a text, a number, `true` or `false`, the same at every hop), `at_most` (a
    /// number or a text in decimal digits, the same or less) or `subset` (a list of texts, the same or fewer). A field of an
    /// object within is named `"outer.inner"`. Other fields are refused, those of RFC 9396 section 2.2 too.
    #[schemars(with = "BTreeMap<String, String>")]
    pub fields: BTreeMap<String, FieldRule>,
    /// The fields that must be there.
    #[serde(default)]
    pub required: Vec<String>,
}

impl AuthorizationDetailsTypeConfig {
    fn detail_type(&self) -> Result<DetailType, ConfigError> {
        DetailType::new(self.name.clone(), self.fields.clone(), self.required.iter().cloned()).map_err(|cause| {
            let what = format!("of `{}`: {cause}", self.name.escape_debug());
            ConfigError::rule("authorization_details_type", &what, "see docs/authorization-details.md")
        })
    }
}

impl Config {
    /// The types of authorization details.
    ///
    /// # Errors
    /// [`ConfigError`] for a type that contradicts itself, or two with one name.
    pub fn detail_types(&self) -> Result<DetailTypes, ConfigError> {
        let types = self.authorization_details_type.iter().map(AuthorizationDetailsTypeConfig::detail_type);
        DetailTypes::new(types.collect::<Result<Vec<_>, _>>()?).map_err(|name| {
            let what = format!("`{}` occurs twice", name.escape_debug());
            ConfigError::rule("authorization_details_type.name", &what, "remove one of the two")
        })
    }

    /// Refuses types that are wrong, or of targets that do not exist.
    pub(super) fn detail_types_agree(&self) -> Result<(), ConfigError> {
        for kind in &self.authorization_details_type {
            let is_known = |resource: &Resource| self.target.iter().any(|target| target.resource == *resource);
            if let Some(unknown) = kind.targets.iter().flatten().find(|resource| !is_known(resource)) {
                let what = format!("names `{unknown}`, which is no target");
                return Err(ConfigError::rule(
                    "authorization_details_type.targets",
                    &what,
                    "name the `resource` of a [[target]]",
                ));
            }
        }
        self.detail_types().map(drop)
    }
}
