//! The devices that are enrolled: a file that may change at any time.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procura_token::UnixTime;
use procura_token::tpm::TpmName;
use serde::Deserialize;

use crate::trust::stamp::Stamp;

/// How often the file is looked at, at most.
const PAUSE: Duration = Duration::from_secs(1);
/// The most bytes of the file: enough for some hundred thousand devices.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// The most bytes of a name.
const MAX_NAME: usize = 64;

/// The SHA-256 of an endorsement key's SubjectPublicKeyInfo.
pub(super) type EkHash = [u8; 32];

/// The file, and what it last said.
#[derive(Debug)]
pub(super) struct Devices {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` before anybody asked.
    looked: Option<UnixTime>,
    stamp: Option<Stamp>,
    list: Arc<DeviceList>,
}

/// The devices of one reading.
#[derive(Debug, Default)]
pub(super) struct DeviceList {
    by_ek: HashMap<EkHash, String>,
    by_ak: HashMap<TpmName, String>,
}

impl Devices {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let stamp = Stamp::of(path);
        let list = Arc::new(read(path)?);
        Ok(Self { path: path.to_owned(), state: Mutex::new(State { looked: None, stamp, list }) })
    }

    /// The devices enrolled at `now`, give or take a second. A file that cannot be read changes nothing.
    pub(super) fn list(&self, now: UnixTime) -> Arc<DeviceList> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes the file be looked at too.
        if state.looked.is_none_or(|looked| now < looked || now.since(looked) >= PAUSE) {
            state.looked = Some(now);
            let stamp = Stamp::of(&self.path);
            if stamp != state.stamp {
                state.stamp = stamp;
                self.reload(&mut state);
            }
        }
        Arc::clone(&state.list)
    }

    fn reload(&self, state: &mut State) {
        let file = self.path.display();
        match read(&self.path) {
            Ok(list) => {
                state.list = Arc::new(list);
                tracing::info!(%file, devices = state.list.len(), "devices loaded");
            }
            Err(cause) => tracing::error!(%file, cause, "devices could not be loaded; the last good ones stay enrolled"),
        }
    }
}

impl DeviceList {
    /// The device whose endorsement key this is.
    pub(super) fn by_ek(&self, hash: &EkHash) -> Option<&str> {
        self.by_ek.get(hash).map(String::as_str)
    }

    /// The device whose attestation key was enrolled.
    pub(super) fn by_ak(&self, name: &TpmName) -> Option<&str> {
        self.by_ak.get(name).map(String::as_str)
    }

    fn len(&self) -> usize {
        self.by_ek.len() + self.by_ak.len()
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(default)]
            device: Vec<Device>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Device {
            name: String,
            ek_public_sha256: Option<String>,
            ak_name: Option<String>,
        }
        let written: Written = toml::from_str(text).map_err(|error| error.to_string().trim_end().replace('\n', " "))?;
        let (mut list, mut names) = (Self::default(), HashSet::new());
        for Device { name, ek_public_sha256, ak_name } in written.device {
            let wrong = |what: &str| Err(format!("device `{}` {what}", name.escape_debug()));
            if !is_name(&name) {
                return wrong("has no name of 1 to 64 letters, digits, `-`, `.` and `_`");
            }
            if !names.insert(name.clone()) {
                return wrong("occurs twice");
            }
            let known = match (ek_public_sha256.as_deref(), ak_name.as_deref().map(str::parse)) {
                (Some(hash), None) => match parse_hash(hash) {
                    Some(hash) => list.by_ek.insert(hash, name.clone()),
                    None => return wrong("has an `ek_public_sha256` that is not 64 lower-case hexadecimal digits"),
                },
                (None, Some(Ok(ak))) => list.by_ak.insert(ak, name.clone()),
                (None, Some(Err(_))) => return wrong("has an `ak_name` that is not as tpm2_readpublic prints it"),
                _ => return wrong("needs either `ek_public_sha256` or `ak_name`"),
            };
            if let Some(other) = known {
                return wrong(&format!("has the key of `{other}`"));
            }
        }
        Ok(list)
    }
}

/// A hash in lower-case hexadecimal.
pub(super) fn parse_hash(text: &str) -> Option<EkHash> {
    // A name is a hash function's number and the hash, in the same notation.
    let name: TpmName = format!("000b{text}").parse().ok()?;
    name.as_bytes().get(2..)?.try_into().ok()
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits)
}

fn read(path: &Path) -> Result<DeviceList, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_FILE {
        return Err("larger than 64 MiB".to_owned());
    }
    DeviceList::parse(&text)
}

#[cfg(test)]
mod tests;
