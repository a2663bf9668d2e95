//! The judgement of one request.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use http::request::Parts;
use procura_token::{
    AccessToken, AccessTokenRules, Algorithm, DpopProof, DpopRules, Freshness, Htu, Issuer, Nonces, Resource, UnixTime,
    Unverified, Verified, VerifiedDpopProof, VerifyError,
};

use crate::cache::TokenCache;
use crate::credentials::Credentials;
use crate::replay::AnyReplayStore;
use crate::{Caller, Cause, Claimed, Clock, GuardBuilder, Keys, Refusal, ReplayError};

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
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) tokens: TokenCache,
}

impl Guard {
    /// Begins a guard of the resource named `audience`, for tokens of `issuer`.
    pub fn builder(issuer: Issuer, audience: Resource) -> GuardBuilder {
        GuardBuilder::new(issuer, audience)
    }

    /// Verifies the credentials of `request` at `now`.
    ///
    /// In this order: exactly one token and one proof; the token's issuer, algorithm, signature, audience and time; the
    /// proof's algorithm, signature, method, URI, freshness and `ath`; that the token is bound to the proof's key; the
    /// nonce, if nonces are on; and last, that the proof was never used before (RFC 9449 section 4.3, RFC 9068 section 4).
    ///
    /// Not checked: scope ([`Caller::require`]), revocation, and anything else in the request. A proof covers method and
    /// URI without query, not headers or body (RFC 9449 section 11.7).
    ///
    /// # Errors
    /// A [`Refusal`], which is also logged here with its cause.
    pub async fn verify(&self, request: &Parts, now: UnixTime) -> Result<Caller, Refusal> {
        self.judge(request, now).await.map_err(|cause| {
            match &cause {
                Cause::Keys(_) | Cause::Replay(_) => tracing::error!(%cause, "request refused"),
                _ => tracing::info!(%cause, "request refused"),
            }
            let nonce = if matches!(cause, Cause::Nonce) { self.nonce(now) } else { None };
            Refusal::new(cause, self.0.algorithm_names(), nonce)
        })
    }

    async fn judge(&self, request: &Parts, now: UnixTime) -> Result<Caller, Cause> {
        let credentials = Credentials::parse(request)?;
        let token = self.verify_token(credentials.token, now).await?;
        let proof = self.verify_proof(&credentials, request, now)?;
        token.verify_binding(proof.thumbprint()).map_err(Cause::Proof)?;
        self.verify_nonce(&proof, now)?;
        self.claim(&proof, now).await?;
        Ok(Caller::new(&token))
    }

    async fn verify_token(&self, text: &str, now: UnixTime) -> Result<Arc<Verified<AccessToken>>, Cause> {
        let Inner { issuer, audience, token_algorithms: algorithms, skew, keys, tokens, .. } = &*self.0;
        let mut current = keys.current(now).await?;
        if let Some(token) = tokens.get(text, current.revision) {
            token.verify_time(now, *skew).map_err(Cause::Token)?;
            return Ok(token);
        }
        let unverified = Unverified::<AccessToken>::parse(text).map_err(|error| Cause::Token(error.into()))?;
        if unverified.issuer() != issuer {
            return Err(Cause::Token(VerifyError::Issuer));
        }
        if !current.keys.knows(unverified.key_id()) {
            current = keys.newer(now).await?;
        }
        let rules = AccessTokenRules { issuer, audience, algorithms, skew: *skew };
        let token = Arc::new(unverified.verify(&current.keys, &rules, now).map_err(Cause::Token)?);
        tokens.insert(text, current.revision, Arc::clone(&token));
        Ok(token)
    }

    fn verify_proof(&self, credentials: &Credentials<'_>, request: &Parts, now: UnixTime) -> Result<VerifiedDpopProof, Cause> {
        let proof = Unverified::<DpopProof>::parse(credentials.proof).map_err(|error| Cause::Proof(error.into()))?;
        let rules = DpopRules {
            method: request.method.as_str(),
            uris: &self.0.uris_of(request.uri.path()),
            access_token: Some(credentials.token),
            algorithms: &self.0.proof_algorithms,
            freshness: self.0.freshness,
        };
        proof.verify(&rules, now).map_err(Cause::Proof)
    }

    fn verify_nonce(&self, proof: &VerifiedDpopProof, now: UnixTime) -> Result<(), Cause> {
        match &self.0.nonces {
            Some(nonces) if !proof.nonce().is_some_and(|nonce| nonces.recognise(nonce, now, self.0.replay.epoch())) => {
                Err(Cause::Nonce)
            }
            _ => Ok(()),
        }
    }

    async fn claim(&self, proof: &VerifiedDpopProof, now: UnixTime) -> Result<(), Cause> {
        let until = proof.replay_until(self.0.freshness, self.0.skew);
        let claim = self.0.replay.claim_boxed(proof.replay_key(), until, now);
        match tokio::time::timeout(CLAIM, claim).await.map_err(|_| ReplayError::TimedOut)?? {
            Claimed::First => Ok(()),
            Claimed::Again => Err(Cause::Replayed),
        }
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
    fn uris_of(&self, path: &str) -> Vec<Htu> {
        // `*` and the authority form of CONNECT are no paths: appended to a base they would name another host.
        if !path.starts_with('/') {
            return Vec::new();
        }
        self.public_urls.iter().filter_map(|base| format!("{base}{path}").parse().ok()).collect()
    }

    fn algorithm_names(&self) -> Box<str> {
        let names: Vec<_> = self.proof_algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        names.join(" ").into()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("issuer", &self.0.issuer).field("audience", &self.0.audience).finish_non_exhaustive()
    }
}
