//! The thread that owns the file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use procura_token::UnixTime;
use tokio::sync::oneshot;

use super::event::Event;
use super::journal::{self, Journal, Medium};
use super::line;

/// The most events that wait, and the most of one group.
const QUEUE: usize = 8192;
/// How long a group gathers when the one before it had more than one event: under load each sync and each wake-up then
/// serves many, and an event that comes alone waits for nobody.
const GATHER: Duration = Duration::from_millis(1);
/// The bytes of a usual line.
const LINE: usize = 2048;

/// Where the events go.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// The file, one JSON object a line. Created, readable by its owner alone, if it is not there; its directory must be.
    pub path: PathBuf,
}

/// Why an event is not on disk.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file cannot be opened, or another process writes it.
    #[error("the audit log `{}` cannot be opened: {cause}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: Arc<io::Error>,
    },
    /// The group of the event could not be written or synced, and was cut off again.
    #[error("the audit log cannot be written: {0}")]
    Write(#[source] Arc<io::Error>),
    /// Too many events wait for the disk.
    #[error("{QUEUE} events wait for the audit log")]
    Full,
    /// The thread that writes has ended.
    #[error("the audit log has stopped")]
    Stopped,
}

/// The durable log. Events that arrive while the disk is busy are made durable together, by one `fdatasync`.
///
/// Dropping it waits until what was queued is on disk.
///
/// # Not done
/// Rotation, a hash chain over the lines, and a deadline for a disk that neither succeeds nor fails.
#[derive(Debug)]
pub struct AuditLog {
    queue: Option<SyncSender<Waiting>>,
    thread: Option<JoinHandle<()>>,
    well: Arc<AtomicBool>,
    written: Option<UnixTime>,
}

#[derive(Debug)]
struct Waiting {
    line: Vec<u8>,
    answer: oneshot::Sender<Result<(), AuditError>>,
}

impl AuditLog {
    /// Opens the file and starts its thread. A last line that a crash left torn is kept and closed with a newline.
    ///
    /// # Errors
    /// [`AuditError::Open`].
    pub fn open(settings: &AuditSettings) -> Result<Self, AuditError> {
        let failed = |cause| AuditError::Open { path: settings.path.clone(), cause: Arc::new(cause) };
        let (journal, written) = journal::open(&settings.path).map_err(failed)?;
        // A time before 1970 is no time of ours: then everything counts as written just after its beginning.
        let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written = written.map(|time| UnixTime::new(since_epoch(time)));
        let (queue, waiting) = sync_channel(QUEUE);
        let well = Arc::new(AtomicBool::new(true));
        let noted = Arc::clone(&well);
        let thread = std::thread::Builder::new().name("audit".into()).spawn(move || write(journal, &waiting, &noted));
        Ok(Self { queue: Some(queue), thread: Some(thread.map_err(failed)?), well, written })
    }

    /// Whether the last attempt to write succeeded, or none was made yet.
    pub fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }

    /// When the log was written last before it was opened; `None` if it was new. No process that wrote it granted anything
    /// after that instant, since every answer waits for its event.
    pub const fn written_before(&self) -> Option<UnixTime> {
        self.written
    }

    /// Returns once `event` is on disk. An event once queued is written even if nobody waits for it any more.
    ///
    /// # Errors
    /// [`AuditError`]: the event is not durable, and what it allows must not happen.
    pub async fn record(&self, event: Event) -> Result<(), AuditError> {
        self.queue(&event)?.await.unwrap_or(Err(AuditError::Stopped))
    }

    /// The same for several, which wait for the disk together.
    ///
    /// # Errors
    /// [`AuditError`]: at least one is not durable.
    pub async fn record_all(&self, events: impl IntoIterator<Item = Event>) -> Result<(), AuditError> {
        let queued: Vec<_> = events.into_iter().map(|event| self.queue(&event)).collect();
        let mut outcome = Ok(());
        for event in queued {
            let durable = match event {
                Ok(durable) => durable.await.unwrap_or(Err(AuditError::Stopped)),
                Err(refused) => Err(refused),
            };
            outcome = outcome.and(durable);
        }
        outcome
    }

    fn queue(&self, event: &Event) -> Result<oneshot::Receiver<Result<(), AuditError>>, AuditError> {
        let (answer, durable) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(AuditError::Stopped)?;
        // Written here, so that the one thread has only the disk to wait for.
        let mut line = Vec::with_capacity(LINE);
        line::write(event, &mut line);
        queue.try_send(Waiting { line, answer }).map_err(|refused| match refused {
            TrySendError::Full(_) => AuditError::Full,
            TrySendError::Disconnected(_) => AuditError::Stopped,
        })?;
        Ok(durable)
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the audit thread panicked");
        }
    }
}

