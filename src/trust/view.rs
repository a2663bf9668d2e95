//! Whom we believe, for people: what `procura trust list` and `show` print. Public keys only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{Algorithm, KeySet, UnixTime};
use serde::Serialize;

use super::{Tombstone, Trust, TrustError, rfc3339};

/// Everybody we believe, in the order of their names.
#[derive(Clone, Debug, Serialize)]
pub struct TrustView {
    /// Trust domains.
    pub trust_domains: Vec<TrustDomainView>,
    /// OpenID issuers of users.
    pub user_issuers: Vec<UserIssuerView>,
    /// Who may approve.
    pub approvers: Vec<StatementIssuerView>,
    /// Who may say in which state workloads are.
    pub attesters: Vec<StatementIssuerView>,
    /// Platform rules.
    pub platform_rules: Vec<PlatformRuleView>,
    /// Those who are disabled.
    pub disabled: Vec<TombstoneView>,
}

/// A trust domain.
#[derive(Clone, Debug, Serialize)]
pub struct TrustDomainView {
    /// Its name.
    pub name: String,
    /// Who vouches for its workloads.
    #[serde(flatten)]
    pub authority: AuthorityView,
    /// `spiffe_sequence` of its bundle.
    pub sequence: Option<u64>,
    /// Which of its workloads may call.
    pub clients: Vec<String>,
    /// Whether we issue WITs for its workloads.
    pub issue_wit: bool,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
}

/// An OpenID issuer.
#[derive(Clone, Debug, Serialize)]
pub struct UserIssuerView {
    /// What stands for it in our `sub`.
    pub alias: String,
    /// Its issuer identifier.
    pub url: String,
    /// Where its keys are from.
    #[serde(flatten)]
    pub authority: AuthorityView,
    /// Which of its tokens stand for a user: `id_token`, `access_token`, `introspected`.
    pub accepts: Vec<&'static str>,
    /// Audiences it may name besides us and the caller.
    pub audiences: Vec<String>,
    /// What it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
}

/// Somebody who signs approvals or postures.
#[derive(Clone, Debug, Serialize)]
pub struct StatementIssuerView {
    /// Its name.
    pub name: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// Where its keys are from.
    #[serde(flatten)]
    pub authority: AuthorityView,
    /// Whom it may speak of: aliases of user issuers, or workloads.
    pub speaks_of: Vec<String>,
    /// What it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
}

/// A rule for the workloads of a platform.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformRuleView {
    /// Its name.
    pub name: String,
    /// The platform.
    pub platform: &'static str,
    /// Who vouches: the issuer, or for platforms without one the type of their credentials.
    pub issuer: String,
    /// Where its keys are from.
    #[serde(flatten)]
    pub authority: AuthorityView,
    /// The trust domain of the identifiers it gives.
    pub trust_domain: String,
    /// The template of their path.
    pub path: String,
    /// What the only audience of a credential may be.
    pub audiences: Vec<String>,
    /// Attributes and the values they must have.
    pub require: BTreeMap<String, Vec<String>>,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
}

/// Keys, and where they are from.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorityView {
    /// Where they are from.
    pub source: String,
    /// Seconds since they changed, for a file, or were fetched.
    pub age: Option<u64>,
    /// Why there are none, if they cannot be had.
    pub fault: Option<String>,
    /// The keys.
    pub keys: Vec<KeyView>,
}

/// One public key, or the certificate of an authority.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// What it vouches for.
    #[serde(rename = "use")]
    pub public_key_use: &'static str,
    /// Its name.
    pub kid: Option<String>,
    /// What it verifies; nothing for a certificate.
    pub algorithms: Vec<Algorithm>,
    /// The RFC 7638 thumbprint of the key, or `x5t#S256` of the certificate.
    pub thumbprint: String,
    /// The end of the certificate.
    pub expires: Option<String>,
}

/// An entry of the list of the disabled.
#[derive(Clone, Debug, Serialize)]
pub struct TombstoneView {
    /// `workload`, `trust_domain`, `issuer` or `platform`.
    pub kind: &'static str,
    /// Who.
    pub name: String,
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: String,
}

