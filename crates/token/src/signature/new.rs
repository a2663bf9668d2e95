//! Signatures made: of our requests and our responses.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use sfv::{Integer, KeyRef, ListSerializer, StringRef, key_ref};

use super::base::base;
use super::component::{Component, demanded};
use super::digest::{CONTENT_DIGEST, content_digest, verify_content_digest};
use super::{Message, RequestHead, ResponseHead, TAG};
use crate::field::workload_identity_token;
use crate::{Htu, MAX_PROOF_LIFETIME, ParseError, SignError, Signer, TokenId, UnixTime, VerifyError};

/// A message could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageSignError {
    /// No verifier would accept this message: it has no single WIT, its `Content-Digest` is not the body's, or a field that
    /// would have to be covered is not ASCII.
    #[error("the message cannot be signed: {0}")]
    Message(#[from] VerifyError),
    /// The key failed.
    #[error(transparent)]
    Key(#[from] SignError),
}

/// What the signature of a request says besides what it covers.
#[derive(Clone, Copy, Debug)]
pub struct NewRequestSignature<'a> {
    /// The URL of the request, without query and fragment: `wimse-aud`.
    pub audience: &'a Htu,
    /// When it is made.
    pub created: UnixTime,
    /// When it ends: later, by [`MAX_PROOF_LIFETIME`] at the most.
    pub expires: UnixTime,
    /// Its name, of 128 random bits and new for every request ([`TokenId::from_random`]).
    pub nonce: &'a TokenId,
    /// Whether the response must be signed.
    pub sign_response: bool,
}

/// What the signature of a response says besides what it covers.
#[derive(Clone, Copy, Debug)]
pub struct NewResponseSignature<'a> {
    /// When it is made.
    pub created: UnixTime,
    /// When it ends: later, by [`MAX_PROOF_LIFETIME`] at the most.
    pub expires: UnixTime,
    /// Its name, of 128 random bits and new for every response ([`TokenId::from_random`]).
    pub nonce: &'a TokenId,
    /// The nonce of the request, which is always repeated.
    pub request_nonce: &'a TokenId,
}

/// The header fields that carry a signature.
#[derive(Clone, Debug)]
pub struct SignatureFields {
    /// `Content-Digest`, if there is a body and the head did not have the field.
    pub content_digest: Option<HeaderValue>,
    /// `Signature-Input`.
    pub input: HeaderValue,
    /// `Signature`.
    pub signature: HeaderValue,
}

impl SignatureFields {
    /// Puts them into the headers of the message, where they replace those of an earlier attempt. From then on nothing
    /// that is covered may change.
    pub fn insert_into(self, headers: &mut HeaderMap) {
        if let Some(digest) = self.content_digest {
            headers.insert(CONTENT_DIGEST, digest);
        }
        headers.insert("signature-input", self.input);
        headers.insert("signature", self.signature);
    }
}

impl NewRequestSignature<'_> {
    /// Signs the request, with the key of the `cnf` of the WIT that it carries; `cnf.jwk.alg` must be the signer's algorithm.
    ///
    /// The head is complete but for the signature and, if the body is not empty, `Content-Digest`.
    ///
    /// # Errors
    /// [`MessageSignError`].
    pub fn sign(&self, signer: &dyn Signer, head: &RequestHead<'_>, body: &[u8]) -> Result<SignatureFields, MessageSignError> {
        let digest = new_digest(head.headers, body)?;
        let headers = with_digest(head.headers, digest.as_ref());
        let message = Message::Request(RequestHead { headers: &headers, ..*head });
        let mut extra = vec![(key_ref("wimse-aud"), Some(self.audience.as_str()))];
        if self.sign_response {
            extra.push((key_ref("wimse-sign-response"), None));
        }
        sign(signer, &message, &Common { created: self.created, expires: self.expires, nonce: self.nonce }, &extra, digest)
    }
}

