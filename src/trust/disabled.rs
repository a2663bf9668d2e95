//! Who is believed no longer: a file of tombstones, in force within a second of being written.
//!
//! An entry stands until somebody removes it, so that nothing that was issued before comes back to life by itself. It is
//! compared with every credential at every use, after what is remembered of it.

mod edit;
mod file;
mod party;
mod set;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use procura_token::WorkloadId;

pub use edit::{Added, disable, enable};
pub use file::{DisabledFileError, parse_tombstones, read_tombstones, rfc3339};
pub use party::{Party, Tombstone, WorkloadPattern};

use super::TrustError;
use super::stamp::Stamp;
use set::Set;

/// The tombstones in force. Without a file there are none.
#[derive(Default)]
pub(super) struct Disabled {
    set: RwLock<Arc<Set>>,
    file: Option<(PathBuf, Mutex<Seen>)>,
}

/// What the last look at the file found.
#[derive(Default)]
struct Seen {
    stamp: Option<Stamp>,
    /// Whether what is in force is what the file says, all of it and nothing else.
    is_done: bool,
    /// What was wrong with it: said once.
    fault: Option<String>,
}

impl Disabled {
    /// Reads the file, if there is one. Blocks.
    ///
    /// # Errors
    /// [`DisabledFileError`] if it is missing or wrong.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, DisabledFileError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let stamp = Stamp::of(path);
        let set = Set::new(read_tombstones(path)?);
        let seen = Seen { stamp, is_done: true, fault: None };
        Ok(Self { set: RwLock::new(Arc::new(set)), file: Some((path.to_owned(), Mutex::new(seen))) })
    }

    /// Every tombstone in force.
    pub(super) fn tombstones(&self) -> Vec<Arc<Tombstone>> {
        self.current().tombstones().to_vec()
    }

    /// # Errors
    /// [`TrustError::Disabled`] if the workload, those below a path of it, or its trust domain are disabled.
    pub(super) fn admit_workload(&self, id: &WorkloadId) -> Result<(), TrustError> {
        self.refuse(|set| set.workload(id))
    }

    /// # Errors
    /// [`TrustError::Disabled`] if the issuer is disabled.
    pub(super) fn admit_issuer(&self, issuer: &str) -> Result<(), TrustError> {
        self.refuse(|set| set.issuer(issuer))
    }

    /// # Errors
    /// [`TrustError::Disabled`] if the rule of that name is disabled.
    pub(super) fn admit_platform(&self, rule: &str) -> Result<(), TrustError> {
        self.refuse(|set| set.platform(rule))
    }

    /// Whether a rule or an issuer is disabled: then the identifiers that rules gave are to be looked at.
    pub(super) fn names_platforms(&self) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).names_platforms()
    }

    /// Reads the file again and puts it in force, however lately that was done. Blocks.
    pub(super) fn reload(&self) {
        self.with_file(|path, seen| {
            let stamp = Stamp::of(path);
            self.read(path, seen, |_, new| new);
            *seen = Seen { stamp, is_done: true, fault: seen.fault.take() };
        });
    }

    /// Looks whether the file has changed, and puts what it says in force: what it adds at once, what it takes away when the
    /// file looks the same once more, for it may be half written. Blocks.
    pub(super) fn look(&self) {
        self.with_file(|path, seen| {
            let stamp = Stamp::of(path);
            let is_still = stamp == seen.stamp;
            if is_still && seen.is_done {
                return;
            }
            self.read(path, seen, |old, new| if is_still { new } else { new.with(old) });
            seen.stamp = stamp;
            seen.is_done = is_still;
        });
    }

    fn with_file(&self, look: impl FnOnce(&Path, &mut Seen)) {
        if let Some((path, seen)) = &self.file {
            look(path, &mut seen.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Puts what `merge` makes of what is in force and what the file says in force. A file that is wrong changes nothing.
    fn read(&self, path: &Path, seen: &mut Seen, merge: impl FnOnce(&Set, Set) -> Set) {
        match read_tombstones(path) {
            Ok(tombstones) => {
                let old = self.current();
                let new = merge(&old, Set::new(tombstones));
                if seen.fault.take().is_some() || new != *old {
                    tracing::info!(file = %path.display(), entries = new.tombstones().len(), "the list of the disabled is read");
                }
                *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            }
            Err(cause) => {
                let cause = cause.to_string();
                if seen.fault.as_deref() != Some(&cause) {
                    tracing::error!(%cause, "the list of the disabled could not be read; the last good one stays in force");
                }
                seen.fault = Some(cause);
            }
        }
    }

    fn refuse(&self, find: impl FnOnce(&Set) -> Option<&Arc<Tombstone>>) -> Result<(), TrustError> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        find(&set).map_or(Ok(()), |tombstone| Err(TrustError::Disabled(Arc::clone(tombstone))))
    }

    pub(super) fn current(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }
}
