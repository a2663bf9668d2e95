//! An OpenID issuer and the users it vouches for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{
    Algorithm, ClaimRules, ForeignAccessTokenRules, IdTokenRules, IntrospectionRules, Issuer, KeySet, ParseError, RequiredClaim,
    Subject, UnixTime, WorkloadId,
};

use super::fetch::{Discovery, PrivateAddresses};
use super::introspection::{IntrospectionSettings, Introspector};
use super::keys::{KeySource, KeyStore, Keys};
use super::view::{self, AuthorityView, UserIssuerView};
use super::{TrustError, UserToken};

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
    /// Which of its tokens stand for a user.
    pub accepts: AcceptedTokens,
    /// Further audiences accepted.
    pub audiences: Vec<String>,
    /// What it calls workloads that call us, as audience and as client.
    pub workloads: Vec<(String, WorkloadId)>,
    /// The algorithms it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Claims that all its tokens must have.
    pub required: Vec<RequiredClaim>,
    /// What its access tokens say and its ID tokens do not, if they are not of type `at+jwt`.
    pub access_token_mark: Vec<RequiredClaim>,
    /// The claim that names a user's groups.
    pub groups_claim: String,
    /// The claim that says for which application an access token was made, where that is neither `client_id` nor `azp`.
    pub client_claim: Option<String>,
    /// The claim that is the scope of an access token.
    pub scope_claim: String,
    /// The claim that lists whom the user agreed to let act, if there is one.
    pub consent_claim: Option<String>,
    /// How long a session lasts; replaces the ID token's `exp` as a limit.
    pub session: Option<Duration>,
    /// How to ask about access tokens that only it can read.
    pub introspection: Option<IntrospectionSettings>,
}

/// Which signed tokens of an issuer stand for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedTokens {
    /// ID tokens.
    pub id_tokens: bool,
    /// Access tokens that are JWTs (RFC 9068).
    pub access_tokens: bool,
}

/// An OpenID issuer we believe.
#[derive(Debug)]
pub struct UserIssuer {
    settings: UserIssuerSettings,
    keys: Arc<KeyStore>,
    introspector: Option<Introspector>,
}

impl UserIssuer {
    pub(super) async fn open(settings: &UserIssuerSettings, now: UnixTime) -> Result<Self, TrustError> {
        let authority = format!("issuer {}", settings.url);
        let (ca_file, private) = (settings.ca_file.as_ref(), &settings.private_addresses);
        let fault = |cause: super::fetch::FetchError| TrustError::Keys { authority: authority.clone(), cause: cause.to_string() };
        let source = match &settings.jwks_file {
            Some(path) => KeySource::File(path.clone()),
            None => KeySource::Discovery(Discovery::new(settings.url.clone(), ca_file, private).map_err(fault)?),
        };
        let introspector = settings.introspection.as_ref();
        let introspector = introspector.map(|how| Introspector::new(how, ca_file, private)).transpose().map_err(fault)?;
        let keys = KeyStore::new(authority, source, KeySet::default(), now).open(now).await?;
        Ok(Self { settings: settings.clone(), keys, introspector })
    }

    /// What people are told of it, whether it is disabled aside.
    pub(super) async fn view(&self, now: UnixTime) -> UserIssuerView {
        let keys = self.keys.keys(None, now).await.map(|keys| view::keys("sig", &keys.set).collect());
        UserIssuerView {
            alias: self.settings.alias.clone(),
            url: self.settings.url.to_string(),
            authority: AuthorityView::new(self.keys.source(), self.keys.age(now), keys),
            accepts: self.kinds(),
            audiences: self.settings.audiences.clone(),
            algorithms: self.settings.algorithms.clone(),
            disabled: None,
        }
    }

    /// Its issuer identifier.
    pub const fn url(&self) -> &Issuer {
        &self.settings.url
    }

