//! A trust domain and the keys that vouch for its workloads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use procura_token::{KeySet, TrustDomain, UnixTime, WorkloadId, X509Authorities};

use super::keys::{KeySource, KeyStore, Keys, Material};
use super::{PathPattern, TrustError};

/// What to know of a trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomainSettings {
    /// Its name.
    pub name: TrustDomain,
    /// Its SPIFFE bundle; without one, platforms vouch for its workloads, and we for their WITs.
    pub bundle_file: Option<PathBuf>,
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
    bundle: Option<Bundle>,
    /// The keys of WITs where there is no bundle: ours.
    own: Arc<Keys>,
}

#[derive(Debug)]
struct Bundle {
    jwt: KeyStore,
    wit: KeyStore,
    x509: KeyStore<X509Authorities>,
}

impl TrustedDomain {
    pub(super) async fn open(settings: &TrustDomainSettings, own_wit_keys: &KeySet, now: UnixTime) -> Result<Self, TrustError> {
        let mut own = Keys::default();
        if settings.issue_wit {
            own.set = own_wit_keys.clone();
        }
        let bundle = match &settings.bundle_file {
            Some(file) => Some(Bundle::open(settings, file, own.set.clone(), now).await?),
            None => None,
        };
        Ok(Self { clients: settings.clients.clone(), issue_wit: settings.issue_wit, bundle, own: Arc::new(own) })
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
        match &self.bundle {
            Some(bundle) => bundle.jwt.keys(key_id, now).await,
            None => Ok(Arc::default()),
        }
    }

    pub(super) async fn wit_keys(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys>, TrustError> {
        match &self.bundle {
            Some(bundle) => bundle.wit.keys(key_id, now).await,
            None => Ok(Arc::clone(&self.own)),
        }
    }

    pub(super) async fn x509_authorities(&self, now: UnixTime) -> Result<Arc<Keys<X509Authorities>>, TrustError> {
        match &self.bundle {
            Some(bundle) => bundle.x509.keys(None, now).await,
            None => Ok(Arc::default()),
        }
    }

    /// The authorities, read again unless that was done a moment ago: for a certificate that none of those we know issued.
    pub(super) async fn newer_x509_authorities(&self, now: UnixTime) -> Result<Arc<Keys<X509Authorities>>, TrustError> {
        match &self.bundle {
            Some(bundle) => bundle.x509.refresh(now).await,
            None => Ok(Arc::default()),
        }
    }
}

impl Bundle {
    async fn open(settings: &TrustDomainSettings, file: &Path, own: KeySet, now: UnixTime) -> Result<Self, TrustError> {
        fn store<M: Material>(name: &TrustDomain, file: &Path, uses: &'static [Option<&'static str>], own: M) -> KeyStore<M> {
            KeyStore::new(format!("trust domain {name}"), KeySource::File(file.to_owned()), uses, own)
        }
        let name = &settings.name;
        Ok(Self {
            jwt: store(name, file, &[Some("jwt-svid")], KeySet::default()).open(now).await?,
            wit: store(name, file, &[Some("wit-svid")], own).open(now).await?,
            x509: store(name, file, &[Some("x509-svid")], X509Authorities::default()).open(now).await?,
        })
    }
}
