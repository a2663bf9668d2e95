//! Where a Workload API is.

use serde::Deserialize;

use super::ConfigError;

/// The word that stands for the address in the environment.
const ENVIRONMENT: &str = "env";
/// The variable that has it (SPIFFE Workload Endpoint section 4).
const VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";

/// The address of a Workload API, or `env`. Its syntax is for who connects to judge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WorkloadApiAddress(String);

impl WorkloadApiAddress {
    /// The address that `key` gives: the one written, or the one in the environment.
    ///
    /// # Errors
    /// [`ConfigError`] if there is none in the environment.
    #[expect(clippy::disallowed_methods, reason = "the room that reads the environment")]
    pub fn resolve(&self, key: &str) -> Result<String, ConfigError> {
        match self.0.as_str() {
            ENVIRONMENT => match std::env::var(VARIABLE) {
                Ok(address) if !address.is_empty() => Ok(address),
                _ => {
                    let what = format!("is `{ENVIRONMENT}`, and {VARIABLE} is not set");
                    Err(ConfigError::rule(key, &what, "set it, or write the address of the socket"))
                }
            },
            address => Ok(address.to_owned()),
        }
    }
}
