//! The judgement of one request.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http_body::Body;
use procura_token::{AccessToken, Algorithm, Freshness, Htu, Issuer, Nonces, Resource, UnixTime};
use tower::BoxError;

use crate::cache::Cache;
use crate::caller::Proved;
use crate::credentials::{Accepted, Attempt, BoundToken, Credentials};
use crate::refusal::Challenges;
use crate::replay::AnyReplayStore;
use crate::response::{Reply, ResponseSigning};
use crate::workload::Workloads;
use crate::{Caller, Cause, Claimed, Clock, GuardBuilder, Keys, PeerCertificate, Refusal, ReplayError, body};

/// How long a replay store may take.
const CLAIM: Duration = Duration::from_secs(2);

/// Judges requests to one resource. Cheap to clone; clones share keys, caches and memory.
#[derive(Clone)]
pub struct Guard(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) issuer: Issuer,
    pub(crate) audience: Resource,
    /// Without a slash at the end.
    pub(crate) public_urls: Vec<String>,
    pub(crate) token_algorithms: Vec<Algorithm>,
    pub(crate) proof_algorithms: Vec<Algorithm>,
    pub(crate) freshness: Freshness,
    pub(crate) skew: Duration,
    pub(crate) nonces: Option<Nonces>,
    pub(crate) replay: Box<dyn AnyReplayStore>,
    pub(crate) keys: Keys,
    #[cfg(feature = "handover")]
    pub(crate) handovers: Option<Keys>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) tokens: Cache<AccessToken>,
    pub(crate) accepted: Accepted,
    pub(crate) workloads: Workloads,
    pub(crate) body_limit: usize,
    pub(crate) responses: Option<ResponseSigning>,
    pub(crate) challenges: Arc<Challenges>,
}

/// A request that may go on: who calls, the body, and how the answer is to be signed if it must be.
pub(crate) struct Admitted<B> {
    pub(crate) caller: Caller,
    pub(crate) body: B,
    pub(crate) reply: Option<Reply>,
}

/// What is claimed for one proof.
pub(crate) struct Claim {
    pub(crate) key: [u8; 32],
    /// The earliest that the proof could have been used, if nothing else shows that it is young.
    pub(crate) since: Option<UnixTime>,
    pub(crate) until: UnixTime,
}

impl Guard {
    /// Begins a guard of the resource named `audience`, for tokens of `issuer`.
    pub fn builder(issuer: Issuer, audience: Resource) -> GuardBuilder {
        GuardBuilder::new(issuer, audience)
    }

    /// Verifies the credentials of `request` at `now`: what [`GuardLayer`](crate::GuardLayer) does, for servers without tower.
    ///
    /// In this order: exactly one token and one proof; the token's issuer, algorithm, signature, audience and time; the
    /// proof's algorithm, signature, method, URI, freshness and `ath`; that the token is bound to the proof's key; the
    /// nonce, if nonces are on; and last, that the proof was never used before (RFC 9449 section 4.3, RFC 9068 section 4).
    /// Where other ways of calling are configured: the WIT, its proof, the token that the proof covers, and last again that the
    /// proof is new; or the token and the connection's [`PeerCertificate`].
    ///
    /// Not checked: scope ([`Caller::require`]), revocation, and anything else in the request. A DPoP proof covers method and
    /// URI without query, not headers or body (RFC 9449 section 11.7); a WPT not even the method. A request with a message
    /// signature is refused, since its body is not here: the layer reads it.
    ///
    /// # Errors
    /// A [`Refusal`], which is also logged here with its cause.
    pub async fn verify(&self, request: &Parts, now: UnixTime) -> Result<Caller, Refusal> {
        let credentials = self.credentials(request, now)?;
        self.judge(&credentials, request, now).await.map_err(|cause| self.refuse(cause, credentials.attempt(), now))
    }

    /// [`Guard::verify`], which also reads the body of a signed request.
    pub(crate) async fn admit<B>(&self, request: &Parts, body: B, now: UnixTime) -> Result<Admitted<B>, Refusal>
    where
        B: Body + From<Bytes>,
        B::Error: Into<BoxError>,
    {
        let credentials = self.credentials(request, now)?;
        let judged = match &credentials {
            Credentials::Signature { wit, token } => self.judge_signed(wit, token.as_ref(), request, body, now).await,
            _ => self.judge(&credentials, request, now).await.map(|caller| Admitted { caller, body, reply: None }),
        };
        judged.map_err(|cause| self.refuse(cause, credentials.attempt(), now))
    }

