//! The file: TOML, one `[[disabled]]` table for each entry.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use procura_token::UnixTime;
use serde::Deserialize;

use super::{Party, Tombstone};

/// The most bytes of the file.
const MAX_BYTES: u64 = 1 << 20;
/// The most entries in it.
const MAX_ENTRIES: usize = 10_000;
/// The most bytes of a reason.
const MAX_REASON: usize = 1024;

/// A list of the disabled that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisabledFileError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({}); an empty file disables nobody", file.display(), cause.kind())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// What it says makes no sense.
    #[error("{}: {cause}", file.display())]
    Wrong {
        /// Which file.
        file: PathBuf,
        /// The line, what is wrong, and what to do.
        cause: String,
    },
}

/// Reads the tombstones in the file at `path`, a regular file of at most 1 MiB. Blocks.
///
/// # Errors
/// [`DisabledFileError`] naming the file.
pub fn read_tombstones(path: &Path) -> Result<Vec<Tombstone>, DisabledFileError> {
    parse_tombstones(&read(path)?).map_err(|cause| DisabledFileError::Wrong { file: path.to_owned(), cause })
}

pub(super) fn read(path: &Path) -> Result<String, DisabledFileError> {
    let wrong = |cause: &str| DisabledFileError::Wrong { file: path.to_owned(), cause: cause.to_owned() };
    let bytes = read_bytes(path).map_err(|cause| DisabledFileError::Unreadable { file: path.to_owned(), cause })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("larger than 1 MiB; use patterns such as \"spiffe://prod.example/agent/*\""));
    }
    String::from_utf8(bytes).map_err(|_| wrong("not UTF-8"))
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Parses the text of such a file: at most 10,000 entries, each naming one party, with `since` and `reason`. Empty text has
/// none.
///
/// # Errors
/// The line, what is wrong there, and what to do.
pub fn parse_tombstones(text: &str) -> Result<Vec<Tombstone>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        #[serde(default)]
        disabled: Vec<Entry>,
    }
    let document: Document = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message().replace('\n', " "))
    })?;
    if document.disabled.len() > MAX_ENTRIES {
        return Err("more than 10,000 entries; use patterns such as \"spiffe://prod.example/agent/*\"".to_owned());
    }
    Ok(document.disabled.into_iter().map(|entry| entry.0).collect())
}

/// One entry, well formed.
#[derive(Deserialize)]
#[serde(try_from = "RawEntry")]
struct Entry(Tombstone);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    workload: Option<String>,
    trust_domain: Option<String>,
    issuer: Option<String>,
    platform: Option<String>,
    since: Instant,
    reason: String,
}

/// A date and time of TOML, or the same as text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`since` is not a date and time; write it like \"2026-11-22T07:30:00Z\"")]
enum Instant {
    Written(toml::value::Datetime),
    Text(String),
}

impl TryFrom<RawEntry> for Entry {
    type Error = String;

    fn try_from(raw: RawEntry) -> Result<Self, String> {
        fn wrong<T>(key: &str, text: &str, cause: impl std::fmt::Display) -> Result<T, String> {
            Err(format!("`{key}` is `{}`: {cause}", text.escape_debug()))
        }
        let party = match (raw.workload, raw.trust_domain, raw.issuer, raw.platform) {
            (Some(text), None, None, None) => {
                text.parse().map(Party::Workload).or_else(|cause| wrong("workload", &text, cause))?
            }
            (None, Some(text), None, None) => {
                text.parse().map(Party::TrustDomain).or_else(|cause| wrong("trust_domain", &text, cause))?
            }
            (None, None, Some(text), None) => text.parse().map(Party::Issuer).or_else(|cause| wrong("issuer", &text, cause))?,
            (None, None, None, Some(rule)) => Party::Platform(rule),
            _ => return Err("an entry names exactly one of `workload`, `trust_domain`, `issuer` and `platform`".to_owned()),
        };
        let since = match &raw.since {
            Instant::Written(written) => instant(written),
            Instant::Text(text) => text.parse().ok().and_then(|written| instant(&written)),
        };
        let since = since.ok_or("`since` is not a date, a time and an offset; write it like \"2026-11-22T07:30:00Z\"")?;
        reason(&raw.reason)?;
        Ok(Self(Tombstone { party, since, reason: raw.reason }))
    }
}

/// Whether `text` can be a reason: one line, not empty, at most 1,024 bytes.
pub(super) fn reason(text: &str) -> Result<(), String> {
    let is_one = !text.trim().is_empty() && text.len() <= MAX_REASON && !text.chars().any(char::is_control);
    if is_one { Ok(()) } else { Err("`reason` is not one line of up to 1,024 bytes".to_owned()) }
}

fn instant(written: &toml::value::Datetime) -> Option<UnixTime> {
    let (date, time, offset) = (written.date?, written.time?, written.offset?);
    let local = humantime::parse_rfc3339(&format!("{date}T{time}Z")).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let minutes = match offset {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => minutes,
    };
    let shift = Duration::from_secs(60 * u64::from(minutes.unsigned_abs()));
    let since_epoch = if minutes < 0 { local.checked_add(shift)? } else { local.checked_sub(shift)? };
    Some(UnixTime::new(since_epoch))
}

/// Such as `2026-11-22T07:30:00Z`; seconds since 1970 where that notation ends.
pub fn rfc3339(time: UnixTime) -> String {
    /// 10000-01-01.
    const END: u64 = 253_402_300_800;
    match UNIX_EPOCH.checked_add(time.since_epoch()) {
        Some(system) if time.as_secs() < END => humantime::format_rfc3339_seconds(system).to_string(),
        _ => time.to_string(),
    }
}
