//! What the guard lets through and what it refuses, with tokens made as the issuer and the agent make them.

mod certificate;
mod keys;
mod layer;
mod refusal;
mod world;
mod wpt;
