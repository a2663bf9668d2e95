//! This service as a workload itself: it signs answers to requests that were signed (WIMSE HTTP signature section 3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use procura_token::{
    Algorithm, Jwk, JwkConfirmation, NewResponseSignature, NewWit, ParseError, RequestHead, ResponseHead, SignError, Signer,
    SigningKey, TokenId, TrustDomain, UnixTime, VerifiedSignature, WORKLOAD_IDENTITY_TOKEN, WorkloadId, random_bytes,
};

/// How long a WIT of ours lasts; it is made anew when half of that is over.
const LIFETIME: Duration = Duration::from_secs(3600);
/// How long the signature of an answer lasts.
const SIGNATURE: Duration = Duration::from_secs(60);

/// Our identity in each trust domain that we issue WITs for: `spiffe://<trust domain>/token-service`, with a key of its own
/// that lives as long as this process.
pub struct Identities(HashMap<TrustDomain, Arc<Identity>>);

struct Identity {
    id: WorkloadId,
    key: SigningKey,
    confirmation: JwkConfirmation,
    /// The WIT that is shown now, and its end.
    wit: Mutex<Option<(HeaderValue, UnixTime)>>,
}

impl Identities {
    /// Makes a key for each trust domain.
    ///
    /// # Errors
    /// [`ParseError`] if no key can be made.
    pub fn new<'a>(domains: impl IntoIterator<Item = &'a TrustDomain>) -> Result<Self, ParseError> {
        let identity = |domain: &TrustDomain| Ok((domain.clone(), Arc::new(Identity::new(domain)?)));
        domains.into_iter().map(identity).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `id` is one of ours: then it is nobody else's.
    pub(super) fn has(&self, id: &WorkloadId) -> bool {
        self.0.get(id.trust_domain()).is_some_and(|identity| identity.id == *id)
    }

    /// Who signs the answer to the request that `signature` signed; `None` if we are nobody in that trust domain.
    pub(super) fn answer(&self, trust_domain: &str, signature: &VerifiedSignature) -> Option<AnswerSigner> {
        let identity = Arc::clone(self.0.get(trust_domain)?);
        Some(AnswerSigner { identity, request_nonce: signature.nonce().clone() })
    }
}

impl Identity {
    fn new(domain: &TrustDomain) -> Result<Self, ParseError> {
        let key = SigningKey::generate(Algorithm::Es256)?;
        let public: Jwk = key.public_key().for_algorithm(Algorithm::Es256);
        let id = format!("spiffe://{domain}/token-service").parse()?;
        Ok(Self { id, confirmation: JwkConfirmation::try_from(public)?, key, wit: Mutex::new(None) })
    }

    fn wit(&self, issuer: &dyn Signer, now: UnixTime) -> Result<HeaderValue, SignError> {
        let mut shown = self.wit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((wit, expires)) = &*shown
            && now + LIFETIME / 2 < *expires
        {
            return Ok(wit.clone());
        }
        let (iat, exp) = (now.whole_secs(), (now + LIFETIME).whole_secs());
        let jti = TokenId::from_random(random_bytes());
        let wit = NewWit { iss: self.id.to_string(), sub: &self.id, iat, exp, jti, cnf: &self.confirmation }.issue(issuer)?;
        let wit = HeaderValue::try_from(wit).map_err(|_| SignError)?;
        *shown = Some((wit.clone(), exp));
        Ok(wit)
    }
}

/// Signs one answer.
pub struct AnswerSigner {
    identity: Arc<Identity>,
    request_nonce: TokenId,
}

impl AnswerSigner {
    /// Adds our WIT and our signature to `headers`, which are complete otherwise. `issuer` is the key that signs WITs.
    ///
    /// # Errors
    /// [`SignError`]: then the answer must not go out as if it were signed.
    pub(super) fn sign(
        &self,
        issuer: &dyn Signer,
        (status, headers): (u16, &mut HeaderMap),
        request: &RequestHead<'_>,
        body: &[u8],
        now: UnixTime,
    ) -> Result<(), SignError> {
        headers.insert(WORKLOAD_IDENTITY_TOKEN, self.identity.wit(issuer, now)?);
        let created = now.whole_secs();
        let nonce = TokenId::from_random(random_bytes());
        let signature =
            NewResponseSignature { created, expires: created + SIGNATURE, nonce: &nonce, request_nonce: &self.request_nonce };
        let fields =
            signature.sign(&self.identity.key, &ResponseHead { status, headers }, request, body).map_err(|_| SignError)?;
        fields.insert_into(headers);
        Ok(())
    }
}