/// Writes group after group until the queue is empty and closed.
fn write<M: Medium>(mut journal: Journal<M>, waiting: &Receiver<Waiting>, well: &AtomicBool) {
    let mut lines = Vec::new();
    let mut answers = Vec::new();
    let mut is_busy = false;
    while let Ok(first) = waiting.recv() {
        if is_busy {
            std::thread::sleep(GATHER);
        }
        for Waiting { line, answer } in std::iter::once(first).chain(waiting.try_iter().take(QUEUE - 1)) {
            lines.extend_from_slice(&line);
            answers.push(answer);
        }
        is_busy = answers.len() > 1;
        let outcome = journal.append(&lines);
        let was_well = well.swap(outcome.is_ok(), Ordering::Relaxed);
        match &outcome {
            Err(error) if was_well => tracing::error!(%error, "the audit log cannot be written: nothing is issued"),
            Ok(()) if !was_well => tracing::info!("the audit log is written again"),
            _ => {}
        }
        let outcome = outcome.map_err(|cause| AuditError::Write(Arc::new(cause)));
        lines.clear();
        for answer in answers.drain(..) {
            // Who has gone does not need to know.
            let _ = answer.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventKind;
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    fn event() -> Event {
        Event::new(EventKind::TokenExchange, UnixTime::from_secs(1_770_000_000))
    }

    fn open(path: &Path) -> AuditLog {
        AuditLog::open(&AuditSettings { path: path.to_owned() }).unwrap()
    }

    fn ids(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with('\n'));
        let id = |line| serde_json::from_str::<Value>(line).unwrap()["event.id"].as_str().unwrap().to_owned();
        text.lines().map(id).collect()
    }

    #[tokio::test]
    async fn an_awaited_record_is_on_disk_as_one_line_that_only_its_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let log = open(&path);
        let event = event();
        log.record(event.clone()).await.unwrap();
        assert_eq!(ids(&path), [event.event_id.to_string()]);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_thousand_records_at_once_are_all_there_exactly_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let log = Arc::new(open(&path));
        let record = |event: Event| {
            let log = log.clone();
            tokio::spawn(async move { log.record(event).await })
        };
        let events: Vec<_> = (0..1000).map(|_| event()).collect();
        for recorded in events.iter().cloned().map(record).collect::<Vec<_>>() {
            recorded.await.unwrap().unwrap();
        }
        let expected: BTreeSet<_> = events.iter().map(|event| event.event_id.to_string()).collect();
        let found = ids(&path);
        assert_eq!(found.len(), 1000);
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_for_whoever_waits() {
        let log = open(Path::new("/dev/full"));
        for _ in 0..3 {
            assert!(matches!(log.record(event()).await, Err(AuditError::Write(_))));
        }
    }

    #[tokio::test]
    async fn a_log_opened_again_is_continued() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let (one, two) = (event(), event());
        for event in [&one, &two] {
            let log = open(&path);
            assert_eq!(log.written_before().is_some(), event == &two);
            log.record(event.clone()).await.unwrap();
        }
        assert_eq!(ids(&path), [one.event_id.to_string(), two.event_id.to_string()]);
    }

    #[tokio::test]
    async fn a_torn_last_line_is_kept_and_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        std::fs::write(&path, "{\"event.id\":\"whole\"}\n{\"event.id\":\"to").unwrap();
        let event = event();
        open(&path).record(event.clone()).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..2], ["{\"event.id\":\"whole\"}", "{\"event.id\":\"to"]);
        assert!(lines.len() == 3 && lines[2].contains(&event.event_id.to_string()), "{text}");
    }

    #[tokio::test]
    async fn a_record_nobody_waits_for_is_on_disk_when_the_log_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let log = open(&path);
        let event = event();
        let abandoned = tokio::time::timeout(std::time::Duration::ZERO, log.record(event.clone())).await;
        drop((abandoned, log));
        assert_eq!(ids(&path), [event.event_id.to_string()]);
    }

    #[test]
    fn a_second_writer_of_the_same_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let _log = open(&path);
        assert!(matches!(AuditLog::open(&AuditSettings { path }), Err(AuditError::Open { .. })));
    }

    #[tokio::test]
    async fn more_than_the_queue_holds_is_refused_at_once() {
        let (queue, _never_written) = sync_channel(1);
        let log = AuditLog { queue: Some(queue), thread: None, well: Arc::default(), written: None };
        let first = tokio::time::timeout(std::time::Duration::from_millis(1), log.record(event())).await;
        assert!(first.is_err());
        assert!(matches!(log.record(event()).await, Err(AuditError::Full)));
    }
}
