//! Signatures of requests and responses, before and after they are believed.

use core::fmt;
use core::time::Duration;

use http::HeaderMap;

use super::base::base;
use super::component::demanded;
use super::digest::verify_content_digest;
use super::input::Input;
use super::{Message, RequestHead, ResponseHead};
use crate::field::workload_identity_token;
use crate::window::ProofWindow;
use crate::{Algorithm, Htu, JwkConfirmation, ParseError, Thumbprint, TokenId, UnixTime, VerifyError};

/// The signature of a request, well formed and not believed.
pub struct UnverifiedRequestSignature<'a> {
    head: RequestHead<'a>,
    input: Input,
    audience: String,
}

/// The signature of a response, well formed and not believed.
pub struct UnverifiedResponseSignature<'a> {
    head: ResponseHead<'a>,
    request: RequestHead<'a>,
    input: Input,
}

/// What a request's signature is judged against. The WIT has been verified before: its `cnf` is the key.
#[derive(Clone, Copy)]
pub struct RequestSignatureRules<'a> {
    /// The WIT that was verified: it must be the one the request carries.
    pub wit: &'a str,
    /// `cnf` of that WIT. Its `alg` is the algorithm: a message signature names none.
    pub confirmation: &'a JwkConfirmation,
    /// Our own URLs for this request, from configuration: never from `Host` or a forwarding header.
    pub audiences: &'a [Htu],
    /// The algorithms accepted.
    pub algorithms: &'a [Algorithm],
}

/// What a response's signature is judged against. The WIT has been verified before, and names the server that was meant.
#[derive(Clone, Copy)]
pub struct ResponseSignatureRules<'a> {
    /// The WIT that was verified: it must be the one the response carries.
    pub wit: &'a str,
    /// `cnf` of that WIT. Its `alg` is the algorithm: a message signature names none.
    pub confirmation: &'a JwkConfirmation,
    /// The nonce of our request.
    pub request_nonce: &'a TokenId,
    /// The algorithms accepted.
    pub algorithms: &'a [Algorithm],
}

/// A head whose signature was verified. The body has not been compared yet: nothing may be done with the message.
pub struct VerifiedHead<'a> {
    headers: &'a HeaderMap,
    signature: VerifiedSignature,
}

/// The signature of a whole message, verified, and the key it proved.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    thumbprint: Thumbprint,
    window: ProofWindow,
    nonce: TokenId,
    wants_signed_response: bool,
}

impl<'a> UnverifiedRequestSignature<'a> {
    /// Parses the signature of a request; `None` if it has neither `Signature` nor `Signature-Input`.
    ///
    /// Of several signatures the one with the tag `wimse-workload-to-workload` counts, whatever its label. Limits: 8 KiB a
    /// field, 8 labels, 64 components, 16 parameters.
    ///
    /// # Errors
    /// [`ParseError`] for fields that are no structured fields, any key twice, not exactly one signature with that tag,
    /// components or component parameters that are not known here, `keyid` or `alg`, and if `created`, `expires`, `nonce` or
    /// `wimse-aud` is missing, of the wrong type, or makes the signature valid for longer than
    /// [`MAX_PROOF_LIFETIME`](crate::MAX_PROOF_LIFETIME) and [`MAX_PROOF_AHEAD`](crate::MAX_PROOF_AHEAD) together.
    pub fn parse(head: &RequestHead<'a>) -> Result<Option<Self>, ParseError> {
        let Some(mut input) = Input::parse(head.headers)? else { return Ok(None) };
        let audience = input.audience.take().ok_or(ParseError::value("`wimse-aud`", "missing"))?;
        Ok(Some(Self { head: *head, input, audience }))
    }

    /// Verifies what is covered, the WIT, time, `wimse-aud` and the signature, in this order (WIMSE HTTP signature section 3).
    ///
    /// Covered must be `@method`, `@request-target`, `Workload-Identity-Token`, and of `Content-Type`, `Content-Digest`,
    /// `Authorization` and `Txn-Token` those that are there. `created` may be ahead by
    /// [`MAX_PROOF_AHEAD`](crate::MAX_PROOF_AHEAD); `expires` has no leeway.
    ///
    /// Not checked: the WIT itself, the body ([`VerifiedHead::with_body`]), and whether the nonce was seen before
    /// ([`VerifiedSignature::replay_key`]).
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, rules: &RequestSignatureRules<'_>, now: UnixTime) -> Result<VerifiedHead<'a>, VerifyError> {
        let message = Message::Request(self.head);
        self.input.verify_covered(&message)?;
        let is_ours = || self.audience.parse::<Htu>().is_ok_and(|audience| rules.audiences.contains(&audience));
        let parts = Parts { message, wit: rules.wit, confirmation: rules.confirmation, algorithms: rules.algorithms };
        self.input.verify(&parts, || if is_ours() { Ok(()) } else { Err(VerifyError::Audience) }, now)
    }
}

impl<'a> UnverifiedResponseSignature<'a> {
    /// Parses the signature of the response to `request`; `None` if it has neither `Signature` nor `Signature-Input`. Then a
    /// client that asked for a signature refuses the response.
    ///
    /// # Errors
    /// As [`UnverifiedRequestSignature::parse`], but that there need be no `wimse-aud`.
    pub fn parse(head: &ResponseHead<'a>, request: &RequestHead<'a>) -> Result<Option<Self>, ParseError> {
        let input = Input::parse(head.headers)?;
        Ok(input.map(|input| Self { head: *head, request: *request, input }))
    }

