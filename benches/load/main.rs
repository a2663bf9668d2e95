//! What an exchange costs the server: `cargo bench -p procura --bench load`.
//!
//! Starts the `procura` program with a development world, once with its memory store and once with a `redis-server` of its
//! own, sends signed exchanges over keep-alive connections, and compares the server's processor time with the floor: one
//! ES256 verification and one ES256 signature, measured in turns with the load. Nothing is asserted; everything started is
//! stopped.
//!
//! The same requests under a wrong media type, which are received and refused, show what HTTP costs by itself.
//!
//! It does so for callers with DPoP proofs, and for callers with X.509-SVIDs over mutual TLS, where the connection is the proof
//! and the floor is the one signature; over HTTP/1.1, and over HTTP/2 with the same number of requests at once.
//!
//! The user's token, the SVID and the key of the proofs are the same in all requests, so that they are verified or made ready
//! once and then known.

#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise has failed")]

mod client;
mod floor;
mod process;

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Parser as _;

use client::{Clients, Load, Protocol, Proving, Requests, Work};
use floor::Floor;
use process::{Cpu, Redis, Server};

/// How often load and floor take turns.
const TURNS: usize = 8;

#[derive(clap::Parser)]
struct Arguments {
    /// Exchanges measured
    #[arg(long, default_value = "20000")]
    exchanges: NonZeroUsize,
    /// Exchanges before that, to warm up
    #[arg(long, default_value_t = 2_000)]
    warm_up: usize,
    /// Requests at once: each on a connection of its own over HTTP/1.1
    #[arg(long, default_value = "64")]
    at_once: NonZeroUsize,
    /// Requests at once on each connection over HTTP/2
    #[arg(long, default_value = "16")]
    streams: NonZeroUsize,
    /// Scopes of the calendar to ask for
    #[arg(long, default_value = "calendar.read calendar.write")]
    scope: String,
    /// Only `memory` or only `redis`
    #[arg(long, value_parser = ["memory", "redis"])]
    store: Option<String>,
    /// Only `dpop` or only `mtls`
    #[arg(long, value_parser = ["dpop", "mtls"])]
    proving: Option<String>,
    /// Only `1` or only `2`
    #[arg(long, value_parser = ["1", "2"])]
    http: Option<String>,
    /// Cargo says this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was learnt of one store.
struct Report {
    store: &'static str,
    proving: Proving,
    protocol: Protocol,
    load: Load,
    server: Cpu,
    received: Cpu,
    redis: Option<Duration>,
    floor: Floor,
    ready: [Duration; 2],
    resident: [u64; 2],
}

fn main() {
    let arguments = Arguments::parse();
    println!("{}, commit {}", process::machine(), process::commit());
    let command: Vec<String> = std::env::args().skip(1).collect();
    println!("cargo bench -p procura --bench load -- {}\n", command.join(" "));
    let is_wanted = |only: &Option<String>, name: &str| only.as_deref().is_none_or(|only| only == name);
    for store in ["memory", "redis"].into_iter().filter(|store| is_wanted(&arguments.store, store)) {
        for (name, proving) in [("dpop", Proving::Dpop), ("mtls", Proving::MutualTls)] {
            for (version, protocol) in [("1", Protocol::Http1), ("2", Protocol::Http2(arguments.streams))] {
                if is_wanted(&arguments.proving, name) && is_wanted(&arguments.http, version) {
                    measure(store, proving, protocol, &arguments).print(arguments.exchanges.get());
                }
            }
        }
    }
}

fn measure(store: &'static str, proving: Proving, protocol: Protocol, arguments: &Arguments) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let redis = (store == "redis").then(|| Redis::start(directory.path()));
    let url = redis.as_ref().map(Redis::url);
    let start = || Server::start(env!("CARGO_BIN_EXE_procura"), directory.path(), url.as_deref());
    // The first start makes the world, with its keys and certificates; the second finds it.
    let first = start().ready;
    let server = start();
    let resident = server.resident();
    let (warm_up, exchanges) = (arguments.warm_up, arguments.exchanges.get());
    let requests = Requests::sign(proving, &server, directory.path(), &arguments.scope, warm_up + exchanges);
    let mut clients = Clients::connect(requests, protocol, arguments.at_once.get());
    clients.send(0..warm_up, Work::Exchange);
    let redis_before = redis.as_ref().map(Redis::cpu);
    // In turns, for a machine is not equally fast all the time. While the floor is measured the server has nothing to do.
    let (mut load, mut floors) = (Load::default(), vec![floor::measure()]);
    let (mut busy, mut received) = (Cpu::default(), Cpu::default());
    for turn in 0..TURNS {
        let numbers = warm_up + exchanges * turn / TURNS..warm_up + exchanges * (turn + 1) / TURNS;
        let before = server.cpu();
        load.add(clients.send(numbers.clone(), Work::Exchange));
        let between = server.cpu();
        load.unexpected += clients.send(numbers, Work::Receive).unexpected;
        busy += between - before;
        received += server.cpu() - between;
        floors.push(floor::measure());
    }
    let redis_after = redis.as_ref().map(Redis::cpu);
    Report {
        store,
        proving,
        protocol,
        load,
        server: busy,
        received,
        redis: redis_after.zip(redis_before).map(|(after, before)| after.total() - before.total()),
        floor: Floor::mean(&floors),
        ready: [first, server.ready],
        resident: [resident, server.resident()],
    }
}

impl Report {
    fn print(mut self, exchanges: usize) {
        let each = |total: Duration| total.as_secs_f64() * 1e6 / exchanges as f64;
        let line = |name: &str, value: String| println!("  {name:<44}{value:>12}");
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let micros = |micros: f64| format!("{micros:.1} µs");
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let percentiles = [0.50, 0.99].map(|part| millis(self.load.percentile(part)));
        let load = &self.load;
        let (proved_by, floor, named) = match self.proving {
            Proving::Dpop => ("a DPoP proof each", self.floor.raw, "floor: one ES256 verify and one sign"),
            Proving::MutualTls => ("kept mutual TLS connections", self.floor.sign, "floor: one ES256 sign"),
        };
        let version = if self.protocol == Protocol::Http1 { "1.1" } else { "2" };
        println!("{} store, {proved_by}, HTTP/{version}", self.store);
        line("exchanges per second", format!("{:.0}", exchanges as f64 / load.elapsed.as_secs_f64()));
        for (name, value) in ["latency, median", "latency, 99 %"].into_iter().zip(percentiles) {
            line(name, value);
        }
        line("answers that were not expected", load.unexpected.to_string());
        line("server CPU per exchange", micros(each(self.server.total())));
        line("  of that in the kernel", micros(each(self.server.system)));
        line("server CPU to receive it and refuse", micros(each(self.received.total())));
        if let Some(redis) = self.redis {
            line("redis CPU per exchange", micros(each(redis)));
        }
        line(named, micros(floor));
        line("server CPU / floor", format!("{:.2}", each(self.server.total()) / floor));
        line("  to receive and refuse / floor", format!("{:.2}", each(self.received.total()) / floor));
        line("procura-token: proof verified, token signed", micros(self.floor.token));
        line("start to ready, making the world", millis(self.ready[0]));
        line("start to ready", millis(self.ready[1]));
        line("resident memory, idle", mib(self.resident[0]));
        line("resident memory, after the load", mib(self.resident[1]));
        println!();
    }
}
