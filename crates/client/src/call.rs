//! One call to a resource, as it goes over the wire.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use procura_token::{Htu, ParseError, SignError};

use crate::error::{hint, printable};
use crate::metadata::is_protected;
use crate::{Challenge, Client, ClientError, ClockOffset, Proof, Secret, TransportError};

/// Why a call to a resource failed before the application behind it answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no token to call with.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The URL cannot be called.
    #[error("the URL cannot be called: {0}")]
    Url(ParseError),
    /// `http` to another machine: token and proof would be open to everyone on the way.
    #[error("`{0}` is not protected: neither https nor on the loopback interface")]
    Unprotected(String),
    /// The URL is not at the resource the token is for.
    #[error("`{0}` is not where the token is for")]
    OtherOrigin(String),
    /// The resource refuses the token, the proof, or the scope (RFC 9449 section 7.1, RFC 6750 section 3.1).
    #[error("the resource refused with status {status}: {error}{}{}", wanted(scope.as_deref()), hint(clock.as_ref()))]
    Refused {
        /// 400, 401 or 403.
        status: u16,
        /// `error` of the challenge.
        error: String,
        /// The scope that would be needed, for `insufficient_scope`.
        scope: Option<String>,
        /// When it refused the proof and its clock and ours differ by more than a minute: by how much.
        clock: Option<ClockOffset>,
    },
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The key could not sign the proof.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn wanted(scope: Option<&str>) -> String {
    scope.map(|scope| format!(", scope `{scope}` is needed")).unwrap_or_default()
}

/// A call that can be made more than once, each time with a new proof.
pub(crate) struct Call {
    method: Method,
    url: String,
    htu: Htu,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn parse(request: Request<Vec<u8>>) -> Result<Self, CallError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let htu: Htu = url.parse().map_err(CallError::Url)?;
        if !is_protected(&htu) {
            return Err(CallError::Unprotected(crate::nonce::origin(&htu).to_owned()));
        }
        Ok(Self { method: parts.method, url, htu, headers: parts.headers, body })
    }

    pub(crate) fn origin(&self) -> &str {
        crate::nonce::origin(&self.htu)
    }

    /// Sends it once; learns the nonce of the answer, whatever it is.
    pub(crate) async fn send(&self, client: &Client, token: &Secret) -> Result<reqwest::Response, CallError> {
        let nonces = client.nonces();
        let nonce = nonces.newest(&self.htu);
        let proof = client.key().prove(&Proof {
            method: self.method.as_str(),
            url: &self.htu,
            access_token: Some(token.expose()),
            nonce: nonce.as_deref(),
            now: client.now(),
        })?;
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, sensitive(&format!("DPoP {}", token.expose()))?);
        headers.insert("dpop", sensitive(&proof)?);
        let answer = client.transport().send(&self.url, &self.method, headers, self.body.clone()).await?;
        nonces.learn(&self.htu, answer.headers());
        Ok(answer)
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| SignError)?;
    value.set_sensitive(true);
    Ok(value)
}

/// An answer of the application, or the refusal of what guards it.
pub(crate) fn judge_call(answer: reqwest::Response, client: &Client) -> Result<reqwest::Response, CallError> {
    let status = answer.status().as_u16();
    let Some(Challenge { error: Some(error), scope }) = Challenge::of(answer.headers()) else { return Ok(answer) };
    if !matches!(status, 400 | 401 | 403) {
        return Ok(answer);
    }
    let is_about_time = matches!(error.as_str(), "invalid_dpop_proof" | "invalid_token");
    let clock = if is_about_time { ClockOffset::of(answer.headers(), client.now()) } else { None };
    let scope = scope.map(|scope| printable(&scope, 300));
    Err(CallError::Refused { status, error: printable(&error, 100), scope, clock })
}