    fn credentials<'a>(&'a self, request: &'a Parts, now: UnixTime) -> Result<Credentials<'a>, Refusal> {
        Credentials::parse(request, &self.0.accepted).map_err(|(attempt, cause)| self.refuse(cause, attempt, now))
    }

    async fn judge(&self, credentials: &Credentials<'_>, request: &Parts, now: UnixTime) -> Result<Caller, Cause> {
        match credentials {
            Credentials::Dpop(bound) => self.judge_dpop(bound, request, now).await,
            Credentials::Bearer(token) => self.judge_bearer(token, request, now).await,
            Credentials::Wpt(wpt) => self.verify_wpt(wpt, request, now).await,
            Credentials::Signature { .. } => Err(Cause::NoBody),
        }
    }

    async fn judge_dpop(&self, bound: &BoundToken<'_>, request: &Parts, now: UnixTime) -> Result<Caller, Cause> {
        let proved = self.verify_dpop(bound, request, now).await?;
        self.claim_dpop(&proved.proof, now).await?;
        Ok(Caller::of_token(proved.token, Proved::Dpop(proved.proof.thumbprint())))
    }

    /// Compares the token with the certificate of the connection (RFC 8705 section 3).
    async fn judge_bearer(&self, text: &str, request: &Parts, now: UnixTime) -> Result<Caller, Cause> {
        let token = self.verify_token(text, now).await?;
        let certificate = request.extensions.get::<PeerCertificate>().ok_or(Cause::NoCertificate)?.thumbprint();
        token.verify_binding(certificate).map_err(Cause::Token)?;
        Ok(Caller::of_token(token, Proved::Certificate(certificate)))
    }

    async fn judge_signed<B>(
        &self,
        wit: &str,
        bound: Option<&BoundToken<'_>>,
        request: &Parts,
        body: B,
        now: UnixTime,
    ) -> Result<Admitted<B>, Cause>
    where
        B: Body + From<Bytes>,
        B::Error: Into<BoxError>,
    {
        let target = crate::signature::target_of(request);
        let head = self.verify_signed_head(wit, bound, request, &target, now).await?;
        let body = body::read(body, self.0.body_limit).await?;
        let (caller, reply) = self.verify_signed_body(head, &body, now).await?;
        Ok(Admitted { caller, body: B::from(body), reply })
    }

    /// Claims a proof that is good in every other respect; `replayed` says that it was used before.
    pub(crate) async fn claim(&self, claim: Claim, replayed: Cause, now: UnixTime) -> Result<(), Cause> {
        let store = &self.0.replay;
        // Of what was before its memory began, a store cannot say whether it is new.
        if claim.since.is_some_and(|since| store.began().is_some_and(|began| since <= began)) {
            return Err(replayed);
        }
        let claim = store.claim_boxed(claim.key, claim.until, now);
        match tokio::time::timeout(CLAIM, claim).await.map_err(|_| ReplayError::TimedOut)?? {
            Claimed::First => Ok(()),
            Claimed::Again => Err(replayed),
        }
    }

    pub(crate) fn refuse(&self, cause: Cause, attempt: Attempt, now: UnixTime) -> Refusal {
        match &cause {
            Cause::Keys(_) | Cause::Replay(_) | Cause::Unsigned => tracing::error!(%cause, "request refused"),
            _ => tracing::info!(%cause, "request refused"),
        }
        let nonce = if matches!(cause, Cause::Nonce) { self.nonce(now) } else { None };
        Refusal::new(cause, attempt).with_challenges(&self.0.challenges, nonce)
    }

    /// A new nonce, if nonces are on.
    pub(crate) fn nonce(&self, now: UnixTime) -> Option<String> {
        self.0.nonces.as_ref().map(|nonces| nonces.give(now, self.0.replay.epoch()))
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.0.clock.now()
    }
}

impl Inner {
    /// Our own URLs for a request to `path`: never made from `Host` or a forwarding header.
    pub(crate) fn urls_of(&self, path: &str) -> Vec<Htu> {
        // `*` and the authority form of CONNECT are no paths: appended to a base they would name another host.
        if !path.starts_with('/') {
            return Vec::new();
        }
        self.public_urls.iter().filter_map(|base| format!("{base}{path}").parse().ok()).collect()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("issuer", &self.0.issuer).field("audience", &self.0.audience).finish_non_exhaustive()
    }
}
