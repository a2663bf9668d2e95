//! Who judges a credential: the keys of its issuer, or a witness of its own kind.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use procura_token::tpm::TpmCredential;
use procura_token::{
    Algorithm, Issuer, KeySet, PlatformClaims, PlatformToken, PlatformTokenRules, Thumbprint, UnixTime, Unverified, Verified,
};

use super::PlatformRuleSettings;
use crate::trust::TrustError;
use crate::trust::fetch::{BearerFile, Discovery};
use crate::trust::keys::{KeySource, KeyStore};
use crate::trust::view::{self, AuthorityView};

/// What a credential says, believed: by the signature of its issuer, the answer of its platform, or an attestation.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Who says so; part of the principal. For kinds without an issuer a constant name of the platform.
    pub(super) issuer: String,
    /// For whom it was made: one of the audiences of the authority's rules.
    pub(super) audience: String,
    /// What it says; the profile's attributes are read from it.
    pub(super) claims: PlatformClaims,
    /// When it was made, if it says so: it is not valid before.
    pub(super) issued_at: Option<UnixTime>,
    /// The later of that and another time before which it is not valid.
    pub(super) valid_from: Option<UnixTime>,
    /// When it ends. What is made from it ends then too.
    pub(super) expires: UnixTime,
    /// Until when it may be believed without asking again; `expires` where nobody is asked.
    pub(super) believed_until: UnixTime,
    /// A SHA-256 over what makes it this one credential, however it was written or signed.
    pub(super) fingerprint: [u8; 32],
    /// The key it is bound to: the proof of possession must be by that key. `None` for a bearer credential.
    pub(super) key: Option<Thumbprint>,
}

/// Judges the credentials of one authority whose keys alone do not: by asking the platform, or because they are no JWTs.
///
/// Whoever presents them is unknown: outside calls need a deadline and a limit of their own, and what was refused lately
/// should cost no second call.
#[async_trait]
pub(super) trait Witness: Send + Sync + fmt::Debug {
    /// Judges `text`: at most 16 KiB, of the characters of base64url and `.`. Everything in [`Statement`] has been verified
    /// when it returns: form, proof, audience, time.
    ///
    /// # Errors
    /// [`TrustError::Platform`] with [`PlatformError::Evidence`](super::PlatformError) or another for a credential that is not
    /// believed, [`TrustError::Keys`] where the platform cannot be asked: then the client may try again.
    async fn judge(&self, text: &str, now: UnixTime) -> Result<Statement, TrustError>;

    /// The same for kinds whose credentials are made for one nonce of ours: here the one that the DPoP proof of the request
    /// names. Whether that proof is good and the nonce fresh is judged later in the same request, and the proof must be by the
    /// statement's key. The other kinds do not look at it.
    ///
    /// # Errors
    /// As [`Witness::judge`]; [`TrustError::NonceMissing`] where there is none.
    async fn judge_for(&self, text: &str, nonce: Option<&str>, now: UnixTime) -> Result<Statement, TrustError> {
        let _ = nonce;
        self.judge(text, now).await
    }

    /// A challenge for the TPM that has these two keys, each a `TPM2B_PUBLIC`. Other kinds have none.
    ///
    /// # Errors
    /// [`TrustError::Platform`] if nobody enrolled the endorsement key.
    fn challenge_tpm(&self, ek_public: &[u8], ak_public: &[u8], now: UnixTime) -> Result<TpmCredential, TrustError> {
        let _ = (ek_public, ak_public, now);
        Err(TrustError::UnknownIssuer)
    }
}

/// Opens the witness of one authority, or leaves its credentials to its issuer's keys.
pub(super) type OpenWitness = fn(&Opening<'_>) -> Result<Option<Box<dyn Witness>>, TrustError>;

/// What there is to know of an authority: it has one issuer, or one assertion type where credentials name no issuer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    /// Its name for logs.
    pub(super) name: &'a str,
    /// Its issuer; `None` for kinds without.
    pub(super) issuer: Option<&'a Issuer>,
    /// The settings of its rules, in the order of the file.
    pub(super) rules: &'a [&'a PlatformRuleSettings],
    /// What its credentials may be meant for: those of all its rules.
    pub(super) audiences: &'a [String],
    /// What its tokens may be signed with.
    pub(super) algorithms: &'a [Algorithm],
    /// Leeway on times.
    pub(super) skew: Duration,
}

