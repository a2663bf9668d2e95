//! How a guard is made.

use core::time::Duration;
use std::sync::Arc;

use http::HeaderName;
use procura_token::{Algorithm, Freshness, Htu, Issuer, MAX_SKEW, Nonces, ParseError, Resource, TrustDomain};

use crate::cache::Cache;
use crate::credentials::Accepted;
use crate::guard::Inner;
use crate::refusal::Challenges;
use crate::replay::AnyReplayStore;
use crate::response::ResponseSigning;
use crate::workload::Workloads;
use crate::{Bundle, Clock, Guard, Identity, Keys, KeysError, MemoryReplayStore, ReplayStore, SystemClock};

/// How long a nonce is given out; it is good for as long again.
const NONCE_PERIOD: Duration = Duration::from_secs(60);
/// The most bytes of a body that is read to be verified or signed.
const BODY_LIMIT: usize = 1 << 20;
/// The most header fields with tokens: a WPT covers no more.
const MAX_TOKEN_FIELDS: usize = 16;

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
    /// A way of proving WITs is accepted and no trust domain is trusted, or the reverse.
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

    /// Takes `Authorization: Bearer` too, with tokens that are bound to a client certificate (`cnf.x5t#S256`, RFC 8705 section
    /// 3), over the connection that proved this certificate: see [`PeerCertificate`](crate::PeerCertificate).
    ///
    /// A token that is bound to a key stays refused under `Bearer`, and one that is bound to a certificate under `DPoP`.
    #[must_use]
    pub const fn certificate_bound_tokens(mut self) -> Self {
        self.accepted.certificates = true;
        self
    }

    /// Believes WITs that name workloads `spiffe://<name>/…`, if a key of `bundle` signed them. Keys of one trust domain never
    /// count for another.
    ///
    /// How they are to be proved is for [`workload_proof_tokens`](Self::workload_proof_tokens) and
    /// [`message_signatures`](Self::message_signatures) to say.
    #[must_use]
    pub fn trust_domain(mut self, name: &TrustDomain, bundle: Bundle) -> Self {
        self.domains.push((format!("spiffe://{name}").into(), bundle.0));
        self
    }

    /// Believes WITs that name workloads `wimse://<name>/…`, if one of `keys` signed them.
    #[must_use]
    pub fn wimse_trust_domain(mut self, name: &TrustDomain, keys: Keys) -> Self {
        self.domains.push((format!("wimse://{name}").into(), keys));
        self
    }

    /// Takes a WIT in `Workload-Identity-Token`, proved by `Authorization: WPT` (draft-ietf-wimse-wpt-02).
    ///
    /// A `Txn-Token` must then be covered by the WPT's `tth`. It is not verified here, and says nothing about the caller.
    #[must_use]
    pub const fn workload_proof_tokens(mut self) -> Self {
        self.accepted.wpt = true;
        self
    }

    /// Takes the WPT from `Workload-Proof-Token`, as wpt-00 and -01 had it, beside no `Authorization` at all. For clients that
    /// cannot be changed yet; errors of theirs are 400.
    #[must_use]
    pub const fn legacy_workload_proof_header(mut self) -> Self {
        self.accepted.legacy_wpt = true;
        self
    }

    /// The header field in which a delegation token comes beside a WPT, since `Authorization` is taken. The WPT's `oth` must
    /// cover it, and the token must be bound to the WIT's key and be the WIT's workload's. Beside anything but a WPT the field
    /// is refused.
    #[must_use]
    pub fn delegation_header(mut self, name: HeaderName) -> Self {
        self.accepted.delegation = Some(name);
        self
    }

    /// A header field with some other token about users or authorization, which the guard does not read: beside a WPT it is
    /// refused unless `oth` covers it. May be given several times; fields that are not named here must not be in `oth`.
    #[must_use]
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.accepted.others.push(name);
        self
    }

    /// Takes a WIT in `Workload-Identity-Token`, proved by an HTTP message signature (draft-ietf-wimse-http-signature); beside
    /// it `Authorization: DPoP` with its proof, which the signature then covers, or no token.
    #[must_use]
    pub const fn message_signatures(mut self) -> Self {
        self.accepted.signatures = true;
        self
    }

    /// The most bytes of a body that is read to be verified, or to be signed. Default 1 MiB. Signed requests with a longer one
    /// are refused with 413. Bodies of other requests are not read.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Signs the response to a signed request that asks for it, with what `identity` gives then. Without this, and whenever
    /// there is no identity that is still good, such a request is refused with 501.
    ///
    /// `identity` is asked at every such request and must not block: some task of yours keeps it fresh.
    #[must_use]
    pub fn sign_responses(mut self, identity: impl Fn() -> Option<Arc<Identity>> + Send + Sync + 'static) -> Self {
        self.responses = Some(ResponseSigning { source: Box::new(identity), is_for_every_response: false });
        self
    }

    /// Like [`sign_responses`](Self::sign_responses), for every signed request, asked or not.
    #[must_use]
    pub fn sign_every_response(mut self, identity: impl Fn() -> Option<Arc<Identity>> + Send + Sync + 'static) -> Self {
        self.responses = Some(ResponseSigning { source: Box::new(identity), is_for_every_response: true });
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
        if self.accepted.wits() == self.domains.is_empty() {
            return Err(BuildError::Wits);
        }
        if self.responses.is_some() && !self.accepted.signatures {
            return Err(BuildError::Responses);
        }
        verify_token_fields(&self.accepted)?;
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

/// A field that says something else already must not come to carry a token.
fn verify_token_fields(accepted: &Accepted) -> Result<(), BuildError> {
    const TAKEN: [&str; 10] = [
        "authorization",
        "proxy-authorization",
        "dpop",
        "workload-identity-token",
        "workload-proof-token",
        "txn-token",
        "signature",
        "signature-input",
        "content-digest",
        "cookie",
    ];
    let fields: Vec<_> = accepted.delegation.iter().chain(&accepted.others).collect();
    let mut seen = fields.iter().enumerate();
    let wrong = seen.find(|(at, name)| {
        *at >= MAX_TOKEN_FIELDS || TAKEN.contains(&name.as_str()) || fields.iter().take(*at).any(|before| before == *name)
    });
    wrong.map_or(Ok(()), |(_, name)| Err(BuildError::TokenField((*name).clone())))
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
