//! The requirements and attacks, and which cases show them.

mod table;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The two lists, which are part of the program.
pub(crate) struct Catalogue {
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) attacks: Vec<Attack>,
}

/// One row of a specification, in our words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file; the tests require it"))]
    pub(crate) spec: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file; the tests require it"))]
    pub(crate) section: String,
    pub(crate) level: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file; the tests require it"))]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) cases: Vec<String>,
    /// Tests of this repository that show it, `path::name`: what a black-box case cannot reach.
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    pub(crate) untested: Option<String>,
}

/// One way in which others were fooled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attack {
    pub(crate) id: String,
    pub(crate) text: String,
    /// What of it the cases do not reach.
    pub(crate) beyond: Option<String>,
    #[serde(default)]
    pub(crate) cases: Vec<String>,
    /// Tests of this repository that show it, `path::name`: what a black-box case cannot reach.
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    pub(crate) untested: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    requirement: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attacks {
    attack: Vec<Attack>,
}

impl Catalogue {
    /// Reads the lists that were built in.
    pub(crate) fn read() -> Result<Self> {
        let requirements: Requirements = toml::from_str(include_str!("../requirements.toml")).context("requirements.toml")?;
        let attacks: Attacks = toml::from_str(include_str!("../attacks.toml")).context("attacks.toml")?;
        Ok(Self { requirements: requirements.requirement, attacks: attacks.attack })
    }

    /// The rows without cases, a line each, with the reason.
    pub(crate) fn untested(&self) -> String {
        let requirements = self.requirements.iter().map(|row| (&row.id, &row.untested));
        let attacks = self.attacks.iter().map(|row| (&row.id, &row.untested));
        let rows =
            requirements.chain(attacks).filter_map(|(id, reason)| reason.as_ref().map(|reason| format!("{id:12} {reason}\n")));
        rows.collect()
    }
}

/// `TX` of `TX-18`, `F` of `F02`.
pub(crate) fn family(id: &str) -> &str {
    id.split_once('-').map_or_else(|| id.trim_end_matches(|c: char| c.is_ascii_digit()), |(family, _)| family)
}

/// `dpop/*` names the vectors of a kind that list the row; anything else is the id of a case.
pub(crate) fn is_vectors(case: &str) -> bool {
    case.ends_with("/*")
}

#[cfg(test)]
mod tests;
