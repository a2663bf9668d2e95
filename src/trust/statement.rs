//! Those who sign statements, each about whom it may speak of, and what we verified of theirs lately.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{Algorithm, Issuer, KeySet, Statement, StatementRules, UnixTime, Unverified, Verified};

use super::TrustError;
use super::cache::{Name, VerifiedCache};
use super::fetch::{Discovery, PrivateAddresses};
use super::keys::{KeySource, KeyStore};
use super::view::{self, AuthorityView, StatementIssuerView};

/// What to know of somebody who signs statements. `R` says whom it may speak of.
#[derive(Clone, Debug)]
pub struct StatementIssuerSettings<R> {
    /// What policies, people and the audit log call it.
    pub name: String,
    /// Its issuer identifier.
    pub issuer: Issuer,
    /// Its key set, from a file instead of from discovery.
    pub jwks_file: Option<PathBuf>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where it may be beside the public internet.
    pub private_addresses: PrivateAddresses,
    /// The algorithms it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Whom it may speak of: nobody else.
    pub speaks_of: Vec<R>,
}

/// Somebody who signs statements.
#[derive(Debug)]
pub(super) struct StatementIssuer<R> {
    settings: StatementIssuerSettings<R>,
    keys: Arc<KeyStore>,
}

impl<R: Clone + ToString> StatementIssuer<R> {
    /// `what` it is, for people: such as `approver`.
    async fn open(what: &str, settings: &StatementIssuerSettings<R>, now: UnixTime) -> Result<Self, TrustError> {
        let authority = format!("{what} {}", settings.name);
        let source = match &settings.jwks_file {
            Some(path) => KeySource::File(path.clone()),
            None => {
                let found = Discovery::new(settings.issuer.clone(), settings.ca_file.as_ref(), &settings.private_addresses);
                let fault =
                    |cause: super::fetch::FetchError| TrustError::Keys { authority: authority.clone(), cause: cause.to_string() };
                KeySource::Discovery(found.map_err(fault)?)
            }
        };
        let keys = KeyStore::new(authority, source, KeySet::default(), now).open(now).await?;
        Ok(Self { settings: settings.clone(), keys })
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn speaks_of(&self, is_meant: impl Fn(&R) -> bool) -> Result<(), TrustError> {
        if self.settings.speaks_of.iter().any(is_meant) { Ok(()) } else { Err(TrustError::Unentitled) }
    }

    async fn view(&self, now: UnixTime) -> StatementIssuerView {
        let keys = self.keys.keys(None, now).await.map(|keys| view::keys("sig", &keys.set).collect());
        StatementIssuerView {
            name: self.settings.name.clone(),
            issuer: self.settings.issuer.to_string(),
            authority: AuthorityView::new(self.keys.source(), self.keys.age(now), keys),
            speaks_of: self.settings.speaks_of.iter().map(ToString::to_string).collect(),
            algorithms: self.settings.algorithms.clone(),
            disabled: None,
        }
    }
}

/// Everybody who signs statements of the kind `T`.
pub(super) struct Statements<T, R> {
    us: Issuer,
    skew: Duration,
    issuers: HashMap<Issuer, StatementIssuer<R>>,
    known: VerifiedCache<Verified<T>>,
}

impl<T: Statement, R: Clone + ToString> Statements<T, R> {
    pub(super) async fn open(
        what: &str,
        (us, skew): (&Issuer, Duration),
        settings: &[StatementIssuerSettings<R>],
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let mut issuers = HashMap::new();
        for issuer in settings {
            issuers.insert(issuer.issuer.clone(), StatementIssuer::open(what, issuer, now).await?);
        }
        Ok(Self { us: us.clone(), skew, issuers, known: VerifiedCache::default() })
    }

    /// Verifies a statement for us alone. Whether its issuer may speak of whom it speaks of is not looked at.
    pub(super) async fn verify(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<T>>, &StatementIssuer<R>), TrustError> {
        let name = Name::new(text, "");
        if let Some(known) = self.known.get(&name) {
            let issuer = self.issuer(known.credential.issuer())?;
            if issuer.keys.keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, issuer));
            }
        }
        let unverified = Unverified::<T>::parse(text)?;
        let issuer = self.issuer(unverified.issuer())?;
        let keys = issuer.keys.keys(unverified.key_id(), now).await?;
        let StatementIssuerSettings { issuer: url, algorithms, .. } = &issuer.settings;
        let rules = StatementRules { issuer: url, audience: &self.us, algorithms, skew: self.skew };
        let statement = unverified.verify(&keys.set, &rules, now)?;
        Ok((self.known.remember(name, keys.version, statement), issuer))
    }

    fn issuer(&self, url: &Issuer) -> Result<&StatementIssuer<R>, TrustError> {
        self.issuers.get(url).ok_or(TrustError::UnknownIssuer)
    }

    /// The issuer identifiers of all of them, in no order.
    pub(super) fn urls(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.keys()
    }

    /// What people are told of them, in the order of their names, whether they are disabled aside.
    pub(super) async fn view(&self, now: UnixTime) -> Vec<StatementIssuerView> {
        let mut views = Vec::new();
        for issuer in self.issuers.values() {
            views.push(issuer.view(now).await);
        }
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// Has keys read again of those that keep them in a file, or of those that do not, as `is_file` says.
    pub(super) async fn reload(&self, is_file: bool, now: UnixTime) {
        for issuer in self.issuers.values().filter(|issuer| issuer.keys.is_file() == is_file) {
            issuer.keys.reload(now).await;
        }
    }

    pub(super) fn measure(&self, now: UnixTime) {
        self.issuers.values().for_each(|issuer| issuer.keys.measure(now));
    }
}
