//! A trust domain and the keys that vouch for its workloads.

use std::path::PathBuf;
use std::sync::Arc;

use procura_token::{Bundle, KeySet, TrustDomain, UnixTime, WorkloadId};

use super::keys::{KeySource, KeyStore, Keys};
use super::{PathPattern, TrustError};

/// What to know of a trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomainSettings {
    /// Its name.
    pub name: TrustDomain,
    /// Where its SPIFFE bundle comes from.
    pub bundle: BundleSource,
    /// Which of its workloads may call.
    pub clients: Vec<PathPattern>,
    /// Whether we issue WITs for its workloads.
    pub issue_wit: bool,
}

/// Where the bundle of a trust domain comes from. Always configuration, never what a workload says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BundleSource {
    /// A file.
    File(PathBuf),
    /// Nowhere: its workloads have no SVIDs and are known otherwise.
    None,
}

/// A trust domain we believe.
#[derive(Debug)]
pub struct TrustedDomain {
    clients: Vec<PathPattern>,
    issue_wit: bool,
    keys: KeyStore<Bundle>,
}

impl TrustedDomain {
    pub(super) async fn open(settings: &TrustDomainSettings, own_wit_keys: &KeySet, now: UnixTime) -> Result<Self, TrustError> {
        let source = match &settings.bundle {
            BundleSource::File(path) => KeySource::File(path.clone()),
            BundleSource::None => KeySource::Own,
        };
        let wit = if settings.issue_wit { own_wit_keys.clone() } else { KeySet::default() };
        let own = Bundle { wit, ..Bundle::default() };
        let keys = KeyStore::new(format!("trust domain {}", settings.name), source, own, now).open(now).await?;
        Ok(Self { clients: settings.clients.clone(), issue_wit: settings.issue_wit, keys })
    }

    /// Whether the workload, one of this trust domain, may call at all.
    pub fn admits(&self, id: &WorkloadId) -> bool {
        self.clients.iter().any(|pattern| pattern.covers(id))
    }

    /// Whether we issue WITs for its workloads.
    pub const fn issues_wit(&self) -> bool {
        self.issue_wit
    }

    /// Its bundle, to judge a credential seen before.
    pub(super) async fn bundle(&self, now: UnixTime) -> Result<Arc<Keys<Bundle>>, TrustError> {
        self.keys.get(|_| true, now).await
    }

    /// Its bundle, to judge a JWT-SVID whose header says `key_id`.
    pub(super) async fn jwt_bundle(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys<Bundle>>, TrustError> {
        self.keys.get(|bundle| bundle.jwt.knows(key_id), now).await
    }

    /// Its bundle, to judge a WIT whose header says `key_id`.
    pub(super) async fn wit_bundle(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys<Bundle>>, TrustError> {
        self.keys.get(|bundle| bundle.wit.knows(key_id), now).await
    }

    /// Its bundle, read again unless that was done a moment ago: for a certificate that none of its authorities issued.
    pub(super) async fn newer_bundle(&self, now: UnixTime) -> Result<Arc<Keys<Bundle>>, TrustError> {
        self.keys.refresh(now).await
    }

    pub(super) fn measure(&self, now: UnixTime) {
        self.keys.measure(now);
    }
}
