//! Whom we believe: trust domains for workloads, OpenID issuers for users.
//!
//! Each authority has its own keys, found by its name in the configuration and never through a token. A credential that was
//! verified is remembered by the hash of its whole text, so that presenting it again costs a look-up; its time is judged
//! anew each time, and it is forgotten when its authority's keys change.

mod admit;
mod bundle;
mod cache;
mod disabled;
mod domain;
mod error;
mod evidence;
mod examine;
mod federation;
mod fetch;
mod introspection;
mod issuer;
mod keys;
mod meter;
mod pattern;
mod platform;
mod stamp;
mod statement;
#[cfg(test)]
mod tests;
mod users;
mod view;
mod workload_api;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use procura_token::tpm::TpmCredential;
use procura_token::{
    CertificateError, Issuer, JwtSvid, KeySet, TrustDomain, UnixTime, Unverified, UnverifiedX509Svid, Verified, VerifiedX509Svid,
    Wit,
};
use tokio::task::JoinSet;

pub use disabled::{
    Added, DisabledFileError, Party, Tombstone, WorkloadPattern, disable, enable, parse_tombstones, read_tombstones, rfc3339,
};
pub use domain::{BundleSource, TrustDomainSettings, TrustedDomain};
pub use error::TrustError;
pub use evidence::{Approval, ApproverSettings, AttesterSettings, Posture};
pub use examine::{Examination, Statement};
pub use federation::{FederationProfile, FederationSettings};
pub use fetch::PrivateAddresses;
pub use introspection::IntrospectionSettings;
pub use issuer::{AcceptedTokens, UserIssuer, UserIssuerSettings};
pub use pattern::PathPattern;
pub use platform::{
    ApiServerSettings, AssertionType, Attributes, PlatformError, PlatformIdentity, PlatformRuleError, PlatformRuleSettings,
    PlatformRules, TpmSettings,
};
pub use procura_token::PeerCertificate;
pub use statement::StatementIssuerSettings;
pub use users::UserToken;

pub use view::{
    AuthorityView, KeyView, PlatformRuleView, StatementIssuerView, TombstoneView, TrustDomainView, TrustNames, TrustView,
    UserIssuerView,
};
pub use workload_api::{IdentityWatch, WorkloadApiEndpoint, WorkloadApiEndpointError, WorkloadIdentity, follow_identity};

use cache::{Name, VerifiedCache};
use disabled::Disabled;
use evidence::{Approvers, Attesters};
use federation::Endpoint;
use platform::Platforms;
use users::Users;
use workload_api::follow_bundles;

/// How long a start waits for bundles that are pushed. Without them the service starts too, and believes nobody of theirs yet.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// Says what time it is, to what runs beside the requests.
pub type Now = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// What [`Trust`] needs to know.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    /// Our issuer identifier: the audience of client assertions and a welcome audience of ID tokens.
    pub issuer: Issuer,
    /// Trust domains.
    pub domains: Vec<TrustDomainSettings>,
    /// OpenID issuers.
    pub user_issuers: Vec<UserIssuerSettings>,
    /// Who may approve.
    pub approvers: Vec<ApproverSettings>,
    /// Who may say in which state workloads are.
    pub attesters: Vec<AttesterSettings>,
    /// Platforms.
    pub platforms: PlatformRules,
    /// Leeway on times.
    pub skew: Duration,
    /// The list of those who are disabled.
    pub disabled_file: Option<PathBuf>,
}

/// Everyone we believe, and what we verified lately. What is presented again is known before it is taken apart.
pub struct Trust {
    issuer: Issuer,
    skew: Duration,
    domains: HashMap<TrustDomain, TrustedDomain>,
    users: Users,
    approvers: Approvers,
    attesters: Attesters,
    disabled: Disabled,
    platforms: Platforms,
    svids: VerifiedCache<Verified<JwtSvid>>,
    wits: VerifiedCache<Verified<Wit>>,
    certificates: VerifiedCache<VerifiedX509Svid>,
    /// Those who bring bundles: they end with this.
    _tasks: JoinSet<()>,
}

