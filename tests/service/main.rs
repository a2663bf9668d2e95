//! The service as others meet it: the real program in its own process, over real sockets, TLS, files and Redis.

#[path = "../support/redis.rs"]
mod redis;
mod support;

mod access_token;
mod admin;
mod approval;
mod audit;
mod autonomous;
mod chain;
mod cloud;
mod command;
mod delegation;
mod delegations;
mod details;
mod develop;
mod disabled;
mod exchange;
mod federation;
mod identity;
mod introspection;
mod issuer;
mod load;
mod model;
mod mtls;
mod outage;
mod platform;
mod policy;
mod posture;
mod profile;
mod proof;
mod proxy;
mod replay;
mod request;
mod signal;
mod start;
mod tls;
mod tpm;
mod trust;
mod wit;
mod workload_api;
