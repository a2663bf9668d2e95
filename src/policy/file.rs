//! The files of a directory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use procura_token::{base64url, sha256};

use super::{Place, PolicyError, PolicySetHash};

/// The most files of one kind.
const MAX_FILES: usize = 1_000;

/// What kind of file.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Its name for people.
    pub(super) name: &'static str,
    suffix: &'static str,
    /// The most bytes of one.
    max_bytes: u64,
}

/// The policies.
pub(super) const POLICY: Kind = Kind { name: "policy", suffix: ".cedar", max_bytes: 1 << 20 };
/// The agents and groups.
pub(super) const ENTITY: Kind = Kind { name: "entity", suffix: ".toml", max_bytes: 8 << 20 };

/// One file.
pub(super) struct SourceFile {
    pub(super) name: String,
    pub(super) text: String,
}

impl SourceFile {
    /// The place `offset` bytes into the text.
    pub(super) fn place(&self, offset: Option<usize>) -> Place {
        let before = offset.and_then(|offset| self.text.as_bytes().get(..offset));
        Place { file: self.name.clone(), line: before.map(|text| text.iter().filter(|byte| **byte == b'\n').count() + 1) }
    }
}

/// Reads every file of this kind in `directory` in byte order of names; hidden files and subdirectories' files are not read.
pub(super) fn read(directory: &Path, kind: Kind) -> Result<Vec<SourceFile>, PolicyError> {
    let failed = |source| PolicyError::Directory { kind: kind.name, path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let lossy = name.to_string_lossy();
        if !lossy.ends_with(kind.suffix) || lossy.starts_with('.') {
            continue;
        }
        let is_text = name.to_str().is_some_and(|name| !name.chars().any(char::is_control));
        if !is_text {
            return Err(PolicyError::NotText(lossy.escape_debug().to_string()));
        }
        names.push(lossy.into_owned());
        if names.len() > MAX_FILES {
            return Err(PolicyError::TooManyFiles { kind: kind.name, path: directory.to_owned(), limit: MAX_FILES });
        }
    }
    names.sort_unstable();
    names.into_iter().map(|name| read_one(directory, name, kind)).collect()
}

fn read_one(directory: &Path, name: String, kind: Kind) -> Result<SourceFile, PolicyError> {
    let path = directory.join(&name);
    let bytes = match read_bytes(&path, kind.max_bytes) {
        Ok(bytes) => bytes,
        Err(source) => return Err(PolicyError::File { kind: kind.name, path, source }),
    };
    if bytes.len() as u64 > kind.max_bytes {
        return Err(PolicyError::TooLong { kind: kind.name, file: name, limit: kind.max_bytes });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile { name, text }),
        Err(_) => Err(PolicyError::NotText(name)),
    }
}

/// Reads a regular file, and of a larger one than `most` one byte more than that.
pub(super) fn read_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The hash that names these files.
pub(super) fn hash<'a>(files: impl IntoIterator<Item = &'a SourceFile>) -> PolicySetHash {
    let mut list = String::new();
    for file in files {
        for byte in sha256(file.text.as_bytes()) {
            list.push_str(&format!("{byte:02x}"));
        }
        list.push_str(&format!("  {}\n", file.name));
    }
    PolicySetHash(base64url::encode(sha256(list.as_bytes())).into())
}
