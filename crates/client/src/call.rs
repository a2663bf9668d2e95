//! One call to a resource, as it goes over the wire.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method, Request};
use procura_token::{Confirmation, Htu, ParseError, SignError};

use crate::connection::Connection;
use crate::error::{hint, printable};
use crate::metadata::is_protected;
use crate::presentation::Presentation;
use crate::proof::{Message, WitHolder, sensitive};
use crate::response::Sent;
use crate::{
    AgentKey, Challenge, Client, ClientError, ClockOffset, Grant, HeldWit, Proof, ResponseError, TransportError, WitError,
    WitProofError,
};

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
    /// The resource refuses the token, a proof, or the scope (RFC 9449 section 7.1, RFC 6750 section 3.1, WIMSE WPT section
    /// 2.1).
    #[error("the resource refused with status {status}: {error}{}{}", wanted(scope.as_deref()), hint(clock.as_ref()))]
    Refused {
        /// 400, 401 or 403.
        status: u16,
        /// `error` of the challenge; `WPT`, whose challenges say no more, if the WIT or its proof is refused.
        error: String,
        /// The scope that would be needed, for `insufficient_scope`.
        scope: Option<String>,
        /// When it refused the proof and its clock and ours differ by more than a minute: by how much.
        clock: Option<ClockOffset>,
    },
    /// The answer is not believed to be the server's.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The call shows a WIT, and the client has none: its credential is of another kind.
    #[error("the client has no WIT to show")]
    NoWit,
    /// The WIT cannot be shown.
    #[error(transparent)]
    Proof(#[from] WitProofError),
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The key could not sign the proof.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<WitError> for CallError {
    fn from(cause: WitError) -> Self {
        WitProofError::from(cause).into()
    }
}

fn wanted(scope: Option<&str>) -> String {
    scope.map(|scope| format!(", scope `{scope}` is needed")).unwrap_or_default()
}

/// A call that can be made more than once, each time with new proofs.
pub(crate) struct Call {
    method: Method,
    /// As it is sent.
    url: String,
    /// Path and query of it.
    target: String,
    htu: Htu,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What a call is made with.
pub(crate) struct With<'a> {
    pub(crate) client: &'a Client,
    pub(crate) connection: &'a Connection,
    pub(crate) grant: &'a Grant,
    pub(crate) presentation: &'a Presentation,
    /// `aud` and `wimse-aud` of proofs, in place of the URL.
    pub(crate) audience: Option<&'a Htu>,
}

impl Call {
    pub(crate) fn parse(request: Request<Vec<u8>>) -> Result<Self, CallError> {
        let (parts, body) = request.into_parts();
        let not_url = |_| CallError::Url(ParseError::Value { name: "URL", reason: "not an absolute URL" });
        // As the transport will write it: a signature covers the target octet by octet.
        let mut url = reqwest::Url::parse(&parts.uri.to_string()).map_err(not_url)?;
        url.set_fragment(None);
        let htu: Htu = url.as_str().parse().map_err(CallError::Url)?;
        if !is_protected(&htu) {
            return Err(CallError::Unprotected(crate::nonce::origin(&htu).to_owned()));
        }
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self { method: parts.method, url: url.into(), target, htu, headers: parts.headers, body })
    }

    pub(crate) fn origin(&self) -> &str {
        crate::nonce::origin(&self.htu)
    }

    /// Sends it once; learns the nonce of the answer, whatever it is.
    pub(crate) async fn send(&self, with: &With<'_>) -> Result<reqwest::Response, CallError> {
        let (headers, sent) = self.with_credentials(with).await?;
        let answer = with.connection.transport.send(&self.url, &self.method, headers, self.body.clone()).await?;
        with.client.nonces().learn(&self.htu, answer.headers());
        let answer = judge_call(answer, with)?;
        match (with.presentation, sent) {
            (Presentation::Signature(expected), Some(sent)) => expected.judge(answer, &sent, with.client.now()).await,
            _ => Ok(answer),
        }
    }

    /// The headers with token and proofs, which are new; and the request as it was signed, if it was.
    async fn with_credentials(&self, with: &With<'_>) -> Result<(HeaderMap, Option<Sent>), CallError> {
        let Self { method, target, htu, body, .. } = self;
        let mut headers = self.headers.clone();
        let ours: &[_] = match with.presentation {
            Presentation::Token => &["authorization", "dpop"],
            _ => &["authorization", "dpop", "workload-identity-token", "signature", "signature-input"],
        };
        for name in ours {
            headers.remove(*name);
        }
        let Some(key) = with.client.key() else {
            self.add_bearer(&mut headers, with)?;
            return Ok((headers, None));
        };
        let (token, audience) = (with.grant.token.expose(), with.audience.unwrap_or(htu));
        match with.presentation {
            Presentation::Token => {
                self.add_dpop(&mut headers, with, key)?;
                Ok((headers, None))
            }
            Presentation::Wpt(fields) => {
                let name = HeaderName::try_from(fields.token()).map_err(|_| SignError)?;
                headers.insert(name, sensitive(token).map_err(WitProofError::from)?);
                let wit = held_wit(with.client).await?;
                WitHolder::new(&wit, key, with.client.now())?.add_wpt(&mut headers, audience, &fields.names())?;
                Ok((headers, None))
            }
            Presentation::Signature(expected) => {
                self.add_dpop(&mut headers, with, key)?;
                let wit = held_wit(with.client).await?;
                let holder = WitHolder::new(&wit, key, with.client.now())?;
                let nonce = holder.sign(Message { method, target, audience, body }, &mut headers, expected.is_required())?;
                let sent = Sent { method: method.to_string(), target: target.clone(), headers: headers.clone(), nonce };
                Ok((headers, Some(sent)))
            }
        }
    }

    fn add_dpop(&self, headers: &mut HeaderMap, with: &With<'_>, key: &AgentKey) -> Result<(), CallError> {
        let (method, url, now) = (self.method.as_str(), &self.htu, with.client.now());
        let nonce = with.client.nonces().newest(url);
        let token = with.grant.token.expose();
        let proof = key.prove(&Proof { method, url, access_token: Some(token), nonce: nonce.as_deref(), now })?;
        headers.insert(AUTHORIZATION, sensitive(&format!("DPoP {token}")).map_err(WitProofError::from)?);
        headers.insert("dpop", sensitive(&proof).map_err(WitProofError::from)?);
        Ok(())
    }

    /// The connection is the proof, so there must be one that proves something.
    fn add_bearer(&self, headers: &mut HeaderMap, with: &With<'_>) -> Result<(), CallError> {
        if !matches!(with.presentation, Presentation::Token) {
            return Err(CallError::NoWit);
        }
        let is_bound = with.connection.certificate.map(Confirmation::Certificate) == Some(with.grant.binding);
        if !is_bound || !self.htu.as_str().starts_with("https://") {
            return Err(CallError::Unprotected(self.origin().to_owned()));
        }
        headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", with.grant.token.expose())).map_err(WitProofError::from)?);
        Ok(())
    }
}

async fn held_wit(client: &Client) -> Result<HeldWit, CallError> {
    client.wit().await?.ok_or(CallError::NoWit)
}

/// An answer of the application, or the refusal of what guards it.
fn judge_call(answer: reqwest::Response, with: &With<'_>) -> Result<reqwest::Response, CallError> {
    let status = answer.status().as_u16();
    if !matches!(status, 400 | 401 | 403) {
        return Ok(answer);
    }
    let challenge = |scheme| Challenge::of_scheme(answer.headers(), scheme);
    let scheme = if with.client.key().is_some() { "DPoP" } else { "Bearer" };
    let (error, scope) = match challenge(scheme) {
        Some(Challenge { error: Some(error), scope }) => (error, scope),
        _ if matches!(with.presentation, Presentation::Wpt(_)) && challenge("WPT").is_some() => ("WPT".to_owned(), None),
        _ => return Ok(answer),
    };
    let is_about_time = matches!(error.as_str(), "invalid_dpop_proof" | "invalid_token" | "WPT");
    let clock = if is_about_time { ClockOffset::of(answer.headers(), with.client.now()) } else { None };
    let scope = scope.map(|scope| printable(&scope, 300));
    Err(CallError::Refused { status, error: printable(&error, 100), scope, clock })
}
