//! The processes under measurement: started, watched through `/proc`, and stopped on drop.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::{AddAssign, Sub};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::client::Stopwatch;

/// Processor time of a process, of all its threads.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cpu {
    user: Duration,
    pub(crate) system: Duration,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }
}

impl AddAssign for Cpu {
    fn add_assign(&mut self, more: Self) {
        self.user += more.user;
        self.system += more.system;
    }
}

impl Cpu {
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

struct Process(Child);

impl Process {
    /// Fields 14 and 15 of `/proc/<pid>/stat`, in hundredths of a second (`USER_HZ` is 100 on every architecture).
    fn cpu(&self) -> Cpu {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: Vec<u64> = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse().unwrap()).collect();
        Cpu { user: Duration::from_millis(ticks[0] * 10), system: Duration::from_millis(ticks[1] * 10) }
    }

    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `procura dev`.
pub(crate) struct Server {
    process: Process,
    pub(crate) program: &'static str,
    pub(crate) address: SocketAddr,
    /// Where it speaks mutual TLS.
    pub(crate) mtls: SocketAddr,
    /// From its start to the first 200 of `/readyz`.
    pub(crate) ready: Duration,
}

impl Server {
    pub(crate) fn start(program: &'static str, directory: &Path, redis: Option<&str>) -> Self {
        let (address, mtls) = (free_address(), free_address());
        let log = File::create(directory.join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("dev").arg("--dir").arg(directory).args(["--listen", &address.to_string()]);
        command.args(["--mtls", &mtls.to_string()]);
        command.args(redis.into_iter().flat_map(|url| ["--redis", url]));
        let clock = Stopwatch::start();
        let process = Process(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let is_ready =
            || ask(address, "GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").starts_with("HTTP/1.1 200");
        wait_for(is_ready);
        Self { process, program, address, mtls, ready: clock.elapsed() }
    }

    pub(crate) fn cpu(&self) -> Cpu {
        self.process.cpu()
    }

    /// Bytes of memory that are not swapped out.
    pub(crate) fn resident(&self) -> u64 {
        self.process.resident()
    }
}

/// `redis-server` with nothing on disk.
pub(crate) struct Redis {
    process: Process,
    address: SocketAddr,
}

impl Redis {
    pub(crate) fn start(directory: &Path) -> Self {
        let address = free_address();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "no", "--dir"]);
        let process = command.arg(directory).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = Process(process.expect("`redis-server` is on the PATH (Debian and Ubuntu: apt-get install redis-server)"));
        wait_for(|| ask(address, "PING\r\nQUIT\r\n").starts_with("+PONG"));
        Self { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn cpu(&self) -> Cpu {
        self.process.cpu()
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The answer to `question`, or nothing.
fn ask(address: SocketAddr, question: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let _ = stream.write_all(question.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    }
    answer
}

fn wait_for(mut happened: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if happened() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("a process did not come to answer");
}

/// Processor and cores of this machine.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |(_, name)| name);
    format!("{model}, {} cores", std::thread::available_parallelism().map_or(1, usize::from))
}

/// The commit measured, with a `+` when files differ from it.
pub(crate) fn commit() -> String {
    let commit = Command::new("git").args(["describe", "--always", "--dirty=+"]).output();
    commit.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
