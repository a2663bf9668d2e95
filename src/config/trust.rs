//! `[trust]`

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// `[trust]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustConfig {
    /// The list of workloads, trust domains, issuers and platform rules that are disabled: `procura trust disable` writes it.
    /// Read again within a second of a change. It must exist; an empty file disables nobody. Default: none.
    pub disabled_file: Option<PathBuf>,
}
