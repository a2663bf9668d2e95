//! How a guard is made.

mod caller;

use core::time::Duration;
use std::sync::Arc;

use http::HeaderName;
use procura_token::{Algorithm, Freshness, Htu, Issuer, MAX_SKEW, Nonces, ParseError, Resource};

use crate::cache::Cache;
use crate::credentials::Accepted;
use crate::guard::Inner;
use crate::refusal::Challenges;
use crate::replay::AnyReplayStore;
use crate::response::ResponseSigning;
use crate::workload::Workloads;
use crate::{Clock, Guard, Keys, KeysError, MemoryReplayStore, ReplayStore, SystemClock};

/// How long a nonce is given out; it is good for as long again.
const NONCE_PERIOD: Duration = Duration::from_secs(60);
/// The most bytes of a body that is read to be verified or signed.
const BODY_LIMIT: usize = 1 << 20;

/// Why a guard cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No public URL, so that no proof could ever fit.
    #[error("no public URL was given")]
    NoPublicUrl,
    /// A public URL that is not an http or https URL without query and fragment.
    #[error("public URL `{url}`: {cause}")]
    PublicUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// Skew or freshness of more than five minutes.
    #[error("skew and freshness are at most 300 seconds")]
    Leeway,
    /// No algorithm for tokens or for proofs.
    #[error("no algorithm is accepted")]
    NoAlgorithm,
    /// A way of proving WITs, or Biscuits with WITs in them, are accepted and no trust domain is trusted; or the reverse.
    #[error("WITs need both a trust domain and a way to prove them")]
    Wits,
    /// A trust domain was given twice.
    #[error("trust domain `{0}` was given twice")]
    TrustDomain(String),
    /// A header field for tokens that was given twice, has a meaning of its own, or is the seventeenth.
    #[error("header field `{0}` cannot carry another token")]
    TokenField(HeaderName),
    /// Responses are to be signed, but no message signatures are accepted.
    #[error("responses are signed for requests with message signatures only")]
    Responses,
    /// The issuer's keys cannot be fetched as configured.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Makes a [`Guard`]. Issuer, audience and one public URL are needed; the rest has safe defaults.
///
/// A guard takes `Authorization: DPoP` and nothing else, unless told so here.
pub struct GuardBuilder {
    issuer: Issuer,
    audience: Resource,
    public_urls: Vec<String>,
    token_algorithms: Vec<Algorithm>,
    proof_algorithms: Vec<Algorithm>,
    freshness: Freshness,
    skew: Duration,
    nonces: Option<Nonces>,
    replay: Box<dyn AnyReplayStore>,
    keys: Option<Keys>,
    #[cfg(feature = "handover")]
    handovers: Option<Keys>,
    clock: Box<dyn Clock>,
    accepted: Accepted,
    domains: Vec<(Box<str>, Keys)>,
    body_limit: usize,
    responses: Option<ResponseSigning>,
}

impl GuardBuilder {
    pub(crate) fn new(issuer: Issuer, audience: Resource) -> Self {
        Self {
            issuer,
            audience,
            public_urls: Vec::new(),
            token_algorithms: Algorithm::DEFAULT.to_vec(),
            proof_algorithms: Algorithm::DEFAULT.to_vec(),
            freshness: Freshness::default(),
            skew: Duration::from_secs(60),
            nonces: None,
            replay: Box::new(MemoryReplayStore::default()),
            keys: None,
            #[cfg(feature = "handover")]
            handovers: None,
            clock: Box::new(SystemClock),
            accepted: Accepted::default(),
            domains: Vec::new(),
            body_limit: BODY_LIMIT,
            responses: None,
        }
    }

    /// A base URL under which clients reach this server, such as `https://api.example`; may be given several times.
    ///
    /// A proof's `htu` must be one of these followed by the path of the request as the guard sees it. A router that strips
    /// a prefix before the guard needs that prefix here.
    #[must_use]
    pub fn public_url(mut self, base: &str) -> Self {
        self.public_urls.push(base.to_owned());
        self
    }