impl Trust {
    /// Loads the keys of every authority that keeps them in a file; those behind discovery are fetched when first needed, those
    /// that are pushed are waited for, for a moment. Must be called within a runtime.
    ///
    /// `own_wit_keys` are the keys we sign WITs with: they count for every trust domain we issue WITs in.
    ///
    /// # Errors
    /// [`TrustError`] naming the file or authority.
    pub async fn open(settings: &TrustSettings, own_wit_keys: &KeySet, now: Now) -> Result<Self, TrustError> {
        let opened = now();
        let mut domains = HashMap::new();
        for domain in &settings.domains {
            domains.insert(domain.name.clone(), TrustedDomain::open(domain, own_wit_keys, opened).await?);
        }
        let users = Users::open(&settings.issuer, settings.skew, &settings.user_issuers, opened).await?;
        let us = (&settings.issuer, settings.skew);
        let approvers = Approvers::open("approver", us, &settings.approvers, opened).await?;
        let attesters = Attesters::open("attester", us, &settings.attesters, opened).await?;
        let tasks = follow(settings, &domains, &now)?;
        let first = async {
            for domain in domains.values() {
                domain.store().begun().await;
            }
        };
        if tokio::time::timeout(FIRST_ANSWER, first).await.is_err() {
            tracing::warn!("not all bundles have come; who needs them is not believed until they do");
        }
        Ok(Self {
            issuer: settings.issuer.clone(),
            skew: settings.skew,
            domains,
            users,
            approvers,
            attesters,
            disabled: Disabled::open(settings.disabled_file.as_deref())?,
            platforms: Platforms::open(&settings.platforms, settings.skew, now()).await?,
            _tasks: tasks,
            svids: VerifiedCache::default(),
            wits: VerifiedCache::default(),
            certificates: VerifiedCache::default(),
        })
    }

    /// A trust domain of which the Workload API said nothing yet, if there is one. Its socket is part of this machine; what
    /// others serve far away is not waited for.
    pub fn waits_for(&self) -> Option<&TrustDomain> {
        self.domains.iter().find(|(_, domain)| domain.waits()).map(|(name, _)| name)
    }

    /// Looks whether the list of the disabled has changed, and puts what it says in force: what it adds at once, what it takes
    /// away once it has stood still from one look to the next. Blocks.
    pub fn look_for_disabled(&self) {
        self.disabled.look();
    }

    /// Everybody who is disabled.
    pub fn disabled(&self) -> Vec<Arc<Tombstone>> {
        self.disabled.tombstones()
    }

    /// Reads the list of the disabled and every file of keys again, and asks those who were asked before, however lately that
    /// was done. What cannot be had or is wrong leaves the last good one in use, and the log says so.
    pub async fn reload(&self, now: UnixTime) {
        self.disabled.reload();
        // Whoever is slow to answer keeps no file waiting.
        for is_file in [true, false] {
            for domain in self.domains.values() {
                domain.reload(is_file, now).await;
            }
            for issuer in self.users.issuers() {
                issuer.reload(is_file, now).await;
            }
            self.approvers.reload(is_file, now).await;
            self.attesters.reload(is_file, now).await;
            self.platforms.reload(is_file, now).await;
        }
    }

    /// Tells the metrics how old everybody's keys are.
    pub fn measure(&self, now: UnixTime) {
        self.domains.values().for_each(|domain| domain.measure(now));
        self.users.measure(now);
        self.approvers.measure(now);
        self.attesters.measure(now);
    }

    /// The trust domain of that name, if we believe it.
    pub fn domain(&self, name: &str) -> Option<&TrustedDomain> {
        self.domains.get(name)
    }

    /// The trust domains whose workloads we issue WITs for.
    pub fn issuing_domains(&self) -> impl Iterator<Item = &TrustDomain> {
        self.domains.iter().filter(|(_, domain)| domain.issues_wit()).map(|(name, _)| name)
    }

