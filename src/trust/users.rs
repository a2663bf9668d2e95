//! The users that OpenID issuers vouch for, by whichever kind of token.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{
    Audience, Confirmation, ForeignAccessToken, IdToken, Introspected, Issuer, UnixTime, Unverified, UserClaims, Verified,
    WorkloadId, base64url, sha256,
};
use quick_cache::sync::Cache;

use super::cache::{Name, VerifiedCache};
use super::issuer::{UserIssuer, UserIssuerSettings};
use super::{TrustError, fetch};

/// How long an issuer's answer about a token is believed, unless the token ends before.
const ANSWER_COUNTS: Duration = Duration::from_secs(30);
/// How many such answers are remembered.
const MAX_ANSWERS: usize = 8192;

/// A token that stands for a user. Its issuer vouched for it; who presents it was compared with whom it is for.
#[derive(Clone, Debug)]
pub enum UserToken {
    /// An ID token.
    Id(Arc<Verified<IdToken>>),
    /// An access token that was signed.
    Access(Arc<Verified<ForeignAccessToken>>),
    /// An access token that its issuer was asked about.
    Introspected(Arc<Introspected>),
}

impl UserToken {
    /// What it is, for the audit event: `id_token`, `access_token` or `introspected`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Id(_) => "id_token",
            Self::Access(_) => "access_token",
            Self::Introspected(_) => "introspected",
        }
    }

    /// What names it in a store: a hash of what was signed, or of the text of what was not.
    pub fn fingerprint(&self) -> &[u8; 32] {
        match self {
            Self::Id(token) => token.fingerprint(),
            Self::Access(token) => token.fingerprint(),
            Self::Introspected(token) => token.fingerprint(),
        }
    }

    /// Whom it is meant for, if it says so.
    pub fn audience(&self) -> Option<&Audience> {
        match self {
            Self::Id(token) => Some(token.audience()),
            Self::Access(token) => token.audience(),
            Self::Introspected(token) => token.audience(),
        }
    }

    /// What its holder has to prove to have, if it is bound.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        match self {
            Self::Id(_) => None,
            Self::Access(token) => token.confirmation(),
            Self::Introspected(token) => token.confirmation(),
        }
    }
}

/// What it says of the user.
impl Deref for UserToken {
    type Target = UserClaims;

    fn deref(&self) -> &UserClaims {
        match self {
            Self::Id(token) => token,
            Self::Access(token) => token,
            Self::Introspected(token) => token,
        }
    }
}

/// Whether an issuer is one to deal with: that it is not disabled.
pub(super) type Admit<'a> = &'a (dyn Fn(&UserIssuer) -> Result<(), TrustError> + Sync);

/// An answer of an issuer, and until when it is believed.
#[derive(Clone)]
struct Answer {
    token: Arc<Introspected>,
    until: UnixTime,
}

/// Every OpenID issuer we believe, and what we verified of theirs lately.
pub(super) struct Users {
    us: Issuer,
    skew: Duration,
    issuers: HashMap<Issuer, UserIssuer>,
    /// Those that are asked about tokens nobody else can read, in the order of the configuration.
    asked: Vec<Issuer>,
    id_tokens: VerifiedCache<Verified<IdToken>>,
    access_tokens: VerifiedCache<Verified<ForeignAccessToken>>,
    answers: Cache<[u8; 32], Answer>,
}

impl Users {
    pub(super) async fn open(
        us: &Issuer,
        skew: Duration,
        settings: &[UserIssuerSettings],
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let mut issuers = HashMap::new();
        for issuer in settings {
            issuers.insert(issuer.url.clone(), UserIssuer::open(issuer, now).await?);
        }
        let asked = settings.iter().filter(|issuer| issuer.introspection.is_some()).map(|issuer| issuer.url.clone());
        Ok(Self {
            us: us.clone(),
            skew,
            issuers,
            asked: asked.collect(),
            id_tokens: VerifiedCache::default(),
            access_tokens: VerifiedCache::default(),
            answers: Cache::new(MAX_ANSWERS),
        })
    }

