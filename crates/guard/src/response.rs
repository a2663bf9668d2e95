//! Responses that are signed (WIMSE HTTP signature section 3.4).

use core::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use procura_token::{
    JwkConfirmation, MAX_PROOF_LIFETIME, NewResponseSignature, ParseError, RequestHead, ResponseHead, Signer, TokenId, UnixTime,
    Unverified, WORKLOAD_IDENTITY_TOKEN, Wit, base64url, parse_json, random_bytes,
};
use serde::Deserialize;

use crate::Cause;

/// The server's own WIT and the key it is bound to, with which responses are signed.
pub struct Identity {
    wit: HeaderValue,
    expires: UnixTime,
    signer: Box<dyn Signer>,
}

/// Why a WIT and a key are no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text is no WIT.
    #[error("WIT: {0}")]
    Wit(#[from] ParseError),
    /// The WIT is bound to another key, or to another algorithm.
    #[error("the WIT is not bound to this key and its algorithm")]
    Key,
}

impl Identity {
    /// Joins a WIT and the key of its `cnf`. The WIT's signature is not verified: clients do that.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn new(wit: &str, signer: impl Signer + 'static) -> Result<Self, IdentityError> {
        #[derive(Deserialize)]
        struct Claims {
            exp: UnixTime,
            cnf: JwkConfirmation,
        }
        Unverified::<Wit>::parse(wit)?;
        let payload = wit.split('.').nth(1).unwrap_or_default();
        let Claims { exp, cnf } = parse_json(&base64url::decode(payload)?)?;
        if cnf.key.thumbprint() != signer.public_key().thumbprint() || cnf.algorithm != signer.algorithm() {
            return Err(IdentityError::Key);
        }
        let wit = HeaderValue::try_from(wit).map_err(|_| ParseError::NotCompact)?;
        Ok(Self { wit, expires: exp, signer: Box::new(signer) })
    }
}

/// Shows neither token nor key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Which responses are signed, and where the key for them comes from.
pub(crate) struct ResponseSigning {
    pub(crate) source: Box<dyn Fn() -> Option<Arc<Identity>> + Send + Sync>,
    pub(crate) is_for_every_response: bool,
}

impl ResponseSigning {
    /// The identity, if there is one that is still good (WIMSE workload credentials section 9.4).
    pub(crate) fn identity(&self, now: UnixTime) -> Option<Arc<Identity>> {
        (self.source)().filter(|identity| now < identity.expires)
    }
}

/// A response that must be signed: by whom, and what it answers.
pub(crate) struct Reply {
    pub(crate) identity: Arc<Identity>,
    pub(crate) request_nonce: TokenId,
    pub(crate) method: Method,
    pub(crate) target: String,
}

impl Reply {
    /// Puts WIT, digest and signature into the headers of a response that is complete.
    ///
    /// # Errors
    /// [`Cause::Unsigned`]: there must be no such response then.
    pub(crate) fn sign(&self, status: StatusCode, headers: &mut HeaderMap, body: &[u8], now: UnixTime) -> Result<(), Cause> {
        let Identity { wit, expires, signer } = &*self.identity;
        if now >= *expires {
            return Err(Cause::Unsigned);
        }
        headers.insert(WORKLOAD_IDENTITY_TOKEN, wit.clone());
        let new = NewResponseSignature {
            created: now,
            expires: (now + MAX_PROOF_LIFETIME).min(*expires),
            nonce: &TokenId::from_random(random_bytes()),
            request_nonce: &self.request_nonce,
        };
        // Of the request, a response's signature covers method and target alone.
        let request = RequestHead { method: self.method.as_str(), target: &self.target, headers: &HeaderMap::new() };
        let head = ResponseHead { status: status.as_u16(), headers };
        let fields = new.sign(&**signer, &head, &request, body).map_err(|error| {
            tracing::error!(%error, "a response could not be signed");
            Cause::Unsigned
        })?;
        fields.insert_into(headers);
        Ok(())
    }
}
