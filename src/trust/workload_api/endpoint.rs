//! Where a Workload API is served.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// The address of a Workload API: `unix:///absolute/path` or `tcp://IP:port` (SPIFFE Workload Endpoint section 4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadApiEndpoint(Address);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// The path of a socket, absolute.
    Unix(String),
    /// An address and a port that is not zero.
    Tcp(SocketAddr),
}

/// Not the address of a Workload API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a Workload API")]
pub struct WorkloadApiEndpointError;

impl WorkloadApiEndpoint {
    pub(super) const fn address(&self) -> &Address {
        &self.0
    }
}

/// Nothing beside path, or beside address and port: no user, host, query or fragment, and no percent-encoding.
impl FromStr for WorkloadApiEndpoint {
    type Err = WorkloadApiEndpointError;

    fn from_str(text: &str) -> Result<Self, WorkloadApiEndpointError> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_path = path.starts_with('/') && path.len() > 1 && !path.starts_with("//");
            let is_plain = !path.contains(['%', '?', '#', '\0']);
            return if is_path && is_plain { Ok(Self(Address::Unix(path.to_owned()))) } else { Err(WorkloadApiEndpointError) };
        }
        let address = text.strip_prefix("tcp://").and_then(|address| address.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.port() != 0 => Ok(Self(Address::Tcp(address))),
            _ => Err(WorkloadApiEndpointError),
        }
    }
}

impl fmt::Display for WorkloadApiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Unix(path) => write!(f, "unix://{path}"),
            Address::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WEP-03.
    #[test]
    fn an_address_is_a_path_or_an_ip_with_a_port_and_nothing_else() {
        for good in ["unix:///run/spire/agent.sock", "tcp://127.0.0.1:8081", "tcp://[::1]:8081"] {
            assert_eq!(good.parse::<WorkloadApiEndpoint>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "/run/spire/agent.sock",
            "unix:run/agent.sock",
            "unix://",
            "unix:///",
            "unix://x/y",
            "unix:////x",
            "unix:///x?y",
            "unix:///x#y",
            "unix:///x%20y",
            "unix://user@/x",
            "tcp://",
            "tcp://localhost:8081",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:0",
            "tcp://127.0.0.1:8081/",
            "tcp://127.0.0.1:8081/foo",
            "tcp://user@127.0.0.1:8081",
            "tcp://127.0.0.1:8081?x",
            "http://127.0.0.1:8081",
            "UNIX:///x",
        ] {
            assert_eq!(bad.parse::<WorkloadApiEndpoint>(), Err(WorkloadApiEndpointError), "{bad}");
        }
    }
}
