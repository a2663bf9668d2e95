//! What the server writes down: nothing that could be used.

use super::{Case, NotTried};
use crate::world::World;
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new(
        "written.no-tokens",
        "after all this no token, proof or signature stands in the log or the audit trail",
        &["WPT-39", "SIG-33", "WIT-55", "F36"],
        no_tokens,
    )]
}

async fn no_tokens(world: Arc<World>) -> Result<()> {
    let files = &world.options.written;
    if files.is_empty() {
        bail!(NotTried("no --written given"));
    }
    world.granted(&world.exchange().send(&world).await?).await?;
    let mut all = 0;
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("`{}`", file.display()))?;
        all += text.len();
        if let Some(line) = text.lines().find(|line| has_token(line)) {
            bail!("a token in `{}`: {}", file.display(), line.chars().take(200).collect::<String>());
        }
    }
    ensure!(all > 0, "nothing was written");
    Ok(())
}

/// `eyJ…`, a dot and `eyJ…` again: the beginning of every JWT. Or a signature's octets.
fn has_token(line: &str) -> bool {
    line.match_indices("eyJ").any(|(at, _)| {
        let rest = line[at..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        rest.starts_with(".eyJ")
    }) || line.contains("wimse=:")
}