    /// Verifies what is covered, the WIT, time, `wimse-req-nonce` and the signature, in this order (WIMSE HTTP signature
    /// sections 3 and 3.4).
    ///
    /// Covered must be `@status`, `@method;req`, `@request-target;req`, `Workload-Identity-Token`, and of `Content-Type` and
    /// `Content-Digest` those that are there. `wimse-req-nonce` must be there whether or not a signature was asked for.
    ///
    /// Not checked: as in [`UnverifiedRequestSignature::verify`], and whether the WIT's workload is the one that was called.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, rules: &ResponseSignatureRules<'_>, now: UnixTime) -> Result<VerifiedHead<'a>, VerifyError> {
        let message = Message::Response(self.head, self.request);
        self.input.verify_covered(&message)?;
        let is_ours = self.input.request_nonce.as_deref() == Some(rules.request_nonce.as_str());
        let parts = Parts { message, wit: rules.wit, confirmation: rules.confirmation, algorithms: rules.algorithms };
        self.input.verify(&parts, || if is_ours { Ok(()) } else { Err(VerifyError::RequestNonce) }, now)
    }
}

/// What both kinds of messages are judged by.
struct Parts<'a, 'r> {
    message: Message<'a>,
    wit: &'r str,
    confirmation: &'r JwkConfirmation,
    algorithms: &'r [Algorithm],
}

impl Input {
    fn verify_covered(&self, message: &Message<'_>) -> Result<(), VerifyError> {
        let missing = demanded(message).find(|demanded| !self.covered.iter().any(|component| component == demanded));
        missing.map_or(Ok(()), |demanded| Err(VerifyError::NotCovered(demanded.name)))
    }

    fn verify<'a>(
        &self,
        parts: &Parts<'a, '_>,
        verify_recipient: impl FnOnce() -> Result<(), VerifyError>,
        now: UnixTime,
    ) -> Result<VerifiedHead<'a>, VerifyError> {
        let headers = parts.message.headers();
        if workload_identity_token(headers)? != Some(parts.wit) {
            return Err(VerifyError::WitHash);
        }
        let window = ProofWindow::new([self.created], self.expires);
        window.verify(now)?;
        verify_recipient()?;
        let (key, algorithm) = (&parts.confirmation.key, parts.confirmation.algorithm);
        if !parts.algorithms.contains(&algorithm) {
            return Err(VerifyError::AlgorithmNotAllowed(algorithm));
        }
        let base = base(&parts.message, &self.covered, &self.parameters)?;
        key.verify(algorithm, base.as_bytes(), &self.signature)?;
        let (nonce, wants_signed_response) = (self.nonce.clone(), self.sign_response);
        let signature = VerifiedSignature { thumbprint: key.thumbprint(), window, nonce, wants_signed_response };
        Ok(VerifiedHead { headers, signature })
    }
}

impl VerifiedHead<'_> {
    /// Verifies the body, as [`verify_content_digest`] does: the last step.
    ///
    /// # Errors
    /// [`VerifyError::ContentDigest`] if it is not the body that was signed.
    pub fn with_body(self, body: &[u8]) -> Result<VerifiedSignature, VerifyError> {
        verify_content_digest(self.headers, body)?;
        Ok(self.signature)
    }
}

impl VerifiedSignature {
    /// `nonce`: what `wimse-req-nonce` of the response must be.
    pub const fn nonce(&self) -> &TokenId {
        &self.nonce
    }

    /// `wimse-sign-response` of a request: the client refuses a response that is not signed.
    pub const fn wants_signed_response(&self) -> bool {
        self.wants_signed_response
    }

    /// The thumbprint of the key proved.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// What names this signature in a replay store: SHA-256 over thumbprint, a zero byte and `nonce`. One sender's nonce is
    /// not another's. Kinds of proofs are told apart by the store.
    pub fn replay_key(&self) -> [u8; 32] {
        self.thumbprint.replay_key(&self.nonce)
    }

    /// The instant at which the signature was made at the earliest. A store that has forgotten what was before it cannot tell
    /// whether the signature is new. It is the maker's word: where the maker's clock is ahead, the proof may have been accepted
    /// earlier than that, by as much.
    pub const fn made_since(&self) -> UnixTime {
        self.window.since
    }

    /// Until when the signature would be accepted by clocks up to `skew` apart, and one second more: how long a store must
    /// remember it.
    pub fn replay_until(&self, skew: Duration) -> UnixTime {
        self.window.remembered_until(skew)
    }
}

/// Shows nothing that was sent.
impl fmt::Debug for UnverifiedRequestSignature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedRequestSignature").finish_non_exhaustive()
    }
}

/// Shows nothing that was sent.
impl fmt::Debug for UnverifiedResponseSignature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedResponseSignature").finish_non_exhaustive()
    }
}

/// Shows the signature, not the head.
impl fmt::Debug for VerifiedHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedHead").field(&self.signature).finish()
    }
}
