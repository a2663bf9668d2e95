//! Certificates of our own that the Workload API gives us.

use std::collections::HashMap;
use std::time::Duration;

use super::settings;
use crate::config::{Config, ConfigError, IdentityConfig, MtlsConfig, TlsConfig};
use crate::trust::{IdentityWatch, Now, follow_identity};

/// How long a start waits for the first certificate. Without one the service starts too, and handshakes fail until it comes.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// The identities of the listeners that have theirs from the Workload API.
#[derive(Clone, Debug, Default)]
pub struct ListenerIdentities {
    /// Of the public listener.
    pub public: Option<IdentityWatch>,
    /// Of the listener that requires client certificates.
    pub mtls: Option<IdentityWatch>,
}

impl ListenerIdentities {
    /// Begins to follow them, one stream for each server.
    pub(super) fn follow(config: &Config, now: &Now) -> Result<Self, ConfigError> {
        let mut servers = HashMap::new();
        let mut follow = |key: &str, identity: Option<IdentityConfig<'_>>| -> Result<Option<IdentityWatch>, ConfigError> {
            let Some(IdentityConfig::WorkloadApi(address)) = identity else { return Ok(None) };
            let endpoint = settings::workload_api(key, address)?;
            let watch = servers.entry(endpoint.clone()).or_insert_with(|| follow_identity(&endpoint, Now::clone(now)));
            Ok(Some(watch.clone()))
        };
        let public = config.server.tls.as_ref().map(TlsConfig::identity).transpose()?;
        let mtls = config.mtls.as_ref().map(MtlsConfig::identity).transpose()?;
        Ok(Self { public: follow("server.tls.workload_api", public)?, mtls: follow("mtls.workload_api", mtls)? })
    }

    /// Waits for the first of each, for a moment.
    pub(super) async fn begun(&self) {
        let first = async {
            for watch in self.all() {
                // Fails if nobody brings one any more: then there is nothing to wait for.
                let _ = watch.clone().wait_for(Option::is_some).await;
            }
        };
        if tokio::time::timeout(FIRST_ANSWER, first).await.is_err() {
            tracing::warn!("the Workload API gave no certificate yet; handshakes fail until it does");
        }
    }

    /// Whether each has a certificate to show.
    pub(super) fn are_here(&self) -> bool {
        self.all().all(|watch| watch.borrow().is_some())
    }

    fn all(&self) -> impl Iterator<Item = &IdentityWatch> {
        self.public.iter().chain(&self.mtls)
    }
}
