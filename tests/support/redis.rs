//! A real `redis-server` for one test: its own port of the loopback interface, its own directory, gone on drop.

use std::ffi::OsString;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use std::io::{Read, Write};

/// Its own port and directory; both stay the same over restarts.
pub(crate) struct RedisServer {
    port: u16,
    /// A file of settings, and arguments.
    options: Vec<OsString>,
    dir: tempfile::TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers. `options` are arguments of `redis-server`.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_with(None, options)
    }

    /// The same, with a file of settings, which it may change.
    pub(crate) fn start_with(file: Option<&Path>, options: &[&str]) -> Self {
        // The port found free may be taken by another before the server has it: then the next one.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let dir = tempfile::tempdir().unwrap();
            let options = file.map(OsString::from).into_iter().chain(options.iter().map(OsString::from)).collect();
            let mut server = Self { port, options, dir, process: None };
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server did not come to answer on any of 5 ports");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command and awaits its answer, for a server without TLS and password.
    pub(crate) fn ask<T: ::redis::FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The same, where the server may not answer.
    pub(crate) fn try_ask<T: ::redis::FromRedisValue>(&self, command: &[&str]) -> ::redis::RedisResult<T> {
        let patience = Duration::from_secs(8);
        let mut connection = ::redis::Client::open(self.url())?.get_connection_with_timeout(patience)?;
        connection.set_read_timeout(Some(patience))?;
        let mut cmd = ::redis::Cmd::new();
        command.iter().for_each(|word| _ = cmd.arg(word));
        cmd.query(&mut connection)
    }

    /// Ends the process without a farewell.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again on the same port, with what is in its directory.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.launch(), "redis-server did not come back on port {}", self.port);
    }

    /// Stops the process where it stands: connections stay open, nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process run on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn launch(&mut self) -> bool {
        // A file comes first; what is said later counts.
        let (file, options) = match self.options.split_first() {
            Some((first, rest)) if !first.to_string_lossy().starts_with('-') => (Some(first), rest),
            _ => (None, &*self.options),
        };
        let process = Command::new("redis-server")
            .args(file)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.dir.path())
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut process = process.unwrap_or_else(|error| {
            panic!("this test needs `redis-server` 7.0 or later on the PATH (Debian and Ubuntu: apt-get install redis-server): {error}")
        });
        for _ in 0..1000 {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            if self.answers() {
                self.process = Some(process);
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        false
    }

    /// Whether it answers a PING, be it by asking for a password.
    fn answers(&self) -> bool {
        let ping = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 7];
            stream.read_exact(&mut answer)?;
            Ok(&answer == b"+PONG\r\n" || &answer == b"-NOAUTH")
        };
        ping().unwrap_or(false)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Nothing here may panic: the test may be panicking already.
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
