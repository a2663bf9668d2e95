//! Signed responses (draft-ietf-wimse-http-signature section 3.4).

use core::time::Duration;

use http::{HeaderMap, Response};
use procura_token::{
    Algorithm, JwkSet, KeySet, ParseError, RequestHead, ResponseHead, ResponseSignatureRules, TokenId, UnixTime, Unverified,
    UnverifiedResponseSignature, VerifyError, Wit, WorkloadId, workload_identity_token,
};
use reqwest::ResponseBuilderExt as _;

use crate::transport::read;
use crate::{CallError, TransportError};

/// The most bytes of a signed answer: it is believed only when all of it has been read.
const MAX_SIGNED_ANSWER: usize = 4 * 1024 * 1024;
/// How far the clock of whoever issued the server's WIT may be from ours.
const SKEW: Duration = Duration::from_secs(60);

/// What is thought of a response's signature. A server may sign without being asked; a signature that is there is never
/// ignored.
#[derive(Clone, Debug, Default)]
pub enum ResponseSignature {
    /// None is expected: a signed response is refused, since nothing here can judge it.
    #[default]
    NotExpected,
    /// One that is there must be this server's.
    IfPresent(SigningServer),
    /// It is asked for, and a response without this server's is refused.
    Required(SigningServer),
}

/// A server that signs its responses: who it is, and whose WITs say so.
#[derive(Clone, Debug)]
pub struct SigningServer {
    id: WorkloadId,
    keys: KeySet,
}

impl SigningServer {
    /// The server `id`, by the keys in `bundle`: those of the trust domain of `id`, and of no other. Of a SPIFFE bundle the
    /// `wit-svid` keys count.
    ///
    /// # Errors
    /// [`ParseError`] if there is no such key.
    pub fn new(id: WorkloadId, bundle: &JwkSet) -> Result<Self, ParseError> {
        let uses: &[_] = if id.is_spiffe() { &[Some("wit-svid")] } else { &[Some("wit-svid"), Some("sig"), None] };
        let keys = KeySet::new(bundle, uses);
        match keys.is_empty() {
            true => Err(ParseError::Value { name: "bundle", reason: "no key for WITs in it" }),
            false => Ok(Self { id, keys }),
        }
    }
}

/// Why an answer is not believed to be the server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// A signature was asked for and there is none.
    #[error("the answer, with status {status}, is not signed")]
    Unsigned {
        /// Its status.
        status: u16,
    },
    /// It is signed, and nobody said by whom it would be.
    #[error("the answer is signed by a server that was not expected to sign")]
    Unexpected,
    /// There is no WIT in it, or one that is not believed.
    #[error("the server's WIT: {0}")]
    Wit(VerifyError),
    /// The WIT is another workload's.
    #[error("the answer is signed by another workload than the server")]
    OtherServer,
    /// The signature, the request it answers, or the body is not as it must be.
    #[error("the signature of the answer: {0}")]
    Signature(#[from] VerifyError),
    /// More than 4 MiB.
    #[error("a signed answer of more than 4 MiB")]
    TooLong,
}

/// A request as it was signed and sent.
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) nonce: TokenId,
}

impl ResponseSignature {
    pub(crate) const fn is_required(&self) -> bool {
        matches!(self, Self::Required(_))
    }

    /// The answer, with a signature verified if there is one; read to its end for that.
    pub(crate) async fn judge(
        &self,
        answer: reqwest::Response,
        sent: &Sent,
        now: UnixTime,
    ) -> Result<reqwest::Response, CallError> {
        let is_signed = ["signature", "signature-input"].iter().any(|name| answer.headers().contains_key(*name));
        let server = match self {
            Self::Required(_) if !is_signed => return Err(ResponseError::Unsigned { status: answer.status().as_u16() }.into()),
            _ if !is_signed => return Ok(answer),
            Self::NotExpected => return Err(ResponseError::Unexpected.into()),
            Self::IfPresent(server) | Self::Required(server) => server,
        };
        let url = answer.url().clone();
        let mut response = Response::builder().url(url.clone()).status(answer.status()).version(answer.version());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let body = read(answer, url.as_str(), MAX_SIGNED_ANSWER).await?.ok_or(ResponseError::TooLong)?;
        let response = response.body(body).map_err(|_| TransportError::Client("the answer cannot be kept".to_owned()))?;
        server.verify(&response, sent, now)?;
        Ok(response.into())
    }
}

impl SigningServer {
    fn verify(&self, response: &Response<Vec<u8>>, sent: &Sent, now: UnixTime) -> Result<(), ResponseError> {
        let malformed = |cause: ParseError| ResponseError::Wit(cause.into());
        let text = workload_identity_token(response.headers()).map_err(malformed)?;
        let text = text.ok_or(malformed(ParseError::Value { name: "`Workload-Identity-Token`", reason: "missing" }))?;
        let wit = Unverified::<Wit>::parse(text).map_err(malformed)?;
        if wit.origin() != self.id.origin() {
            return Err(ResponseError::OtherServer);
        }
        let wit = wit.verify(&self.keys, SKEW, now).map_err(ResponseError::Wit)?;
        if *wit.id() != self.id {
            return Err(ResponseError::OtherServer);
        }
        let head = ResponseHead { status: response.status().as_u16(), headers: response.headers() };
        let request = RequestHead { method: &sent.method, target: &sent.target, headers: &sent.headers };
        let signature = UnverifiedResponseSignature::parse(&head, &request).map_err(VerifyError::from)?;
        let signature = signature.ok_or(ResponseError::Unsigned { status: head.status })?;
        let rules = ResponseSignatureRules {
            wit: text,
            confirmation: wit.confirmation(),
            request_nonce: &sent.nonce,
            algorithms: Algorithm::DEFAULT,
        };
        signature.verify(&rules, now)?.with_body(response.body())?;
        Ok(())
    }
}