    fn kinds(&self) -> Vec<&'static str> {
        let AcceptedTokens { id_tokens, access_tokens } = self.settings.accepts;
        let all = [("id_token", id_tokens), ("access_token", access_tokens), ("introspected", self.introspector.is_some())];
        all.into_iter().filter(|(_, is_accepted)| *is_accepted).map(|(name, _)| name).collect()
    }

    /// What stands for it in our `sub`.
    pub fn alias(&self) -> &str {
        &self.settings.alias
    }

    /// The user in our namespace: `<alias>:<sub>`. The alias has no colon, so that no two pairs meet.
    ///
    /// # Errors
    /// [`ParseError`] if it is too long, or would be a workload's.
    pub fn subject(&self, token: &UserToken) -> Result<Subject, ParseError> {
        self.name(token.subject())
    }

    /// What we call the user whom this issuer calls `subject`.
    pub(super) fn name(&self, subject: &Subject) -> Result<Subject, ParseError> {
        let name = format!("{}:{subject}", self.settings.alias);
        match name.parse::<WorkloadId>() {
            Ok(_) => Err(ParseError::Value { name: "`sub`", reason: "behind the issuer's alias it would name a workload" }),
            Err(_) => name.parse(),
        }
    }

    /// Until when the token may be acted on: `exp`, or, for ID tokens of an issuer with sessions, the end of the session.
    pub fn limit(&self, token: &UserToken) -> UnixTime {
        match (token, self.settings.session) {
            (UserToken::Id(token), Some(session)) => token.authentication().auth_time.unwrap_or(token.issued_at()) + session,
            _ => token.expires(),
        }
    }

    /// Whether `token` is meant for `caller`, by the caller's own name or by one that this issuer has for it.
    pub fn is_meant_for(&self, token: &UserToken, caller: &WorkloadId) -> bool {
        let names = self.names(caller);
        token.audience().is_some_and(|audience| names.iter().any(|name| audience.contains(name)))
    }

    pub(super) const fn accepts(&self) -> AcceptedTokens {
        self.settings.accepts
    }

    pub(super) const fn introspector(&self) -> Option<&Introspector> {
        self.introspector.as_ref()
    }

    /// What this issuer calls `caller`, its own name first.
    pub(super) fn names<'a>(&'a self, caller: &'a WorkloadId) -> Vec<&'a str> {
        let known = self.settings.workloads.iter().filter(|(_, id)| id == caller).map(|(name, _)| name.as_str());
        std::iter::once(caller.as_str()).chain(known).collect()
    }

    /// The audiences that anybody may present tokens for.
    pub(super) fn audiences(&self) -> impl Iterator<Item = &str> {
        self.settings.audiences.iter().map(String::as_str)
    }

    pub(super) fn id_token_rules<'a>(&'a self, audiences: &'a [&'a str], skew: Duration) -> IdTokenRules<'a> {
        let Self { settings, .. } = self;
        IdTokenRules {
            issuer: &settings.url,
            audiences,
            algorithms: &settings.algorithms,
            // The scope of an ID token, where it has one, is always `scope`.
            claims: ClaimRules { client: None, scope: "scope", ..self.claim_rules() },
            not: &settings.access_token_mark,
            skew,
        }
    }

    pub(super) fn access_token_rules(&self, skew: Duration) -> ForeignAccessTokenRules<'_> {
        let Self { settings, .. } = self;
        ForeignAccessTokenRules {
            issuer: &settings.url,
            algorithms: &settings.algorithms,
            claims: self.claim_rules(),
            mark: &settings.access_token_mark,
            skew,
        }
    }

    pub(super) fn introspection_rules(&self, skew: Duration) -> IntrospectionRules<'_> {
        IntrospectionRules { issuer: &self.settings.url, claims: self.claim_rules(), skew }
    }

    fn claim_rules(&self) -> ClaimRules<'_> {
        let Self { settings, .. } = self;
        ClaimRules {
            required: &settings.required,
            groups: &settings.groups_claim,
            client: settings.client_claim.as_deref(),
            scope: &settings.scope_claim,
            consent: settings.consent_claim.as_deref(),
        }
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
