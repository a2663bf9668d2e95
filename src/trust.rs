//! Whom we believe: trust domains for workloads, OpenID issuers for users.
//!
//! Each authority has its own keys, found by its name in the configuration and never through a token. A credential that was
//! verified is remembered by the hash of its whole text, so that presenting it again costs a look-up; its time is judged
//! anew each time, and it is forgotten when its authority's keys change.

mod cache;
mod domain;
mod error;
mod fetch;
mod issuer;
mod keys;
mod pattern;
mod platform;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{
    CertificateError, IdToken, Issuer, JwtSvid, KeySet, TrustDomain, UnixTime, Unverified, UnverifiedX509Svid, Verified,
    VerifiedX509Svid, Wit,
};

pub use domain::{TrustDomainSettings, TrustedDomain};
pub use error::TrustError;
pub use fetch::PrivateAddresses;
pub use issuer::{UserIssuer, UserIssuerSettings};
pub use pattern::PathPattern;
pub use platform::{
    ApiServerSettings, AssertionType, Attributes, PlatformError, PlatformIdentity, PlatformRuleError, PlatformRuleSettings, PlatformRules,
};
pub use procura_token::PeerCertificate;

use cache::{Name, VerifiedCache};
use platform::Platforms;

/// What [`Trust`] needs to know.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    /// Our issuer identifier: the audience of client assertions and a welcome audience of ID tokens.
    pub issuer: Issuer,
    /// Trust domains.
    pub domains: Vec<TrustDomainSettings>,
    /// OpenID issuers.
    pub user_issuers: Vec<UserIssuerSettings>,
    /// Platforms.
    pub platforms: PlatformRules,
    /// Leeway on times.
    pub skew: Duration,
}

/// Everyone we believe, and what we verified lately. What is presented again is known before it is taken apart.
pub struct Trust {
    issuer: Issuer,
    skew: Duration,
    domains: HashMap<TrustDomain, TrustedDomain>,
    user_issuers: HashMap<Issuer, UserIssuer>,
    platforms: Platforms,
    svids: VerifiedCache<Verified<JwtSvid>>,
    wits: VerifiedCache<Verified<Wit>>,
    certificates: VerifiedCache<VerifiedX509Svid>,
    id_tokens: VerifiedCache<Verified<IdToken>>,
}

