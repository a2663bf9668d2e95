//! Proofs by the key of a WIT: Workload Proof Tokens and HTTP message signatures.

use core::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use procura_token::{
    Htu, MessageSignError, NewRequestSignature, NewWpt, ParseError, RequestHead, SignError, TXN_TOKEN, TokenId, UnixTime,
    WORKLOAD_IDENTITY_TOKEN, random_bytes, sole_field, token_fields,
};

use crate::{AgentKey, HeldWit, WitError};

/// How long a proof is good for: for one request, with room for clocks that differ by less than a minute.
const LIFETIME: Duration = Duration::from_secs(60);

/// Why a request cannot carry a proof by the key of a WIT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitProofError {
    /// The WIT is not for this key, or not for now.
    #[error(transparent)]
    Wit(#[from] WitError),
    /// A header field to be covered occurs twice or is not printable ASCII.
    #[error("the request cannot carry a proof: {0}")]
    Header(#[from] ParseError),
    /// The request cannot be signed.
    #[error(transparent)]
    Message(#[from] MessageSignError),
    /// The key could not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A WIT, its key, and the instant: what every proof of a WIT begins with.
#[derive(Clone, Copy)]
pub(crate) struct WitHolder<'a> {
    wit: &'a HeldWit,
    key: &'a AgentKey,
    now: UnixTime,
}

impl<'a> WitHolder<'a> {
    /// The key must be the WIT's, and the WIT good at `now`.
    pub(crate) fn new(wit: &'a HeldWit, key: &'a AgentKey, now: UnixTime) -> Result<Self, WitError> {
        wit.verify_holder(key, now)?;
        Ok(Self { wit, key, now })
    }

    /// Adds the WIT and `Authorization: WPT` (WIMSE WPT section 2). The proof covers the transaction token of `headers` and
    /// those of `fields` that are there. Any other `Authorization` is replaced: there is never a second one.
    pub(crate) fn add_wpt(&self, headers: &mut HeaderMap, audience: &Htu, fields: &[&str]) -> Result<(), WitProofError> {
        let wpt = NewWpt {
            audience,
            iat: self.now.whole_secs(),
            exp: self.now.whole_secs() + LIFETIME,
            jti: TokenId::from_random(random_bytes()),
            wit: self.wit.text().expose(),
            transaction_token: sole_field(headers, TXN_TOKEN)?,
            other_tokens: &token_fields(headers, fields)?,
            access_token: None,
        };
        let wpt = wpt.sign(self.key.signer())?;
        headers.insert(AUTHORIZATION, sensitive(&format!("WPT {wpt}"))?);
        self.add_wit(headers)
    }

    /// Adds the WIT and a signature over the request as it then is (WIMSE HTTP signature section 3); says its nonce.
    pub(crate) fn sign(
        &self,
        message: Message<'_>,
        headers: &mut HeaderMap,
        sign_response: bool,
    ) -> Result<TokenId, WitProofError> {
        self.add_wit(headers)?;
        let nonce = TokenId::from_random(random_bytes());
        let (created, expires) = (self.now.whole_secs(), self.now.whole_secs() + LIFETIME);
        let signature = NewRequestSignature { audience: message.audience, created, expires, nonce: &nonce, sign_response };
        let head = RequestHead { method: message.method.as_str(), target: message.target, headers };
        let fields = signature.sign(self.key.signer(), &head, message.body)?;
        fields.insert_into(headers);
        Ok(nonce)
    }

    fn add_wit(&self, headers: &mut HeaderMap) -> Result<(), WitProofError> {
        headers.insert(HeaderName::from_static(WORKLOAD_IDENTITY_TOKEN), sensitive(self.wit.text().expose())?);
        Ok(())
    }
}

/// What is signed of a request, besides its headers.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) method: &'a Method,
    /// Path and query, as they are on the wire.
    pub(crate) target: &'a str,
    pub(crate) audience: &'a Htu,
    pub(crate) body: &'a [u8],
}

/// A header value that no log shows.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue, ParseError> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| ParseError::Value { name: "credential", reason: "not a value of a header field" })?;
    value.set_sensitive(true);
    Ok(value)
}
