//! A trust domain and the keys that vouch for its workloads.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use procura_token::{Bundle, CertificateThumbprint, KeySet, TrustDomain, UnixTime, WorkloadId};

use super::federation::FederationSettings;
use super::fetch::read_file;
use super::keys::{KeySource, KeyStore, Keys};
use super::view::{self, AuthorityView, KeyView, TrustDomainView};
use super::workload_api::WorkloadApiEndpoint;
use super::{PathPattern, TrustError, rfc3339};

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
    /// A server of the SPIFFE Workload API, which pushes it.
    WorkloadApi(WorkloadApiEndpoint),
    /// A bundle endpoint, which is asked for it.
    Federation(Box<FederationSettings>),
    /// Nowhere: its workloads have no SVIDs and are known otherwise.
    None,
}

/// For people.
impl fmt::Display for BundleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::WorkloadApi(endpoint) => endpoint.fmt(f),
            Self::Federation(settings) => f.write_str(&settings.url),
            Self::None => f.write_str("platform rules"),
        }
    }
}

/// A trust domain we believe.
#[derive(Debug)]
pub struct TrustedDomain {
    clients: Vec<PathPattern>,
    issue_wit: bool,
    keys: Arc<KeyStore<Bundle>>,
    /// Where its bundle comes from, for people.
    source: String,
    is_local: bool,
}

impl TrustedDomain {
    pub(super) async fn open(settings: &TrustDomainSettings, own_wit_keys: &KeySet, now: UnixTime) -> Result<Self, TrustError> {
        let source = match &settings.bundle {
            BundleSource::File(path) => KeySource::File(path.clone()),
            BundleSource::WorkloadApi(_) | BundleSource::Federation(_) => KeySource::Pushed,
            BundleSource::None => KeySource::Own,
        };
        let is_local = matches!(settings.bundle, BundleSource::WorkloadApi(_));
        let wit = if settings.issue_wit { own_wit_keys.clone() } else { KeySet::default() };
        let own = Bundle { wit, ..Bundle::default() };
        let keys = KeyStore::new(format!("trust domain {}", settings.name), source, own, now).open(now).await?;
        if let BundleSource::Federation(federation) = &settings.bundle
            && let Some(first) = &federation.first
        {
            keys.put_document(read_file(first), first.display(), now)?;
        }
        Ok(Self {
            clients: settings.clients.clone(),
            issue_wit: settings.issue_wit,
            keys,
            source: settings.bundle.to_string(),
            is_local,
        })
    }

    /// Whether the workload, one of this trust domain, may call at all.
    pub fn admits(&self, id: &WorkloadId) -> bool {
        self.clients.iter().any(|pattern| pattern.covers(id))
    }

    /// What people are told of it, its name and whether it is disabled aside.
    pub(super) async fn view(&self, now: UnixTime) -> TrustDomainView {
        let bundle = self.bundle(now).await;
        let sequence = bundle.as_ref().ok().and_then(|bundle| bundle.set.sequence);
        let keys = bundle.map(|bundle| {
            let Bundle { jwt, wit, x509, .. } = &bundle.set;
            let certificate = |(thumbprint, expires): (CertificateThumbprint, UnixTime)| KeyView {
                public_key_use: "x509-svid",
                kid: None,
                algorithms: Vec::new(),
                thumbprint: thumbprint.to_string(),
                expires: Some(rfc3339(expires)),
            };
            view::keys("jwt-svid", jwt).chain(view::keys("wit-svid", wit)).chain(x509.iter().map(certificate)).collect()
        });
        TrustDomainView {
            name: String::new(),
            authority: AuthorityView::new(self.source.clone(), self.keys.age(now), keys),
            sequence,
            clients: self.clients.iter().map(ToString::to_string).collect(),
            issue_wit: self.issue_wit,
            disabled: None,
        }
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

    /// Where its bundle is put.
    pub(super) const fn store(&self) -> &Arc<KeyStore<Bundle>> {
        &self.keys
    }

    /// Whether the Workload API should say something of it, and said nothing yet.
    pub(super) fn waits(&self) -> bool {
        self.is_local && !self.keys.has_begun()
    }

    /// Has its keys read again if they are in a file, or if they are not, as `is_file` says.
    pub(super) async fn reload(&self, is_file: bool, now: UnixTime) {
        if self.keys.is_file() == is_file {
            self.keys.reload(now).await;
        }
    }

    pub(super) fn measure(&self, now: UnixTime) {
        self.keys.measure(now);
    }
}