    /// Whether anybody can be asked about tokens that nobody else can read.
    pub(super) fn can_be_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// All of them, in no order.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &UserIssuer> {
        self.issuers.values()
    }

    pub(super) fn measure(&self, now: UnixTime) {
        self.issuers.values().for_each(|issuer| issuer.measure(now));
    }

    pub(super) fn issuer(&self, url: &Issuer) -> Result<&UserIssuer, TrustError> {
        self.issuers.get(url).ok_or(TrustError::UnknownIssuer)
    }

    pub(super) async fn verify_id_token(
        &self,
        text: &str,
        caller: &WorkloadId,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        let name = Name::new(text, caller.as_str());
        if let Some(known) = self.id_tokens.get(&name) {
            let issuer = self.issuer(known.credential.issuer())?;
            if issuer.keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((UserToken::Id(known.credential), issuer));
            }
        }
        let unverified = Unverified::<IdToken>::parse(text)?;
        let issuer = self.issuer(unverified.issuer())?;
        if !issuer.accepts().id_tokens {
            return Err(TrustError::TokenKind);
        }
        let keys = issuer.keys(unverified.key_id(), now).await?;
        let mut audiences = issuer.names(caller);
        audiences.extend(std::iter::once(self.us.as_str()).chain(issuer.audiences()));
        let token = unverified.verify(&keys.set, &issuer.id_token_rules(&audiences, self.skew), now)?;
        Ok((UserToken::Id(self.id_tokens.remember(name, keys.version, token)), issuer))
    }

    /// An access token that is a JWS is judged by its issuer's keys, and by nothing else if that fails; about what is none
    /// those issuers are asked that `admit` lets be.
    pub(super) async fn verify_access_token(
        &self,
        text: &str,
        caller: &WorkloadId,
        admit: Admit<'_>,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        // Without anybody to ask, it is a JWS or nothing.
        if is_jws(text) || self.asked.is_empty() {
            self.verify_signed(text, caller, now).await
        } else {
            self.introspect(text, caller, admit, now).await
        }
    }

    async fn verify_signed(
        &self,
        text: &str,
        caller: &WorkloadId,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        let name = Name::new(text, caller.as_str());
        if let Some(known) = self.access_tokens.get(&name) {
            let issuer = self.issuer(known.credential.issuer())?;
            if issuer.keys(None, now).await?.version == known.keys {
                known.credential.verify_time(now, self.skew)?;
                return Ok((UserToken::Access(known.credential), issuer));
            }
        }
        let unverified = Unverified::<ForeignAccessToken>::parse(text)?;
        let issuer = self.issuer(unverified.issuer())?;
        if !issuer.accepts().access_tokens {
            return Err(TrustError::TokenKind);
        }
        let keys = issuer.keys(unverified.key_id(), now).await?;
        let token = unverified.verify(&keys.set, &issuer.access_token_rules(self.skew), now)?;
        is_for(&token, issuer, caller)?;
        Ok((UserToken::Access(self.access_tokens.remember(name, keys.version, token)), issuer))
    }

    async fn introspect(
        &self,
        text: &str,
        caller: &WorkloadId,
        admit: Admit<'_>,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        let name = sha256(text.as_bytes());
        // Until later than it can be: the clock was set back.
        let known = self.answers.get(&name).filter(|answer| now < answer.until && answer.until <= now + ANSWER_COUNTS);
        let token = match known {
            Some(answer) => answer.token,
            None => {
                let asked = tokio::time::timeout(fetch::TIMEOUT, self.ask(text, admit, now)).await;
                let token =
                    asked.unwrap_or_else(|_| Err(TrustError::introspection("all issuers", "took longer than 5 seconds")))?;
                let until = (now + ANSWER_COUNTS).min(token.expires());
                self.answers.insert(name, Answer { token: Arc::clone(&token), until });
                token
            }
        };
        let issuer = self.issuer(token.issuer())?;
        token.verify_time(now, self.skew)?;
        is_for(&token, issuer, caller)?;
        Ok((UserToken::Introspected(token), issuer))
    }

    /// Asks one issuer after the other until one knows the token. Who cannot be asked may be the one that knows it.
    async fn ask(&self, text: &str, admit: Admit<'_>, now: UnixTime) -> Result<Arc<Introspected>, TrustError> {
        let mut outcome = Err(TrustError::Inactive);
        for url in &self.asked {
            let issuer = self.issuer(url)?;
            let Some(introspector) = issuer.introspector() else { continue };
            // Who is disabled gets no token to see.
            if let Err(cause) = admit(issuer) {
                outcome = Err(cause);
                continue;
            }
            match introspector.ask(text).await {
                Ok(body) => {
                    if let Some(token) = Introspected::judge(text, &body, &issuer.introspection_rules(self.skew), now)? {
                        return Ok(Arc::new(token));
                    }
                }
                Err(cause) => {
                    tracing::warn!(issuer = url.as_str(), %cause, "an issuer could not be asked about a token");
                    outcome = Err(TrustError::introspection(url.as_str(), &cause.to_string()));
                }
            }
        }
        outcome
    }
}

/// An access token is for its audience and for the application it was made for: nobody else may have it acted on, whatever
/// policy says. `audiences` of the configuration name those that anybody may act for.
fn is_for(token: &ForeignAccessToken, issuer: &UserIssuer, caller: &WorkloadId) -> Result<(), TrustError> {
    let names = issuer.names(caller);
    let audiences: Vec<&str> = names.iter().copied().chain(issuer.audiences()).collect();
    if token.is_for(&audiences, &names) { Ok(()) } else { Err(TrustError::Stranger) }
}

/// Whether `text` is a JWS, good or bad: three parts, of which the first is a JSON object in base64url.
fn is_jws(text: &str) -> bool {
    let mut parts = text.split('.');
    let header = parts.next().and_then(|header| base64url::decode(header).ok());
    parts.count() == 2 && header.is_some_and(|header| header.trim_ascii_start().starts_with(b"{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F31: what begins like a JWS is never asked about, whatever is wrong with it.
    #[test]
    fn a_jws_is_told_from_other_tokens_by_its_form() {
        for jws in ["e30.e30.AQ", "eyJhbGciOiJFUzI1NiJ9..", "eyJhbGciOiJub25lIn0.e30.", "IHsgfQ.x.y", "ewp9.!.!"] {
            assert!(is_jws(jws), "{jws}");
        }
        // A reference, two that have dots, a token of five parts (JWE), and one whose first part is no object.
        for other in ["2YotnFZFEjr1zCsicMWpAA", "ya29.a0Af", "v2.local.AAAA", "e30.AQ.AQ.AQ.AQ", "W10.e30.AQ", "e30=.e30.AQ", ""]
        {
            assert!(!is_jws(other), "{other}");
        }
    }
}
