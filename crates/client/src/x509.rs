//! X.509-SVIDs: the agent's own, and those of servers that are known by who they are.

mod held;
mod server;
mod source;

pub(crate) use held::Identity;
pub use server::WorkloadServer;
pub(crate) use source::AnyX509SvidSource;
pub use source::{X509SvidFiles, X509SvidPem, X509SvidSource};
