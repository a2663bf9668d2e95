//! What is wrong with a TOML file, for the person who wrote it.

/// Where it is wrong, if that is known, what is, and what may have been meant.
pub(super) fn toml_error(error: &toml::de::Error) -> (Option<usize>, String) {
    let reason = error.message().replace('\n', " ");
    let meant = meant(&reason).map(|known| format!("; did you mean `{known}`?"));
    (error.span().map(|span| span.start), format!("{reason}{}", meant.unwrap_or_default()))
}

/// serde's message quotes the unknown key first, then those it expected.
fn meant(message: &str) -> Option<&str> {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
}

/// The known name most like the unknown one, if one is at all.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let similar = known.map(|known| (strsim::jaro_winkler(unknown, known), known));
    similar.filter(|(likeness, _)| *likeness > 0.5).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}
