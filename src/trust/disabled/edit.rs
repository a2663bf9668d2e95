//! Changing the file: whole, at once, and leaving alone what others wrote into it.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::file::{self, DisabledFileError};
use super::{Party, Tombstone, parse_tombstones};

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the file now.
    New,
    /// That party was disabled already, by this entry; the file is as it was.
    Already(Tombstone),
}

/// Adds `tombstone` to the file at `path`, which exists. Blocks.
///
/// The file is replaced as a whole: readers find the old one or the new one. It keeps its owner and mode, its comments and its
/// other entries. Two who change it at once do not lose each other's changes: one is told to try again.
///
/// # Errors
/// [`DisabledFileError`]; then the file is as it was.
pub fn disable(path: &Path, tombstone: &Tombstone) -> Result<Added, DisabledFileError> {
    change(path, |text, entries| {
        if let Some(known) = entries.iter().find(|known| known.party == tombstone.party) {
            return Ok((None, Added::Already(known.clone())));
        }
        file::reason(&tombstone.reason)?;
        let gap = if text.is_empty() || text.ends_with("\n\n") {
            ""
        } else if text.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        };
        let mut expected = entries.to_vec();
        expected.push(tombstone.clone());
        Ok((Some((format!("{text}{gap}{}", entry(tombstone)), expected)), Added::New))
    })
}

/// Takes every entry of `party` out of the file at `path`, as [`disable`] adds one, and returns them; none if there are none.
///
/// `permit` is asked about each first, and may say why it has to stay.
///
/// # Errors
/// [`DisabledFileError`]; then the file is as it was.
pub fn enable(
    path: &Path,
    party: &Party,
    permit: impl Fn(&Tombstone) -> Result<(), String>,
) -> Result<Vec<Tombstone>, DisabledFileError> {
    change(path, |text, entries| {
        let (gone, stay): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|known| known.party == *party);
        gone.iter().try_for_each(&permit)?;
        let is_gone: Vec<bool> = entries.iter().map(|known| known.party == *party).collect();
        let new = (!gone.is_empty()).then(|| (without(text, &is_gone), stay));
        Ok((new, gone))
    })
}

/// The text of one entry.
fn entry(tombstone: &Tombstone) -> String {
    // A string of JSON is one of TOML, except that TOML wants DEL escaped; names and reasons have no control characters.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "[[disabled]]\n{} = {}\nsince = {}\nreason = {}\n",
        tombstone.party.key(),
        quoted(tombstone.party.name()),
        quoted(&file::rfc3339(tombstone.since)),
        quoted(&tombstone.reason),
    )
}

/// `text` without those of its tables that are marked. The comments right above a table belong to it.
fn without(text: &str, is_gone: &[bool]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_header = |line: &str| line.trim_start().starts_with("[[disabled]]");
    let starts_at = |header: usize| {
        let comments = lines.iter().take(header).rev().take_while(|line| line.trim_start().starts_with('#')).count();
        header - comments
    };
    let mut starts: Vec<usize> = (0..lines.len()).filter(|at| lines.get(*at).is_some_and(|line| is_header(line))).collect();
    starts.iter_mut().for_each(|at| *at = starts_at(*at));
    let keeps = |at: &usize| {
        let table = starts.partition_point(|start| start <= at);
        table == 0 || !is_gone.get(table - 1).copied().unwrap_or(false)
    };
    (0..lines.len()).filter(keeps).filter_map(|at| lines.get(at).copied()).collect()
}

/// The new text and what it must mean, or nothing to write; and the answer.
type Change<T> = (Option<(String, Vec<Tombstone>)>, T);

fn change<T>(path: &Path, change: impl FnOnce(&str, &[Tombstone]) -> Result<Change<T>, String>) -> Result<T, DisabledFileError> {
    let wrong = |cause: String| DisabledFileError::Wrong { file: path.to_owned(), cause };
    let unreadable = |cause| DisabledFileError::Unreadable { file: path.to_owned(), cause };
    let unwritable = |cause: io::Error| wrong(format!("cannot be changed ({cause}); let this user write it and its directory"));
    // Where a link points to: who follows it finds the new file.
    let file = fs::canonicalize(path).map_err(unreadable)?;
    let directory = file.parent().unwrap_or(Path::new("/"));
    let _alone = lock(directory).map_err(wrong)?;
    let text = file::read(path)?;
    let (new, answer) = change(&text, &parse_tombstones(&text).map_err(wrong)?).map_err(wrong)?;
    if let Some((text, expected)) = new {
        if parse_tombstones(&text).ok().as_ref() != Some(&expected) {
            return Err(wrong("cannot be changed without rewriting it; change it with an editor".to_owned()));
        }
        replace(directory, &file, &text).map_err(unwritable)?;
    }
    Ok(answer)
}

/// Held until it is dropped. Readers do not ask for it.
fn lock(directory: &Path) -> Result<File, String> {
    let locked = File::open(directory).map_err(TryLockError::Error).and_then(|opened| opened.try_lock().map(|()| opened));
    locked.map_err(|cause| match cause {
        TryLockError::WouldBlock => "somebody else changes it now; try again".to_owned(),
        TryLockError::Error(cause) => format!("its directory cannot be locked ({cause})"),
    })
}

/// Writes beside it, to the disk, and puts the new file in its place.
fn replace(directory: &Path, file: &Path, text: &str) -> io::Result<()> {
    let old = fs::metadata(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{name}.{}", std::process::id()));
    let written = write(&beside, &old, text).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // What is left of a failed attempt is nobody's list.
        let _ = fs::remove_file(&beside);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write(beside: &PathBuf, like: &Metadata, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
        std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(like.permissions().mode() & 0o7777))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
