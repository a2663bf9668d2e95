//! Calls on behalf of somebody.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use http::{Method, Request};
use procura_token::{Htu, ParseError, UnixTime};
use tokio::sync::Mutex;

use crate::call::{Call, judge_call};
use crate::{CallError, Client, ClientError, ExchangeRequest, Grant, Target};

/// The most time before its end at which a token is renewed; a tenth of its life if that is less.
const EARLY: Duration = Duration::from_secs(30);

/// Calls to one target under one exchange request: the token is fetched when first needed, shared by concurrent calls, and
/// renewed shortly before its end. Clones share it.
///
/// When the subject token itself has ended, the issuer refuses to renew and the call fails with what it said.
#[derive(Clone)]
pub struct Delegated {
    client: Client,
    request: ExchangeRequest,
    /// Where the token may be sent; `None` for a target without a URL.
    origins: Option<Vec<String>>,
    held: Arc<Mutex<Option<Held>>>,
}

struct Held {
    grant: Grant,
    renew: UnixTime,
}

impl Delegated {
    pub(crate) fn new(client: Client, request: ExchangeRequest) -> Self {
        let origins = match request.target() {
            Some(Target::Resource(resource)) => resource.as_str().parse().ok().map(|url: Htu| vec![origin(&url)]),
            _ => None,
        };
        Self { client, request, origins, held: Arc::default() }
    }

    /// Lets the token go to the origin of `url` too. Without this, a token for a resource with an http or https URI goes to
    /// the origin of that URI alone; a token for a logical name or another URI goes wherever it is sent.
    ///
    /// # Errors
    /// [`ParseError`] if it is not an http or https URL.
    pub fn also_at(mut self, url: &str) -> Result<Self, ParseError> {
        let url: Htu = url.parse()?;
        if let Some(origins) = &mut self.origins {
            origins.push(origin(&url));
        }
        Ok(self)
    }

    /// The token, exchanged for if there is none that is good for a while. Concurrent callers wait for one exchange.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grant(&self) -> Result<Grant, ClientError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| self.client.now() < held.renew) {
            return Ok(held.grant.clone());
        }
        *held = None;
        let asked = self.client.now();
        let grant = self.client.exchange(&self.request).await?;
        let life = grant.expires_in.unwrap_or_default();
        *held = Some(Held { grant: grant.clone(), renew: asked + life - EARLY.min(life / 10) });
        Ok(grant)
    }

    /// Calls `url` with GET. See [`Delegated::send`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, url: &str) -> Result<reqwest::Response, CallError> {
        let request = Request::builder().method(Method::GET).uri(url).body(Vec::new());
        self.send(request.map_err(|_| CallError::Url(ParseError::Value { name: "URL", reason: "not a URL" }))?).await
    }

    /// Sends `request` with the token and a new proof. When the server wants a nonce, sends it once more with a new proof;
    /// for nothing else. Every other answer of the application is returned, whatever its status, redirects included.
    ///
    /// `Authorization` and `DPoP` of `request` are replaced.
    ///
    /// # Errors
    /// [`CallError`]; a refusal of the token makes the next call exchange anew.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<reqwest::Response, CallError> {
        let call = Call::parse(request)?;
        if self.origins.as_ref().is_some_and(|origins| !origins.iter().any(|allowed| allowed == call.origin())) {
            return Err(CallError::OtherOrigin(call.origin().to_owned()));
        }
        let grant = self.grant().await?;
        let mut answer = judge_call(call.send(&self.client, &grant.token).await?, &self.client);
        if is_refused_for(&answer, "use_dpop_nonce") {
            answer = judge_call(call.send(&self.client, &grant.token).await?, &self.client);
        }
        if is_refused_for(&answer, "invalid_token") {
            self.forget(&grant).await;
        }
        answer
    }

    /// Forgets `grant`, unless another call has renewed it already.
    async fn forget(&self, grant: &Grant) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.grant.token == grant.token) {
            *held = None;
        }
    }
}

impl fmt::Debug for Delegated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegated").field("client", &self.client).field("request", &self.request).finish_non_exhaustive()
    }
}

fn origin(url: &Htu) -> String {
    crate::nonce::origin(url).to_owned()
}

fn is_refused_for(answer: &Result<reqwest::Response, CallError>, reason: &str) -> bool {
    matches!(answer, Err(CallError::Refused { error, .. }) if error == reason)
}
