//! A file of lines that is whole up to its last durable byte.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

/// What a journal needs of a file.
pub(super) trait Medium {
    /// Writes all of `bytes` at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts everything behind `length`.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Appends groups of lines: each is on the disk whole, or cut off again.
pub(super) struct Journal<M> {
    medium: M,
    durable: u64,
    torn: bool,
}

impl<M: Medium> Journal<M> {
    pub(super) fn new(medium: M, durable: u64) -> Self {
        Self { medium, durable, torn: false }
    }

    /// Makes `group` durable. After a failure nothing is appended until what may be left of it has been cut off.
    pub(super) fn append(&mut self, group: &[u8]) -> io::Result<()> {
        self.mend()?;
        if let Err(error) = self.medium.append(group).and_then(|()| self.medium.sync()) {
            self.torn = true;
            // At once, so that a crash does not keep what nobody was told is kept; if it fails, before the next group.
            let _ = self.mend();
            return Err(error);
        }
        self.durable += group.len() as u64;
        Ok(())
    }

    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.medium.truncate(self.durable)?;
            self.medium.sync()?;
            self.torn = false;
        }
        Ok(())
    }
}

/// Opens the file for this process alone, or creates it for its owner alone, and closes a last line left torn. Says when the
/// file was written last, unless it is empty.
pub(super) fn open(path: &Path) -> io::Result<(Journal<File>, Option<SystemTime>)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    let (file, created) = match options.clone().create_new(true).open(path) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (options.open(path)?, false),
        Err(error) => return Err(error),
    };
    // Two writers would cut off one another's lines.
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process writes it")),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if created {
        file.sync_all()?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
    }
    let about = file.metadata()?;
    let written = if about.len() == 0 { None } else { Some(about.modified()?) };
    let length = close_last_line(&file, path)?;
    Ok((Journal::new(file, length), written))
}

/// Ends an unfinished last line, which a crash may leave, with a newline. It is kept: it may be all there is of an event.
fn close_last_line(mut file: &File, path: &Path) -> io::Result<u64> {
    let about = file.metadata()?;
    if !about.is_file() || about.len() == 0 {
        return Ok(0);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(about.len());
    }
    file.write_all(b"\n")?;
    file.sync_data()?;
    tracing::warn!(path = %path.display(), length = about.len(), "the last line of the audit log was torn; kept and closed");
    Ok(about.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that takes `room` bytes, and cuts only when it may.
    #[derive(Default)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        sync_fails: bool,
        truncate_fails: bool,
    }

    impl Medium for &mut Disk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = bytes.len().min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.sync_fails { Err(io::Error::other("sync")) } else { Ok(()) }
        }

        fn truncate(&mut self, length: u64) -> io::Result<()> {
            if self.truncate_fails {
                return Err(io::Error::other("truncate"));
            }
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    fn journal(disk: &mut Disk) -> Journal<&mut Disk> {
        Journal::new(disk, 0)
    }

    #[test]
    fn a_write_cut_short_leaves_nothing_behind() {
        let mut disk = Disk { room: 8, ..Disk::default() };
        let mut journal = journal(&mut disk);
        journal.append(b"one\n").unwrap();
        assert!(journal.append(b"two and more\n").is_err());
        journal.append(b"two\n").unwrap();
        assert_eq!(disk.bytes, b"one\ntwo\n");
    }

    #[test]
    fn a_failed_sync_leaves_nothing_behind() {
        let mut disk = Disk { room: 100, ..Disk::default() };
        let mut journal = journal(&mut disk);
        journal.append(b"one\n").unwrap();
        journal.medium.sync_fails = true;
        assert!(journal.append(b"two\n").is_err());
        assert!(journal.append(b"three\n").is_err());
        journal.medium.sync_fails = false;
        journal.append(b"four\n").unwrap();
        assert_eq!(disk.bytes, b"one\nfour\n");
    }

    #[test]
    fn nothing_is_appended_behind_a_torn_group_that_cannot_be_cut_off() {
        let mut disk = Disk { room: 6, truncate_fails: true, ..Disk::default() };
        let mut journal = journal(&mut disk);
        assert!(journal.append(b"one two\n").is_err());
        journal.medium.room = 100;
        assert!(journal.append(b"two\n").is_err());
        journal.medium.truncate_fails = false;
        journal.append(b"three\n").unwrap();
        assert_eq!(disk.bytes, b"three\n");
    }
}
