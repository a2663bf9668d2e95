//! What remembering costs: `cargo bench -p procura --bench store`.
//!
//! A million uses in memory and in a `redis-server` of its own: bytes for each, time and processor time for each, and how
//! long anybody waits while they all end at once. Nothing is asserted; everything started is stopped.

#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise has failed")]

mod memory;
mod meter;
#[expect(dead_code, reason = "tests do more to a server than a measurement does")]
#[path = "../../tests/support/redis.rs"]
mod redis;
mod shared;

use clap::Parser as _;

#[derive(clap::Parser)]
struct Arguments {
    /// Uses that are remembered at once
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// Claims under way at once, to Redis
    #[arg(long, default_value_t = 256)]
    concurrency: usize,
    /// Settings of `hz` in Redis to compare while the uses end
    #[arg(long, value_delimiter = ',', default_value = "10,100")]
    hz: Vec<String>,
    /// Only `memory` or only `redis`
    #[arg(long)]
    store: Option<String>,
    /// Cargo says this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    println!("cargo bench -p procura --bench store -- --entries {} --concurrency {}\n", arguments.entries, arguments.concurrency);
    let wanted = |store: &str| arguments.store.as_deref().is_none_or(|only| only == store);
    if wanted("memory") {
        memory::measure(arguments.entries);
    }
    if wanted("redis") {
        shared::measure(arguments.entries, arguments.concurrency, &arguments.hz);
    }
}

fn line(name: &str, value: &str) {
    println!("  {name:<58}{value:>14}");
}