impl Opening<'_> {
    /// The first value that a rule gives; rules of one authority do not differ in it.
    pub(super) fn setting<T>(&self, get: impl Fn(&PlatformRuleSettings) -> Option<T>) -> Option<T> {
        self.rules.iter().copied().find_map(get)
    }
}

/// The keys that an OpenID issuer publishes.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    issuer: Issuer,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    skew: Duration,
    keys: Arc<KeyStore>,
}

impl IssuerKeys {
    /// Reads a file's keys now; discovery waits until it is needed.
    pub(super) async fn open(opening: &Opening<'_>, issuer: &Issuer, now: UnixTime) -> Result<Self, TrustError> {
        let unavailable = |cause: String| TrustError::Keys { authority: opening.name.to_owned(), cause };
        let source = match opening.setting(|rule| rule.jwks_file.clone()) {
            Some(file) => KeySource::File(file),
            None => {
                let ca_file = opening.setting(|rule| rule.ca_file.clone());
                let private = opening.setting(|rule| Some(rule.private_addresses.clone())).unwrap_or_default();
                let discovery = Discovery::new(issuer.clone(), ca_file.as_ref(), &private);
                let discovery = discovery.map_err(|cause| unavailable(cause.to_string()))?;
                KeySource::Discovery(match opening.setting(|rule| rule.api_server.clone()) {
                    Some(server) => discovery.at(server.url_of("/openid/v1/jwks"), server.token_file.map(BearerFile::new)),
                    None => discovery,
                })
            }
        };
        let keys = KeyStore::new(opening.name.to_owned(), source, KeySet::default(), now).open(now).await?;
        Ok(Self {
            issuer: issuer.clone(),
            audiences: opening.audiences.to_vec(),
            algorithms: opening.algorithms.to_vec(),
            skew: opening.skew,
            keys,
        })
    }

    /// The version of the keys: verdicts made with another are void.
    pub(super) async fn version(&self, now: UnixTime) -> Result<u64, TrustError> {
        Ok(self.keys.keys(None, now).await?.version)
    }

    /// Where the keys are from, and they themselves, for people.
    pub(super) async fn view(&self, now: UnixTime) -> AuthorityView {
        let keys = self.keys.keys(None, now).await.map(|keys| view::keys("sig", &keys.set).collect());
        AuthorityView::new(self.keys.source(), self.keys.age(now), keys)
    }

    /// Has the keys read again if they are in a file, or if they are not, as `is_file` says.
    pub(super) async fn reload(&self, is_file: bool, now: UnixTime) {
        if self.keys.is_file() == is_file {
            self.keys.reload(now).await;
        }
    }

    /// Judges a token, and says with which version of the keys.
    pub(super) async fn judge(&self, token: Unverified<PlatformToken>, now: UnixTime) -> Result<(Statement, u64), TrustError> {
        let keys = self.keys.keys(token.key_id(), now).await?;
        let rules = PlatformTokenRules {
            issuer: &self.issuer,
            audiences: &self.audiences,
            algorithms: &self.algorithms,
            skew: self.skew,
        };
        let token = token.verify(&keys.set, &rules, now)?;
        Ok((Statement::of_token(&token), keys.version))
    }
}

impl Statement {
    /// What a verified token says.
    pub(super) fn of_token(token: &Verified<PlatformToken>) -> Self {
        Self {
            issuer: token.issuer().to_string(),
            audience: token.audience().sole().unwrap_or_default().to_owned(),
            claims: token.claims().clone(),
            issued_at: token.issued_at(),
            valid_from: token.valid_from(),
            expires: token.expires(),
            believed_until: token.expires(),
            fingerprint: *token.fingerprint(),
            key: None,
        }
    }
}