/// The names of everybody we believe: those that an entry of the list of the disabled can have.
#[derive(Clone, Debug)]
pub struct TrustNames {
    /// Trust domains.
    pub trust_domains: Vec<String>,
    /// Issuers, of users' tokens, of platforms', and of approvals and postures.
    pub issuers: Vec<String>,
    /// Platform rules.
    pub platform_rules: Vec<String>,
}

impl From<&Tombstone> for TombstoneView {
    fn from(tombstone: &Tombstone) -> Self {
        Self {
            kind: tombstone.party.key(),
            name: tombstone.party.name().to_owned(),
            since: rfc3339(tombstone.since),
            reason: tombstone.reason.clone(),
        }
    }
}

impl Trust {
    /// The names of everybody we believe. Nobody is asked.
    pub fn names(&self) -> TrustNames {
        let (rules, authorities) = self.platforms.names();
        let users = self.users.issuers().map(|issuer| issuer.url().to_string());
        let statements = self.approvers.urls().chain(self.attesters.urls()).map(ToString::to_string);
        TrustNames {
            trust_domains: self.domains.keys().map(ToString::to_string).collect(),
            issuers: users.chain(statements).chain(authorities).collect(),
            platform_rules: rules,
        }
    }

    /// Everybody we believe at `now`. Keys that are elsewhere are fetched, one authority after the other.
    pub async fn view(&self, now: UnixTime) -> TrustView {
        let mut trust_domains = Vec::new();
        for (name, domain) in &self.domains {
            let disabled = self.disabled.trust_domain(name.as_str()).map(|tombstone| tombstone.to_string());
            trust_domains.push(TrustDomainView { name: name.to_string(), disabled, ..domain.view(now).await });
        }
        trust_domains.sort_by(|a, b| a.name.cmp(&b.name));
        let mut user_issuers = Vec::new();
        for issuer in self.users.issuers() {
            let mut view = issuer.view(now).await;
            view.disabled = self.disabled.issuer(&view.url).map(|tombstone| tombstone.to_string());
            user_issuers.push(view);
        }
        user_issuers.sort_by(|a, b| a.alias.cmp(&b.alias));
        let (mut approvers, mut attesters) = (self.approvers.view(now).await, self.attesters.view(now).await);
        for view in approvers.iter_mut().chain(&mut attesters) {
            view.disabled = self.disabled.issuer(&view.issuer).map(|tombstone| tombstone.to_string());
        }
        let mut platform_rules = self.platforms.view(now).await;
        for rule in &mut platform_rules {
            let trust_domain = || self.disabled.trust_domain(&rule.trust_domain);
            let tombstone = self.disabled.platform(&rule.name).or_else(|| self.disabled.issuer(&rule.issuer));
            rule.disabled = tombstone.or_else(trust_domain).map(|tombstone| tombstone.to_string());
        }
        platform_rules.sort_by(|a, b| a.name.cmp(&b.name));
        let disabled = self.disabled().iter().map(|tombstone| TombstoneView::from(&**tombstone)).collect();
        TrustView { trust_domains, user_issuers, approvers, attesters, platform_rules, disabled }
    }
}

impl AuthorityView {
    pub(super) fn new(source: String, age: Option<Duration>, keys: Result<Vec<KeyView>, TrustError>) -> Self {
        let (keys, fault) = match keys {
            Ok(keys) => (keys, None),
            Err(cause) => (Vec::new(), Some(cause.to_string())),
        };
        Self { source, age: age.map(|age| age.as_secs()), fault, keys }
    }
}

/// The keys of `set`, which vouch for `public_key_use`.
pub(super) fn keys(public_key_use: &'static str, set: &KeySet) -> impl Iterator<Item = KeyView> {
    set.iter().map(move |(kid, key)| KeyView {
        public_key_use,
        kid: kid.map(str::to_owned),
        algorithms: key.algorithms().collect(),
        thumbprint: key.thumbprint().to_string(),
        expires: None,
    })
}

impl super::Disabled {
    fn trust_domain(&self, name: &str) -> Option<Arc<Tombstone>> {
        self.current().trust_domain(name).cloned()
    }

    fn platform(&self, rule: &str) -> Option<Arc<Tombstone>> {
        self.current().platform(rule).cloned()
    }

    fn issuer(&self, url: &str) -> Option<Arc<Tombstone>> {
        self.current().issuer(url).cloned()
    }
}
