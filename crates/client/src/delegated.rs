//! Calls on behalf of somebody.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use http::{Method, Request};
use procura_token::{Confirmation, Htu, ParseError, UnixTime};
use tokio::sync::Mutex;

use crate::call::{Call, With};
use crate::connection::Connection;
use crate::presentation::{Presentation, TokenFields};
use crate::{CallError, Client, ClientError, ExchangeRequest, Grant, ResponseSignature, SvidError, Target};

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
    presentation: Presentation,
    audience: Option<Htu>,
    held: Arc<Mutex<Option<Held>>>,
}

struct Held {
    grant: Grant,
    renew: UnixTime,
}

impl Held {
    /// A token that is bound to a certificate is good on connections with that certificate alone.
    fn is_for(&self, connection: &Connection) -> bool {
        match self.grant.binding {
            Confirmation::Certificate(certificate) => connection.certificate == Some(certificate),
            Confirmation::Key(_) => true,
        }
    }
}

impl Delegated {
    pub(crate) fn new(client: Client, request: ExchangeRequest) -> Self {
        let origins = match request.target() {
            Some(Target::Resource(resource)) => resource.as_str().parse().ok().map(|url: Htu| vec![origin(&url)]),
            _ => None,
        };
        Self { client, request, origins, presentation: Presentation::default(), audience: None, held: Arc::default() }
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

    /// Shows the client's WIT with a proof in `Authorization: WPT`, and the token in the header field `token_field`, as the
    /// resource wants it named. The proof covers it (`oth`), the request's `Txn-Token` (`tth`), and the fields `also_covered` of
    /// those requests that have them: every token that says who the user is or what he may belongs there.
    ///
    /// Without this, the token is in `Authorization: DPoP`, or `Bearer` if it is bound to the connection's certificate.
    ///
    /// # Errors
    /// [`ParseError`] for names that are none, twice the same, or those of fields with another meaning. A client whose
    /// credential is not a WIT cannot call in this way.
    pub fn with_wpt(mut self, token_field: &str, also_covered: &[&str]) -> Result<Self, ParseError> {
        self.presentation = Presentation::Wpt(TokenFields::new(token_field, also_covered)?);
        Ok(self)
    }

    /// Shows the client's WIT and signs each request by its key, besides the token in `Authorization: DPoP`. What is covered:
    /// method, path and query, the body, and the fields that carry tokens or say what the body is.
    ///
    /// A client whose credential is not a WIT cannot call in this way.
    #[must_use]
    pub fn with_signature(mut self, response: ResponseSignature) -> Self {
        self.presentation = Presentation::Signature(response);
        self
    }

    /// Names `audience` in WPTs and signatures in place of the URL of each call: for a resource that is known by another.
    #[must_use]
    pub fn audience(mut self, audience: Htu) -> Self {
        self.audience = Some(audience);
        self
    }

    /// The token, exchanged for if there is none that is good for a while. Concurrent callers wait for one exchange.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grant(&self) -> Result<Grant, ClientError> {
        Ok(self.ready().await?.0)
    }

    /// The token, and the connections it may be used on.
    async fn ready(&self) -> Result<(Grant, Connection), ClientError> {
        let mut held = self.held.lock().await;
        // A certificate may be renewed between exchange and call; not twice in a row.
        for _ in 0..2 {
            let connection = self.client.connection().await?;
            let is_usable = |held: &&Held| self.client.now() < held.renew && held.is_for(&connection);
            if let Some(held) = held.as_ref().filter(is_usable) {
                return Ok((held.grant.clone(), connection));
            }
            *held = None;
            let asked = self.client.now();
            let grant = self.client.exchange(&self.request).await?;
            let life = grant.expires_in.unwrap_or_default();
            let new = Held { renew: asked + life - EARLY.min(life / 10), grant };
            if new.is_for(&connection) {
                let grant = held.insert(new).grant.clone();
                return Ok((grant, connection));
            }
            *held = Some(new);
        }
        Err(SvidError::new("the certificate changes faster than a token can be asked for").into())
    }

    /// Calls `url` with GET. See [`Delegated::send`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, url: &str) -> Result<reqwest::Response, CallError> {
        let request = Request::builder().method(Method::GET).uri(url).body(Vec::new());
        self.send(request.map_err(|_| CallError::Url(ParseError::Value { name: "URL", reason: "not a URL" }))?).await
    }

    /// Sends `request` with the token and new proofs. When the server wants a nonce, sends it once more with new proofs;
    /// for nothing else. Every other answer of the application is returned, whatever its status, redirects included.
    ///
    /// `Authorization` and `DPoP` of `request` are replaced; in calls that show a WIT, also `Workload-Identity-Token`,
    /// `Signature` and `Signature-Input`.
    ///
    /// # Errors
    /// [`CallError`]; a refusal of the token makes the next call exchange anew.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<reqwest::Response, CallError> {
        let call = Call::parse(request)?;
        if self.origins.as_ref().is_some_and(|origins| !origins.iter().any(|allowed| allowed == call.origin())) {
            return Err(CallError::OtherOrigin(call.origin().to_owned()));
        }
        let (grant, connection) = self.ready().await?;
        let Self { client, presentation, audience, .. } = self;
        let with = With { client, connection: &connection, grant: &grant, presentation, audience: audience.as_ref() };
        let mut answer = call.send(&with).await;
        if is_refused_for(&answer, "use_dpop_nonce") {
            answer = call.send(&with).await;
        }
        // A refused WPT does not say which of the tokens is to blame.
        if is_refused_for(&answer, "invalid_token") || is_refused_for(&answer, "WPT") {
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
