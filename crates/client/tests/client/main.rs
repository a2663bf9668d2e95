//! What the client sends, believes and retries.

#[cfg(feature = "reqwest")]
mod call;
mod exchange;
mod judge;
#[cfg(feature = "reqwest")]
mod server;
