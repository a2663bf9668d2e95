//! Names become addresses, of which only those remain that may be connected to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::PrivateAddresses;

/// The resolver of this machine.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        #[cfg(test)]
        if let Some(address) = STAND_INS.with_borrow(|known| known.get(name.as_str()).copied()) {
            return Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) });
        }
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
thread_local! {
    /// Servers of this machine that stand in for hosts of others, for the tests of one thread.
    static STAND_INS: std::cell::RefCell<std::collections::HashMap<String, SocketAddr>> = std::cell::RefCell::default();
}

/// From now on `address` is where this thread finds `host`, port included.
#[cfg(test)]
pub(in crate::trust) fn stand_in(host: &str, address: SocketAddr) {
    STAND_INS.with_borrow_mut(|known| known.insert(host.to_owned(), address));
}

/// Leaves out addresses that may not be connected to. What is left is connected to as it is, without another look-up, so that
/// a name cannot change its meaning between verdict and connection.
pub(super) struct Guarded {
    names: Arc<dyn Resolve>,
    private: PrivateAddresses,
}

/// The name has no address that may be connected to.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its address is not a public one, and `private_addresses` does not name it")]
pub(super) struct NotPermitted;

impl Guarded {
    pub(super) fn new(private: PrivateAddresses) -> Self {
        Self::over(Arc::new(System), private)
    }

    /// Guards what `names` says.
    pub(super) fn over(names: Arc<dyn Resolve>, private: PrivateAddresses) -> Self {
        Self { names, private }
    }

    pub(super) const fn private(&self) -> &PrivateAddresses {
        &self.private
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        // `localhost` is this machine, whatever a resolver says (RFC 6761 section 6.3).
        let must_be_local = matches!(name.as_str(), "localhost" | "localhost.");
        let (found, private) = (self.names.resolve(name), self.private.clone());
        Box::pin(async move {
            let permitted = |address: &SocketAddr| {
                let is_local = address.ip().to_canonical().is_loopback();
                private.permit(address.ip()) && (is_local || !must_be_local)
            };
            let mut found = found.await?.peekable();
            if found.peek().is_none() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            let permitted: Vec<SocketAddr> = found.filter(permitted).collect();
            if permitted.is_empty() { Err(NotPermitted.into()) } else { Ok(Box::new(permitted.into_iter()) as Addrs) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever name it is asked for has these addresses.
    struct Always(&'static [&'static str]);

    impl Resolve for Always {
        fn resolve(&self, _: Name) -> Resolving {
            let found: Vec<SocketAddr> = self.0.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
        }
    }

    async fn left(name: &str, found: &'static [&'static str], private: &[&str]) -> Option<Vec<String>> {
        let private = private.iter().map(|range| range.parse().unwrap()).collect();
        let left = Guarded { names: Arc::new(Always(found)), private }.resolve(name.parse().unwrap()).await;
        match left {
            Ok(left) => Some(left.map(|address| address.ip().to_string()).collect()),
            Err(cause) => {
                assert!(cause.downcast_ref::<NotPermitted>().is_some() || found.is_empty(), "{cause}");
                None
            }
        }
    }

    /// F34.
    #[tokio::test]
    async fn a_name_leads_to_permitted_addresses_only() {
        let mixed = &["169.254.169.254", "8.8.8.8", "10.0.0.1", "::1"];
        assert_eq!(left("idp.example", mixed, &[]).await, Some(vec!["8.8.8.8".to_owned()]));
        assert_eq!(left("idp.example", mixed, &["10.0.0.0/8"]).await.unwrap(), ["8.8.8.8", "10.0.0.1"]);
        assert_eq!(left("idp.example", &["169.254.169.254", "::ffff:127.0.0.1"], &[]).await, None);
        assert_eq!(left("idp.example", &[], &[]).await, None);
    }

    #[tokio::test]
    async fn localhost_does_not_leave_this_machine() {
        let found = &["8.8.8.8", "127.0.0.1"];
        assert_eq!(left("localhost", found, &["127.0.0.0/8"]).await.unwrap(), ["127.0.0.1"]);
        assert_eq!(left("localhost", found, &[]).await, None);
    }
}
