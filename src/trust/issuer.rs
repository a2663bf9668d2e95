//! An OpenID issuer and the users it vouches for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{Algorithm, ClaimRules, IdToken, IdTokenRules, Issuer, KeySet, ParseError, Subject, UnixTime};

use super::TrustError;
use super::fetch::{Discovery, PrivateAddresses};
use super::keys::{KeySource, KeyStore, Keys};
use super::view::{self, AuthorityView, UserIssuerView};

/// What to know of an OpenID issuer.
#[derive(Clone, Debug)]
pub struct UserIssuerSettings {
    /// Its issuer identifier.
    pub url: Issuer,
    /// What stands for it in our `sub`.
    pub alias: String,
    /// Its key set, from a file instead of from discovery.
    pub jwks_file: Option<PathBuf>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where it may be beside the public internet.
    pub private_addresses: PrivateAddresses,
    /// Further audiences accepted.
    pub audiences: Vec<String>,
    /// The algorithms it signs with.
    pub algorithms: Vec<Algorithm>,
    /// How long a session lasts; replaces the ID token's `exp` as a limit.
    pub session: Option<Duration>,
}

/// An OpenID issuer we believe.
#[derive(Debug)]
pub struct UserIssuer {
    url: Issuer,
    alias: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    session: Option<Duration>,
    keys: KeyStore,
}

impl UserIssuer {
    pub(super) async fn open(settings: &UserIssuerSettings, now: UnixTime) -> Result<Self, TrustError> {
        let authority = format!("issuer {}", settings.url);
        let source = match &settings.jwks_file {
            Some(path) => KeySource::File(path.clone()),
            None => KeySource::Discovery(
                Discovery::new(settings.url.clone(), settings.ca_file.as_ref(), &settings.private_addresses)
                    .map_err(|cause| TrustError::Keys { authority: authority.clone(), cause: cause.to_string() })?,
            ),
        };
        Ok(Self {
            url: settings.url.clone(),
            alias: settings.alias.clone(),
            audiences: settings.audiences.clone(),
            algorithms: settings.algorithms.clone(),
            session: settings.session,
            keys: KeyStore::new(authority, source, KeySet::default(), now).open(now).await?,
        })
    }

    /// What people are told of it, whether it is disabled aside.
    pub(super) async fn view(&self, now: UnixTime) -> UserIssuerView {
        let keys = self.keys.keys(None, now).await.map(|keys| view::keys("sig", &keys.set).collect());
        UserIssuerView {
            alias: self.alias.clone(),
            url: self.url.to_string(),
            authority: AuthorityView::new(self.keys.source(), self.keys.age(now), keys),
            audiences: self.audiences.clone(),
            algorithms: self.algorithms.clone(),
            disabled: None,
        }
    }

    /// What stands for it in our `sub`.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The user in our namespace: `<alias>:<sub>`. The alias has no colon, so that no two pairs meet.
    ///
    /// # Errors
    /// [`ParseError`] if it is too long.
    pub fn subject(&self, token: &IdToken) -> Result<Subject, ParseError> {
        format!("{}:{}", self.alias, token.subject()).parse()
    }

    /// Until when the token may be acted on: the end of the session where one is configured, else `exp`.
    pub fn limit(&self, token: &IdToken) -> UnixTime {
        match self.session {
            Some(session) => token.authentication().auth_time.unwrap_or(token.issued_at()) + session,
            None => token.expires(),
        }
    }

    pub(super) fn audiences<'a>(&'a self, us: &'a Issuer, caller: &'a str) -> Vec<&'a str> {
        [us.as_str(), caller].into_iter().chain(self.audiences.iter().map(String::as_str)).collect()
    }

    pub(super) fn rules<'a>(&'a self, audiences: &'a [&'a str], skew: Duration) -> IdTokenRules<'a> {
        IdTokenRules { issuer: &self.url, audiences, algorithms: &self.algorithms, claims: ClaimRules::default(), not: &[], skew }
    }

    pub(super) async fn keys(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys>, TrustError> {
        self.keys.keys(key_id, now).await
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
