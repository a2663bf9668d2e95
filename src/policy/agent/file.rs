//! The files: TOML, an `[[agent]]` or `[[group]]` table for each.

use procura_token::WorkloadId;
use serde::Deserialize;
use toml::Spanned;

use super::super::PolicyError;
use super::super::file::SourceFile;
use super::super::toml_error::toml_error;

/// The most bytes of a name, an owner, a profile or a tag.
const MAX_TEXT: usize = 256;
/// The most tags of one agent.
const MAX_TAGS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) agent: Vec<Agent>,
    #[serde(default)]
    pub(super) group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    pub(super) id: Spanned<WorkloadId>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    pub(super) owner: Option<String>,
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    /// The groups it is part of.
    #[serde(default, rename = "in")]
    pub(super) within: Vec<String>,
}

pub(super) fn parse(file: &SourceFile) -> Result<Document, PolicyError> {
    toml::from_str(&file.text).map_err(|error| {
        let (offset, reason) = toml_error(&error);
        PolicyError::entity(file.place(offset), &reason)
    })
}

/// Whether the free words of an agent can be used; else what is wrong with it.
pub(super) fn words(agent: &Agent) -> Result<(), String> {
    if agent.tags.len() > MAX_TAGS {
        return Err(format!("has more than {MAX_TAGS} tags: keep the ones policies ask for"));
    }
    let one = |key: &'static str, text: &String| (key, text.clone());
    let owner = agent.owner.iter().map(|text| one("owner", text));
    let profile = agent.profile.iter().map(|text| one("profile", text));
    let mut texts = owner.chain(profile).chain(agent.tags.iter().map(|text| one("tags", text)));
    match texts.find(|(_, text)| !is_name(text)) {
        Some((key, text)) => Err(format!("has `{key}` = `{}`: {NAME}", text.escape_debug())),
        None => Ok(()),
    }
}

/// What a name is.
pub(super) const NAME: &str = "write 1 to 256 bytes without control characters";

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}
