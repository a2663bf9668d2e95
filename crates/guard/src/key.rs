//! The keys of issuers and of trust domains.

use std::sync::Arc;

use procura_token::{Issuer, JwkSet, KeySet, ParseError, UnixTime};

use crate::fetch::{FetchedKeys, Origin};

/// Names one state of a set of keys: SHA-256 of the document they came in.
pub(crate) type Revision = [u8; 32];

/// What the `use` of a key must say.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// Absent or `sig`.
    Signature,
    /// `wit-svid` (WIT-SVID section 6.2).
    Wit,
}

/// The keys at one time.
pub(crate) struct CurrentKeys {
    pub(crate) keys: KeySet,
    pub(crate) revision: Revision,
}

impl CurrentKeys {
    pub(crate) fn new(set: &JwkSet, public_key_use: Use, revision: Revision) -> Self {
        let uses: &[Option<&str>] = match public_key_use {
            Use::Signature => &[None, Some("sig")],
            Use::Wit => &[Some("wit-svid")],
        };
        Self { keys: KeySet::new(set, uses), revision }
    }
}

/// Why keys cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// `http` to another machine.
    #[error("`{0}` is not protected: neither https nor on the loopback interface")]
    Unprotected(String),
    /// Nothing that could be read came from there: unreachable, too slow, a redirect, an error.
    #[error("`{url}` cannot be fetched: {reason}")]
    Fetch {
        /// What was fetched.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A document longer than 256 KiB.
    #[error("`{0}` is longer than 256 KiB")]
    TooLong(String),
    /// A document that is not what it should be.
    #[error("`{url}` cannot be read: {cause}")]
    Malformed {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// The metadata are another issuer's (RFC 8414 section 3.3).
    #[error("the metadata do not name this issuer")]
    Issuer,
    /// A key set with no key that could be used.
    #[error("the issuer publishes no usable key")]
    NoKey,
    /// The last attempt failed a moment ago, and there are no keys young enough to go on with.
    #[error("the keys could not be fetched a moment ago")]
    NotYet,
    /// The HTTP client or its trusted certificates could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// Where the keys come from that tokens are verified with.
#[derive(Clone)]
pub struct Keys(Source);

#[derive(Clone)]
enum Source {
    Fixed(Arc<CurrentKeys>),
    Fetched(Arc<FetchedKeys>),
}

impl Keys {
    /// These keys, for as long as the process runs. Keys whose `use` is there and not `sig` are left out.
    pub fn fixed(set: &JwkSet) -> Self {
        Self::fixed_for(set, Use::Signature)
    }

    /// The keys that the issuer publishes: its metadata (RFC 8414) name them in `jwks_uri`.
    ///
    /// They are fetched when first needed, again after 5 minutes in the background, and when a token names an unknown key,
    /// then at most every 30 seconds. While fetching fails, keys up to one hour old are used; after that requests are
    /// refused with 503. Each of the two documents has 5 seconds and 256 KiB; redirects and proxies are not followed; the
    /// metadata must name exactly this issuer.
    ///
    /// # Errors
    /// [`KeysError::Unprotected`] or [`KeysError::Client`].
    pub fn of_issuer(issuer: &Issuer) -> Result<Self, KeysError> {
        Self::fetched(Origin::Issuer(issuer.clone()), Use::Signature, None)
    }

    /// Like [`Keys::of_issuer`], trusting the PEM certificates in `roots` alone instead of the system's.
    ///
    /// # Errors
    /// [`KeysError::Unprotected`] or [`KeysError::Client`].
    pub fn of_issuer_with_roots(issuer: &Issuer, roots: &[u8]) -> Result<Self, KeysError> {
        Self::fetched(Origin::Issuer(issuer.clone()), Use::Signature, Some(roots))
    }

    /// The keys in the JWK Set at `url`, fetched and kept as [`Keys::of_issuer`] says. The URL is configuration: it never comes
    /// out of a token.
    ///
    /// # Errors
    /// [`KeysError::Unprotected`] or [`KeysError::Client`].
    pub fn at(url: &str) -> Result<Self, KeysError> {
        Self::fetched(Origin::Document(url.into()), Use::Signature, None)
    }

    fn fixed_for(set: &JwkSet, public_key_use: Use) -> Self {
        Self(Source::Fixed(Arc::new(CurrentKeys::new(set, public_key_use, [0; 32]))))
    }

    fn fetched(origin: Origin, public_key_use: Use, roots: Option<&[u8]>) -> Result<Self, KeysError> {
        FetchedKeys::new(origin, public_key_use, roots).map(|keys| Self(Source::Fetched(Arc::new(keys))))
    }

    pub(crate) async fn current(&self, now: UnixTime) -> Result<Arc<CurrentKeys>, KeysError> {
        match &self.0 {
            Source::Fixed(keys) => Ok(Arc::clone(keys)),
            Source::Fetched(keys) => keys.current(now).await,
        }
    }

    /// The keys after an attempt to learn new ones, if it is time for one.
    pub(crate) async fn newer(&self, now: UnixTime) -> Result<Arc<CurrentKeys>, KeysError> {
        match &self.0 {
            Source::Fixed(keys) => Ok(Arc::clone(keys)),
            Source::Fetched(keys) => keys.newer(now).await,
        }
    }
}

/// The trust bundle of one SPIFFE trust domain: the keys that its WITs are signed with, which are those of `use` `wit-svid`.
#[derive(Clone)]
pub struct Bundle(pub(crate) Keys);

impl Bundle {
    /// These keys, for as long as the process runs.
    pub fn fixed(set: &JwkSet) -> Self {
        Self(Keys::fixed_for(set, Use::Wit))
    }

    /// The bundle at `url`, such as `https://sts.example/spiffe/bundle`, fetched and kept as [`Keys::of_issuer`] says. The
    /// URL is configuration: it never comes out of a token. One without keys is believed: then all WITs are refused.
    ///
    /// # Errors
    /// [`KeysError::Unprotected`] or [`KeysError::Client`].
    pub fn at(url: &str) -> Result<Self, KeysError> {
        Keys::fetched(Origin::Document(url.into()), Use::Wit, None).map(Self)
    }

    /// Like [`Bundle::at`], trusting the PEM certificates in `roots` alone instead of the system's.
    ///
    /// # Errors
    /// [`KeysError::Unprotected`] or [`KeysError::Client`].
    pub fn at_with_roots(url: &str, roots: &[u8]) -> Result<Self, KeysError> {
        Keys::fetched(Origin::Document(url.into()), Use::Wit, Some(roots)).map(Self)
    }
}
