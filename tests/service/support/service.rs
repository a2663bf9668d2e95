//! A service that runs, in a process of its own that ends with the test.

use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Door, procura};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

pub(crate) struct Service {
    process: Child,
    log: Arc<Log>,
    door: Door,
}

impl Service {
    /// Starts `procura serve` and waits until it says where it listens.
    pub(crate) fn start(config: &Path) -> Self {
        Self::spawn(procura(&["serve", "--config"]).arg(config))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let service = Self::launch(command);
        let log = Arc::clone(&service.log);
        service.listening().unwrap_or_else(|| panic!("it did not start:\n{}", log.text.lock().unwrap()))
    }

    /// The development world in `dir`, on a port that its issuer names too, started with `more` arguments.
    pub(crate) fn develop(dir: &Path, more: &[&str]) -> Self {
        // The port found free may be taken by another before the service has it: then the next one.
        let attempt = |_| {
            let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            Self::launch(procura(&["dev", "--listen", &address]).args(more).arg("--dir").arg(dir)).listening()
        };
        (0..5).find_map(attempt).unwrap()
    }

    fn launch(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (log, stderr) = (Arc::new(Log::default()), process.stderr.take().unwrap());
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    *log.text.lock().unwrap() += &format!("{line}\n");
                    log.grown.notify_all();
                }
                // The end of the log wakes up whoever still waits for a line.
                *log.text.lock().unwrap() += "END\n";
                log.grown.notify_all();
            }
        });
        Self { process, log, door: Door::new(http_client(), "") }
    }

    /// Waits until it says where it listens; `None` if it ends instead.
    fn listening(mut self) -> Option<Self> {
        let line = self.find("serving address=")?;
        let address = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
        self.door = Door::new(http_client(), &format!("http://{address}"));
        Some(self)
    }

    /// Waits for a line of the log that holds `text`, and returns it.
    pub(crate) fn logged(&self, text: &str) -> String {
        self.find(text).unwrap_or_else(|| panic!("`{text}` was never logged:\n{}", self.log()))
    }

    fn find(&self, text: &str) -> Option<String> {
        let line = |log: &str| log.lines().find(|line| line.contains(text)).map(str::to_owned);
        let log = self.log.text.lock().unwrap();
        let waiting = |log: &mut String| line(log).is_none() && !log.ends_with("END\n");
        let (log, _) = self.log.grown.wait_timeout_while(log, PATIENCE, waiting).unwrap();
        line(&log)
    }

    pub(crate) fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Speaks to it by another client and under another name.
    pub(crate) fn reached_by(mut self, http: reqwest::Client, base: &str) -> Self {
        self.door = Door::new(http, &self.door.url("").replace("http://127.0.0.1", base));
        self
    }

    /// The listener that the log announces by `line`, reached by `http` under the name `base`.
    pub(crate) fn door(&self, line: &str, base: &str, http: reqwest::Client) -> Door {
        let line = self.logged(line);
        let port = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().rsplit(':').next().unwrap();
        Door::new(http, &format!("{base}:{port}"))
    }

    /// Sends a signal such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

/// Its public listener.
impl Deref for Service {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing here may panic: the test may be panicking already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking()
            && let Ok(log) = self.log.text.lock()
        {
            let from = log.len().saturating_sub(8_000);
            eprintln!("the last of the service's log:\n{}", log.get(from..).unwrap_or(&log));
        }
    }
}

/// A client that goes straight to where it is sent.
fn http_client() -> reqwest::Client {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    http.build().unwrap()
}