    /// The algorithms of access tokens and WITs. Default: all that are known, each only with a key that fits.
    #[must_use]
    pub fn token_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.token_algorithms = algorithms.to_vec();
        self
    }

    /// The algorithms of proofs, told to clients in every challenge. Default: all that are known.
    #[must_use]
    pub fn proof_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.proof_algorithms = algorithms.to_vec();
        self
    }

    /// How long a proof is fresh. Default: 60 seconds back, 5 ahead; each at most 300.
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Leeway on the time of tokens. Default 60 seconds, at most 300.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Asks for a nonce in every proof, of the last 60 to 120 seconds. Off by default; one extra round trip for a client's
    /// first request.
    ///
    /// All nodes of one resource server share the `secret`; a server of one node takes [`random_bytes`](crate::random_bytes).
    #[must_use]
    pub fn nonces(mut self, secret: [u8; 32]) -> Self {
        self.nonces = Some(Nonces::new(&secret, self.audience.as_str(), NONCE_PERIOD));
        self
    }

    /// Where used proofs are remembered. Default: [`MemoryReplayStore`]. Several nodes need one that they share.
    #[must_use]
    pub fn replay_store(mut self, store: impl ReplayStore) -> Self {
        self.replay = Box::new(store);
        self
    }

    /// The issuer's keys. Default: [`Keys::of_issuer`].
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The clock of the layer. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// WITs are shown by callers, or stand in Biscuits.
    const fn needs_domains(&self) -> bool {
        #[cfg(feature = "handover")]
        if self.handovers.is_some() {
            return true;
        }
        self.accepted.wits()
    }

    /// Makes the guard. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`BuildError`], naming the setting that cannot be.
    pub fn build(self) -> Result<Guard, BuildError> {
        if self.public_urls.is_empty() {
            return Err(BuildError::NoPublicUrl);
        }
        if [self.skew, self.freshness.age, self.freshness.ahead].into_iter().any(|leeway| leeway > MAX_SKEW) {
            return Err(BuildError::Leeway);
        }
        if self.token_algorithms.is_empty() || self.proof_algorithms.is_empty() {
            return Err(BuildError::NoAlgorithm);
        }
        if self.needs_domains() == self.domains.is_empty() {
            return Err(BuildError::Wits);
        }
        if self.responses.is_some() && !self.accepted.signatures {
            return Err(BuildError::Responses);
        }
        caller::verify_token_fields(&self.accepted)?;
        let names: Vec<_> = self.proof_algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        let challenges = Challenges {
            algorithms: names.join(" ").into(),
            bearer: self.accepted.certificates.then(|| self.audience.as_str().into()),
            wpt: self.accepted.wpt,
        };
        let keys = match self.keys {
            Some(keys) => keys,
            None => Keys::of_issuer(&self.issuer)?,
        };
        Ok(Guard(Arc::new(Inner {
            public_urls: self.public_urls.into_iter().map(base_url).collect::<Result<_, _>>()?,
            nonces: self.nonces,
            issuer: self.issuer,
            audience: self.audience,
            token_algorithms: self.token_algorithms,
            proof_algorithms: self.proof_algorithms,
            freshness: self.freshness,
            skew: self.skew,
            replay: self.replay,
            keys,
            #[cfg(feature = "handover")]
            handovers: self.handovers,
            clock: self.clock,
            tokens: Cache::default(),
            accepted: self.accepted,
            workloads: Workloads::new(self.domains)?,
            body_limit: self.body_limit,
            responses: self.responses,
            challenges: Arc::new(challenges),
        })))
    }
}

/// The base without its last slash.
fn base_url(url: String) -> Result<String, BuildError> {
    let cause = match url.parse::<Htu>() {
        Ok(_) if url.contains(['?', '#']) => ParseError::Value { name: "URL", reason: "a query or a fragment" },
        Ok(_) => return Ok(url.trim_end_matches('/').to_owned()),
        Err(cause) => cause,
    };
    Err(BuildError::PublicUrl { url, cause })
}
