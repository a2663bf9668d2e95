//! A trust domain and the keys that vouch for its workloads.

use std::path::PathBuf;
use std::sync::Arc;

use procura_token::{KeySet, TrustDomain, UnixTime, WorkloadId, X509Authorities};

use super::keys::{KeySource, KeyStore, Keys, Material};
use super::{PathPattern, TrustError};

/// What to know of a trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomainSettings {
    /// Its name.
    pub name: TrustDomain,
    /// Its SPIFFE bundle.
    pub bundle_file: PathBuf,
    /// Which of its workloads may call.
    pub clients: Vec<PathPattern>,
    /// Whether we issue WITs for its workloads.
    pub issue_wit: bool,
}

/// A trust domain we believe.
#[derive(Debug)]
pub struct TrustedDomain {
    clients: Vec<PathPattern>,
    issue_wit: bool,
    jwt: KeyStore,
    wit: KeyStore,
    x509: KeyStore<X509Authorities>,
}

impl TrustedDomain {
    pub(super) async fn open(settings: &TrustDomainSettings, own_wit_keys: &KeySet, now: UnixTime) -> Result<Self, TrustError> {
        fn store<M: Material>(settings: &TrustDomainSettings, uses: &'static [Option<&'static str>], own: M) -> KeyStore<M> {
            let source = KeySource::File(settings.bundle_file.clone());
            KeyStore::new(format!("trust domain {}", settings.name), source, uses, own)
        }
        let own = if settings.issue_wit { own_wit_keys.clone() } else { KeySet::default() };
        Ok(Self {
            clients: settings.clients.clone(),
            issue_wit: settings.issue_wit,
            jwt: store(settings, &[Some("jwt-svid")], KeySet::default()).open(now).await?,
            wit: store(settings, &[Some("wit-svid")], own).open(now).await?,
            x509: store(settings, &[Some("x509-svid")], X509Authorities::default()).open(now).await?,
        })
    }

    /// Whether the workload, one of this trust domain, may call at all.
    pub fn admits(&self, id: &WorkloadId) -> bool {
        self.clients.iter().any(|pattern| pattern.covers(id))
    }

    /// Whether we issue WITs for its workloads.
    pub const fn issues_wit(&self) -> bool {
        self.issue_wit
    }

    pub(super) async fn jwt_keys(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys>, TrustError> {
        self.jwt.keys(key_id, now).await
    }

    pub(super) async fn wit_keys(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys>, TrustError> {
        self.wit.keys(key_id, now).await
    }

    pub(super) async fn x509_authorities(&self, now: UnixTime) -> Result<Arc<Keys<X509Authorities>>, TrustError> {
        self.x509.keys(None, now).await
    }

    /// The authorities, read again unless that was done a moment ago: for a certificate that none of those we know issued.
    pub(super) async fn newer_x509_authorities(&self, now: UnixTime) -> Result<Arc<Keys<X509Authorities>>, TrustError> {
        self.x509.refresh(now).await
    }
}
