//! What the guard lets through and what it refuses, with tokens made as the issuer and the agent make them.

mod acting;
mod builder;
mod certificate;
mod dpop;
mod hostile;
mod keys;
mod layer;
mod refusal;
mod server;
mod signature;
mod world;
mod wpt;