    /// Verifies a JWT-SVID meant for us alone.
    ///
    /// # Errors
    /// [`TrustError`]: unknown trust domain, keys that cannot be had, or the rule of the token that is broken.
    async fn judge_jwt_svid(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<JwtSvid>>, &TrustedDomain), TrustError> {
        let name = Name::new(text, "");
        if let Some(known) = self.svids.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.bundle(now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = Unverified::<JwtSvid>::parse(text)?;
        let domain = self.domain(unverified.trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        let keys = domain.jwt_bundle(unverified.key_id(), now).await?;
        let rules = procura_token::JwtSvidRules { audience: self.issuer.as_str(), skew: self.skew };
        let svid = unverified.verify(&keys.set.jwt, &rules, now)?;
        Ok((self.svids.remember(name, keys.version, svid), domain))
    }

    /// Verifies a WIT of a workload with a SPIFFE ID: a bundle vouches for nothing under another scheme, though its trust
    /// domain have the same name. Possession of its key is for the caller to verify.
    ///
    /// # Errors
    /// [`TrustError`], as for JWT-SVIDs.
    async fn judge_wit(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<Wit>>, &TrustedDomain), TrustError> {
        let name = Name::new(text, "");
        if let Some(known) = self.wits.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.bundle(now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = Unverified::<Wit>::parse(text)?;
        let spiffe = unverified.origin().strip_prefix("spiffe://");
        let domain = spiffe.and_then(|name| self.domain(name)).ok_or(TrustError::UnknownTrustDomain)?;
        let keys = domain.wit_bundle(unverified.key_id(), now).await?;
        let wit = unverified.verify(&keys.set.wit, self.skew, now)?;
        Ok((self.wits.remember(name, keys.version, wit), domain))
    }

    /// Verifies the certificate of a connection as X.509-SVID: by the authorities of the one trust domain that its only URI
    /// names, and by no others. A chain seen before costs a look-up.
    ///
    /// A certificate that no known authority issued makes the bundle be read again, at most once in ten seconds.
    ///
    /// # Errors
    /// [`TrustError`]: unknown trust domain, authorities that cannot be had, or the rule of the certificate that is broken.
    async fn judge_x509_svid(
        &self,
        peer: &PeerCertificate,
        now: UnixTime,
    ) -> Result<(Arc<VerifiedX509Svid>, &TrustedDomain), TrustError> {
        let name = Name::of_chain(peer);
        if let Some(known) = self.certificates.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.bundle(now).await?.version == known.keys {
                known.credential.verify_time(now)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = UnverifiedX509Svid::parse(peer)?;
        let domain = self.domain(unverified.trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        let mut bundle = domain.bundle(now).await?;
        let mut verdict = unverified.verify(&bundle.set.x509, now);
        if matches!(verdict, Err(CertificateError::UnknownIssuer | CertificateError::Signature)) {
            // The verdict stands when there are no newer ones to be had.
            if let Ok(newer) = domain.newer_bundle(now).await
                && newer.version != bundle.version
            {
                bundle = newer;
                verdict = unverified.verify(&bundle.set.x509, now);
            }
        }
        Ok((self.certificates.remember(name, bundle.version, verdict?), domain))
    }

    /// The ways in which credentials of platforms may be presented; none if no rule is configured.
    pub fn platform_assertions(&self) -> impl Iterator<Item = AssertionType> {
        self.platforms.assertions()
    }

    /// See [`Trust::verify_platform`], but for the disabled.
    async fn judge_platform(
        &self,
        assertion: AssertionType,
        text: &str,
        nonce: Option<&str>,
        now: UnixTime,
    ) -> Result<(Arc<PlatformIdentity>, &TrustedDomain), TrustError> {
        let identity = self.platforms.verify_for(assertion, text, nonce, now).await?;
        let domain = self.domain(identity.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        Ok((identity, domain))
    }

    /// A secret for the TPM that has these two keys, each a `TPM2B_PUBLIC`: by giving it back it shows that it has both.
    ///
    /// # Errors
    /// [`TrustError`] if nobody enrolled the endorsement key, a key is not of its kind, or there is no rule for TPMs.
    pub fn challenge_tpm(&self, ek_public: &[u8], ak_public: &[u8], now: UnixTime) -> Result<TpmCredential, TrustError> {
        self.platforms.challenge_tpm(ek_public, ak_public, now)
    }
}

/// Begins to follow the servers that push bundles. One of the Workload API serves every trust domain that names it.
fn follow(settings: &TrustSettings, domains: &HashMap<TrustDomain, TrustedDomain>, now: &Now) -> Result<JoinSet<()>, TrustError> {
    let mut tasks = JoinSet::new();
    let mut servers: HashMap<&WorkloadApiEndpoint, Vec<&TrustDomain>> = HashMap::new();
    for domain in &settings.domains {
        match &domain.bundle {
            BundleSource::WorkloadApi(endpoint) => servers.entry(endpoint).or_default().push(&domain.name),
            BundleSource::Federation(federation) => {
                tasks.spawn(endpoint(&domain.name, federation, domains)?.follow(Arc::clone(now)));
            }
            BundleSource::File(_) | BundleSource::None => {}
        }
    }
    for (endpoint, names) in servers {
        let stores = names.into_iter().filter_map(|name| Some((name.clone(), Arc::clone(domains.get(name)?.store()))));
        follow_bundles(endpoint, stores.collect(), now, &mut tasks);
    }
    Ok(tasks)
}

/// The bundle endpoint of the trust domain `name`.
fn endpoint(
    name: &TrustDomain,
    settings: &FederationSettings,
    domains: &HashMap<TrustDomain, TrustedDomain>,
) -> Result<Endpoint, TrustError> {
    let store = |name: &str| domains.get(name).map(|domain| Arc::clone(domain.store()));
    let unusable = |cause: String| TrustError::Keys { authority: format!("trust domain {name}"), cause };
    let voucher = match &settings.profile {
        FederationProfile::Web { .. } => None,
        FederationProfile::Spiffe { endpoint_id } => store(endpoint_id.trust_domain()),
    };
    let own = store(name.as_str()).ok_or_else(|| unusable("not configured".to_owned()))?;
    Endpoint::new(settings, own, voucher).map_err(|cause| unusable(cause.to_string()))
}
