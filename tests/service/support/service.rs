//! A service that runs, in a process of its own that ends with the test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Agent, Answer, Form, procura};

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
    base: String,
    http: reqwest::Client,
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

    /// The development world in `dir`, on a port that its issuer names too.
    pub(crate) fn develop(dir: &Path) -> Self {
        // The port found free may be taken by another before the service has it: then the next one.
        let attempt = |_| {
            let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            Self::launch(procura(&["dev", "--listen", &address, "--dir"]).arg(dir)).listening()
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
        Self { process, log, base: String::new(), http: http_client() }
    }

    /// Waits until it says where it listens; `None` if it ends instead.
    fn listening(mut self) -> Option<Self> {
        let line = self.find("serving address=")?;
        let address = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
        self.base = format!("http://{address}");
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

    /// Where it listens, such as `http://127.0.0.1:4711`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Speaks to it by another client and under another name.
    pub(crate) fn reached_by(mut self, http: reqwest::Client, base: &str) -> Self {
        (self.http, self.base) = (http, self.base.replace("http://127.0.0.1", base));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(self.url(path))).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path))
    }

    /// One presentation of `proof` with `form`.
    pub(crate) async fn post(&self, proof: &str, form: &Form) -> Answer {
        Answer::of(self.presentation(proof, form)).await
    }

    pub(crate) fn presentation(&self, proof: &str, form: &Form) -> reqwest::RequestBuilder {
        let request = self.request("POST", "/token").header("DPoP", proof);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.encode())
    }

    /// The nonce of the moment: learnt as everyone does, by a request without one.
    pub(crate) async fn nonce(&self, agent: &Agent, form: &Form) -> String {
        let answer = self.post(&agent.proof(None), form).await;
        answer.header("dpop-nonce").unwrap_or_else(|| panic!("no nonce: {answer:?}")).to_owned()
    }

    /// Sends `form` with a proof, and, asked for a nonce, once more.
    pub(crate) async fn exchange(&self, agent: &Agent, form: &Form) -> Answer {
        let first = self.post(&agent.proof(None), form).await;
        if first.text.contains("use_dpop_nonce") {
            return self.post(&agent.proof(first.header("dpop-nonce")), form).await;
        }
        first
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
