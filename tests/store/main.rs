//! What every store promises, and what becomes of it when Redis fails: memory, and real Redis servers, Sentinels, clusters.

#[path = "../support/redis.rs"]
mod redis;
mod support;

mod cluster;
mod contract;
mod epoch;
mod memory;
mod outage;
mod sentinel;
mod single;
mod tls;