impl Trust {
    /// Loads the keys of every authority that keeps them in a file; those behind discovery are fetched when first needed.
    ///
    /// `own_wit_keys` are the keys we sign WITs with: they count for every trust domain we issue WITs in.
    ///
    /// # Errors
    /// [`TrustError`] naming the file or authority.
    pub async fn open(settings: &TrustSettings, own_wit_keys: &KeySet, now: UnixTime) -> Result<Self, TrustError> {
        let mut domains = HashMap::new();
        for domain in &settings.domains {
            domains.insert(domain.name.clone(), TrustedDomain::open(domain, own_wit_keys, now).await?);
        }
        let mut user_issuers = HashMap::new();
        for issuer in &settings.user_issuers {
            user_issuers.insert(issuer.url.clone(), UserIssuer::open(issuer, now).await?);
        }
        Ok(Self {
            issuer: settings.issuer.clone(),
            skew: settings.skew,
            domains,
            user_issuers,
            platforms: Platforms::open(&settings.platforms, settings.skew, now).await?,
            svids: VerifiedCache::default(),
            wits: VerifiedCache::default(),
            certificates: VerifiedCache::default(),
            id_tokens: VerifiedCache::default(),
        })
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
    pub async fn verify_jwt_svid(
        &self,
        text: &str,
        now: UnixTime,
    ) -> Result<(Arc<Verified<JwtSvid>>, &TrustedDomain), TrustError> {
        let name = Name::new(text, "");
        if let Some(known) = self.svids.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.jwt_keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = Unverified::<JwtSvid>::parse(text)?;
        let domain = self.domain(unverified.trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        let keys = domain.jwt_keys(unverified.key_id(), now).await?;
        let rules = procura_token::JwtSvidRules { audience: self.issuer.as_str(), skew: self.skew };
        let svid = unverified.verify(&keys.set, &rules, now)?;
        Ok((self.svids.remember(name, keys.version, svid), domain))
    }

    /// Verifies a WIT of a workload with a SPIFFE ID: a bundle vouches for nothing under another scheme, though its trust
    /// domain have the same name. Possession of its key is for the caller to verify.
    ///
    /// # Errors
    /// [`TrustError`], as for JWT-SVIDs.
    pub async fn verify_wit(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<Wit>>, &TrustedDomain), TrustError> {
        let name = Name::new(text, "");
        if let Some(known) = self.wits.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.wit_keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = Unverified::<Wit>::parse(text)?;
        let spiffe = unverified.origin().strip_prefix("spiffe://");
        let domain = spiffe.and_then(|name| self.domain(name)).ok_or(TrustError::UnknownTrustDomain)?;
        let keys = domain.wit_keys(unverified.key_id(), now).await?;
        let wit = unverified.verify(&keys.set, self.skew, now)?;
        Ok((self.wits.remember(name, keys.version, wit), domain))
    }

    /// Verifies the certificate of a connection as X.509-SVID: by the authorities of the one trust domain that its only URI
    /// names, and by no others. A chain seen before costs a look-up.
    ///
    /// A certificate that no known authority issued makes the bundle be read again, at most once in ten seconds.
    ///
    /// # Errors
    /// [`TrustError`]: unknown trust domain, authorities that cannot be had, or the rule of the certificate that is broken.
    pub async fn verify_x509_svid(
        &self,
        peer: &PeerCertificate,
        now: UnixTime,
    ) -> Result<(Arc<VerifiedX509Svid>, &TrustedDomain), TrustError> {
        let name = Name::of_chain(peer);
        if let Some(known) = self.certificates.get(&name) {
            let domain = self.domain(known.credential.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            if domain.x509_authorities(now).await?.version == known.keys {
                known.credential.verify_time(now)?;
                return Ok((known.credential, domain));
            }
        }
        let unverified = UnverifiedX509Svid::parse(peer)?;
        let domain = self.domain(unverified.trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        let mut authorities = domain.x509_authorities(now).await?;
        let mut verdict = unverified.verify(&authorities.set, now);
        if matches!(verdict, Err(CertificateError::UnknownIssuer | CertificateError::Signature)) {
            // The verdict stands when there are no newer ones to be had.
            if let Ok(newer) = domain.newer_x509_authorities(now).await
                && newer.version != authorities.version
            {
                authorities = newer;
                verdict = unverified.verify(&authorities.set, now);
            }
        }
        Ok((self.certificates.remember(name, authorities.version, verdict?), domain))
    }

    /// The ways in which credentials of platforms may be presented; none if no rule is configured.
    pub fn platform_assertions(&self) -> impl Iterator<Item = AssertionType> {
        self.platforms.assertions()
    }

    /// Verifies a credential of a platform that was presented as `assertion`, and says which workload it is by the first rule
    /// that fits.
    ///
    /// # Errors
    /// [`TrustError`]: an issuer without rules, keys or a platform that cannot be asked, or why the credential is nobody's.
    pub async fn verify_platform(
        &self,
        assertion: AssertionType,
        text: &str,
        now: UnixTime,
    ) -> Result<(Arc<PlatformIdentity>, &TrustedDomain), TrustError> {
        let identity = self.platforms.verify(assertion, text, now).await?;
        let domain = self.domain(identity.id().trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
        Ok((identity, domain))
    }

    /// Verifies an ID token that `caller` presents: it must be meant for us, for `caller`, or for an application the
    /// issuer's configuration names.
    ///
    /// # Errors
    /// [`TrustError`]: unknown issuer, keys that cannot be had, or the rule of the token that is broken.
    pub async fn verify_id_token(
        &self,
        text: &str,
        caller: &str,
        now: UnixTime,
    ) -> Result<(Arc<Verified<IdToken>>, &UserIssuer), TrustError> {
        let name = Name::new(text, caller);
        if let Some(known) = self.id_tokens.get(&name) {
            let issuer = self.user_issuers.get(known.credential.issuer()).ok_or(TrustError::UnknownIssuer)?;
            if issuer.keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((known.credential, issuer));
            }
        }
        let unverified = Unverified::<IdToken>::parse(text)?;
        let issuer = self.user_issuers.get(unverified.issuer()).ok_or(TrustError::UnknownIssuer)?;
        let keys = issuer.keys(unverified.key_id(), now).await?;
        let audiences = issuer.audiences(&self.issuer, caller);
        let token = unverified.verify(&keys.set, &issuer.rules(&audiences, self.skew), now)?;
        Ok((self.id_tokens.remember(name, keys.version, token), issuer))
    }
}
