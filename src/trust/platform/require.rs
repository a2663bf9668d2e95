//! What a rule demands of a workload.

use std::collections::BTreeMap;

use super::profile::Profile;

/// Attributes that must have one of some values, compared byte by byte.
#[derive(Clone, Debug, Default)]
pub(super) struct Requirements(BTreeMap<&'static str, Vec<String>>);

impl Requirements {
    /// # Errors
    /// What is wrong, and the remedy.
    pub(super) fn new(asked: &BTreeMap<String, Vec<String>>, profile: &Profile) -> Result<Self, (String, String)> {
        let mut requirements = BTreeMap::new();
        for (name, values) in asked {
            let Some(name) = profile.attribute(name) else {
                let known: Vec<&str> = profile.attributes.iter().map(|attribute| attribute.name).collect();
                return Err((
                    format!("names `{name}`, which is no attribute of this kind"),
                    format!("those are {}", known.join(", ")),
                ));
            };
            if values.is_empty() || values.iter().any(String::is_empty) {
                return Err((format!("wants nothing of `{name}`"), "name the values it may have".to_owned()));
            }
            requirements.insert(name, values.clone());
        }
        Ok(Self(requirements))
    }

    /// Whether the attribute is one that must have some value.
    pub(super) fn names(&self, attribute: &str) -> bool {
        self.0.contains_key(attribute)
    }

    /// The values the attribute may have; `None` if it may have any.
    pub(super) fn values(&self, attribute: &str) -> Option<&[String]> {
        self.0.get(attribute).map(Vec::as_slice)
    }

    /// Whether the attribute can have but one value.
    pub(super) fn pin(&self, attribute: &str) -> bool {
        self.values(attribute).is_some_and(|values| values.iter().all(|value| Some(value) == values.first()))
    }

    /// # Errors
    /// Which attribute is not as it must be.
    pub(super) fn verify(&self, attributes: &BTreeMap<&'static str, String>) -> Result<(), String> {
        for (name, values) in &self.0 {
            match attributes.get(name) {
                Some(text) if values.contains(text) => {}
                Some(text) => return Err(format!("`{name}` is `{text}`")),
                None => return Err(format!("there is no `{name}`")),
            }
        }
        Ok(())
    }
}