impl NewResponseSignature<'_> {
    /// Signs the response to `request`, with the key of the `cnf` of the WIT that the response carries.
    ///
    /// The head is complete but for the signature and, if the body is not empty, `Content-Digest`.
    ///
    /// # Errors
    /// [`MessageSignError`].
    pub fn sign(
        &self,
        signer: &dyn Signer,
        head: &ResponseHead<'_>,
        request: &RequestHead<'_>,
        body: &[u8],
    ) -> Result<SignatureFields, MessageSignError> {
        let digest = new_digest(head.headers, body)?;
        let headers = with_digest(head.headers, digest.as_ref());
        let message = Message::Response(ResponseHead { headers: &headers, ..*head }, *request);
        let extra = [(key_ref("wimse-req-nonce"), Some(self.request_nonce.as_str()))];
        sign(signer, &message, &Common { created: self.created, expires: self.expires, nonce: self.nonce }, &extra, digest)
    }
}

/// The parameters of every signature.
struct Common<'a> {
    created: UnixTime,
    expires: UnixTime,
    nonce: &'a TokenId,
}

/// The digest to add; one that is there already must be right.
fn new_digest(headers: &HeaderMap, body: &[u8]) -> Result<Option<HeaderValue>, VerifyError> {
    if body.is_empty() || headers.contains_key(CONTENT_DIGEST) {
        return verify_content_digest(headers, body).map(|()| None);
    }
    value(&content_digest(body)).map(Some)
}

fn with_digest<'a>(headers: &'a HeaderMap, digest: Option<&HeaderValue>) -> Cow<'a, HeaderMap> {
    let mut headers = Cow::Borrowed(headers);
    if let Some(digest) = digest {
        headers.to_mut().insert(CONTENT_DIGEST, digest.clone());
    }
    headers
}

/// Signs `message`; of `extra`, a parameter without text is `true`.
fn sign(
    signer: &dyn Signer,
    message: &Message<'_>,
    common: &Common<'_>,
    extra: &[(&KeyRef, Option<&str>)],
    content_digest: Option<HeaderValue>,
) -> Result<SignatureFields, MessageSignError> {
    workload_identity_token(message.headers()).map_err(VerifyError::from)?.ok_or(VerifyError::NoSuchComponent)?;
    if common.expires <= common.created || common.expires.since(common.created) > MAX_PROOF_LIFETIME {
        return Err(VerifyError::LifetimeTooLong { exp: common.expires, now: common.created }.into());
    }
    let covered: Vec<Component> = demanded(message).map(Component::from).collect();
    let mut list = ListSerializer::new();
    let mut items = list.inner_list();
    for component in &covered {
        let item = items.bare_item(string(&component.name)?);
        if component.of_request {
            let _ = item.parameter(key_ref("req"), true);
        }
    }
    let mut parameters = items
        .finish()
        .parameter(key_ref("created"), integer(common.created)?)
        .parameter(key_ref("expires"), integer(common.expires)?)
        .parameter(key_ref("nonce"), string(common.nonce.as_str())?)
        .parameter(key_ref("tag"), string(TAG)?);
    for (key, text) in extra {
        parameters = match text {
            Some(text) => parameters.parameter(key, string(text)?),
            None => parameters.parameter(key, true),
        };
    }
    let _ = parameters.finish();
    let parameters = list.finish().unwrap_or_default();
    let signature = signer.sign(base(message, &covered, &parameters)?.as_bytes())?;
    let signature = value(&format!("wimse=:{}:", STANDARD.encode(signature)))?;
    Ok(SignatureFields { content_digest, input: value(&format!("wimse={parameters}"))?, signature })
}

fn string(text: &str) -> Result<&StringRef, VerifyError> {
    StringRef::from_str(text).map_err(|_| ParseError::value("signature parameter", "not printable ASCII").into())
}

fn integer(time: UnixTime) -> Result<Integer, VerifyError> {
    Integer::try_from(time.as_secs()).map_err(|_| ParseError::value("signature parameter", "a time too far ahead").into())
}

fn value(text: &str) -> Result<HeaderValue, VerifyError> {
    HeaderValue::from_str(text).map_err(|_| ParseError::value("signature field", "not printable ASCII").into())
}
