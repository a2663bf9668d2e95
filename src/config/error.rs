//! What was wrong with a configuration, where, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    file: Option<PathBuf>,
    place: String,
    what: String,
    remedy: String,
}

impl std::error::Error for ConfigError {}

/// `FILE: PLACE: WHAT; REMEDY`
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl ConfigError {
    /// A key whose value breaks a rule.
    pub fn rule(key: &str, what: &str, remedy: &str) -> Self {
        Self { file: None, place: format!("`{key}`"), what: what.to_owned(), remedy: remedy.to_owned() }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &Path, cause: &std::io::Error) -> Self {
        let remedy = match cause.kind() {
            std::io::ErrorKind::NotFound => "name a file that exists",
            std::io::ErrorKind::PermissionDenied => "let this user read it",
            _ => "",
        };
        Self {
            file: Some(path.to_owned()),
            place: String::new(),
            what: format!("cannot be read ({})", cause.kind()),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
        Self {
            file: None,
            place: line.map(|line| format!("line {line}")).unwrap_or_default(),
            what: error.message().replace('\n', " "),
            remedy: nearest(error.message()).map(|known| format!("did you mean `{known}`?")).unwrap_or_default(),
        }
    }

    /// The same, of the file at `path`, unless another is to blame.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.file.get_or_insert_with(|| path.to_owned());
        self
    }
}

/// The known key most like the unknown one. serde's message quotes the unknown key first, then those it expected.
fn nearest(message: &str) -> Option<&str> {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let similar = quoted.map(|known| (strsim::jaro_winkler(unknown, known), known));
    similar.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}
