//! What the client sends, believes and retries.

mod call;
mod exchange;
mod handover;
mod judge;
mod mutual_tls;
mod resource;
mod response;
mod server;
mod tls;
mod wit;
mod workload;
mod workload_server;
