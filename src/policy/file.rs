//! The files of a policy directory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use procura_token::{base64url, sha256};

use super::{Place, PolicyError, PolicySetHash};

/// The most policy files, and the most bytes of one.
const MAX_FILES: usize = 1_000;
const MAX_BYTES: u64 = 1 << 20;

/// One policy file.
pub(super) struct PolicyFile {
    pub(super) name: String,
    pub(super) text: String,
}

impl PolicyFile {
    /// The place `offset` bytes into the text.
    pub(super) fn place(&self, offset: Option<usize>) -> Place {
        let before = offset.and_then(|offset| self.text.as_bytes().get(..offset));
        Place { file: self.name.clone(), line: before.map(|text| text.iter().filter(|byte| **byte == b'\n').count() + 1) }
    }
}

/// Reads every `*.cedar` of `directory` in byte order of names; hidden files and subdirectories' files are not read.
pub(super) fn read(directory: &Path) -> Result<Vec<PolicyFile>, PolicyError> {
    let failed = |source| PolicyError::Directory { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let lossy = name.to_string_lossy();
        if !lossy.ends_with(".cedar") || lossy.starts_with('.') {
            continue;
        }
        let is_text = name.to_str().is_some_and(|name| !name.chars().any(char::is_control));
        if !is_text {
            return Err(PolicyError::NotText(lossy.escape_debug().to_string()));
        }
        names.push(lossy.into_owned());
        if names.len() > MAX_FILES {
            return Err(PolicyError::TooManyFiles { path: directory.to_owned(), limit: MAX_FILES });
        }
    }
    names.sort_unstable();
    names.into_iter().map(|name| read_one(directory, name)).collect()
}

fn read_one(directory: &Path, name: String) -> Result<PolicyFile, PolicyError> {
    let path = directory.join(&name);
    let bytes = match read_bytes(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(PolicyError::File { path, source }),
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PolicyError::TooLong { file: name, limit: MAX_BYTES });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(PolicyFile { name, text }),
        Err(_) => Err(PolicyError::NotText(name)),
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The hash that names these files.
pub(super) fn hash(files: &[PolicyFile]) -> PolicySetHash {
    let mut list = String::new();
    for file in files {
        for byte in sha256(file.text.as_bytes()) {
            list.push_str(&format!("{byte:02x}"));
        }
        list.push_str(&format!("  {}\n", file.name));
    }
    PolicySetHash(base64url::encode(sha256(list.as_bytes())).into())
}
