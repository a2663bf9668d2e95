//! Secrets: held, used, never shown.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;

/// A secret. Its text never prints.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(with = "String")]
pub struct Secret(String);

impl Secret {
    /// The secret given as `key`, or the content of the file given as `<key>_file` without white space at its end.
    ///
    /// # Errors
    /// [`ConfigError`] if both are given or the file cannot be read.
    pub fn either(key: &str, value: Option<&Self>, file: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        match (value, file) {
            (Some(_), Some(_)) => Err(ConfigError::rule(key, "is given twice", &format!("keep one of `{key}` and `{key}_file`"))),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, None) => Ok(None),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Some(Self(text.trim_end().to_owned()))),
                Err(cause) => Err(ConfigError::unreadable(path, &cause)),
            },
        }
    }

    /// The text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
