//! X.509-SVIDs: chains made with rcgen, judged through the public API. Ids in comments are rows of
//! `spec-conformance/requirements.toml`.

mod bundle;
mod leaf;
mod mutation;
mod path;
mod peer;
mod pki;
#[path = "../support/sample.rs"]
mod sample;
mod vector;
