//! The client of one issuer.

use core::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use procura_token::{Issuer, UnixTime};

use crate::svid::AnySvidSource;
use crate::transport::Transport;
use crate::{
    AgentKey, Clock, Delegated, ExchangeError, ExchangeRequest, Grant, MetadataError, NonceStore, Requester, ServerMetadata,
    SvidError, SvidSource, SystemClock, TransportError, judge_exchange,
};

/// Why a client cannot be made, or gets no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The issuer's metadata cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The agent's own credential cannot be had.
    #[error(transparent)]
    Svid(#[from] SvidError),
    /// The issuer gives no token.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// An agent at one issuer: its key, its credential, and the nonces of the servers it talks to. Cheap to clone.
///
/// Requests have 30 seconds, 5 of them to connect; redirects and proxies are not followed.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    metadata: ServerMetadata,
    key: AgentKey,
    svid: Box<dyn AnySvidSource>,
    transport: Transport,
    nonces: NonceStore,
    clock: Box<dyn Clock>,
}

/// Makes a [`Client`] with settings of its own.
pub struct ClientBuilder {
    issuer: Issuer,
    key: AgentKey,
    svid: Box<dyn AnySvidSource>,
    roots: Option<Vec<u8>>,
    clock: Box<dyn Clock>,
}

impl ClientBuilder {
    /// Trusts the PEM certificates in `roots` alone, at the issuer and at resources. Default: the system's.
    #[must_use]
    pub fn root_certificates(mut self, roots: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(roots.into());
        self
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Fetches the issuer's metadata and makes the client.
    ///
    /// # Errors
    /// [`ClientError::Metadata`] or [`ClientError::Transport`]. No credential is sent before the metadata were judged.
    pub async fn discover(self) -> Result<Client, ClientError> {
        let issuer = self.issuer;
        if !issuer.is_protected() {
            return Err(MetadataError::Unprotected(issuer.to_string()).into());
        }
        let transport = Transport::new(self.roots.as_deref(), issuer.as_str().starts_with("http://"))?;
        let url = issuer.metadata_url();
        let answer = transport.fetch(&url, &Method::GET, HeaderMap::new(), Vec::new()).await?;
        if answer.status() != http::StatusCode::OK {
            return Err(MetadataError::Status { url, status: answer.status().as_u16() }.into());
        }
        let metadata = ServerMetadata::judge(answer.body(), &issuer)?;
        metadata.verify_algorithm(self.key.algorithm())?;
        let Self { key, svid, clock, .. } = self;
        Ok(Client(Arc::new(Inner { metadata, key, svid, transport, nonces: NonceStore::default(), clock })))
    }
}

impl Client {
    /// Finds the issuer by its metadata (RFC 8414), which must name it byte for byte; `https`, or `http` on the loopback
    /// interface.
    ///
    /// # Errors
    /// See [`ClientBuilder::discover`].
    pub async fn discover(issuer: Issuer, key: AgentKey, svid: impl SvidSource) -> Result<Self, ClientError> {
        Self::builder(issuer, key, svid).discover().await
    }

    /// Begins a client with settings of its own.
    pub fn builder(issuer: Issuer, key: AgentKey, svid: impl SvidSource) -> ClientBuilder {
        ClientBuilder { issuer, key, svid: Box::new(svid), roots: None, clock: Box::new(SystemClock) }
    }

    /// Exchanges once. The SVID is read anew; when the server wants a nonce, it is asked once more, with a new proof.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn exchange(&self, request: &ExchangeRequest) -> Result<Grant, ClientError> {
        match self.attempt(request).await {
            Err(ClientError::Exchange(ExchangeError::NonceWanted { nonce: Some(_) })) => self.attempt(request).await,
            other => other,
        }
    }

    /// A client for calls under this request: it exchanges when needed and renews in time.
    pub fn delegated(&self, request: ExchangeRequest) -> Delegated {
        Delegated::new(self.clone(), request)
    }

    /// What the issuer says of itself.
    pub fn metadata(&self) -> &ServerMetadata {
        &self.0.metadata
    }

    async fn attempt(&self, request: &ExchangeRequest) -> Result<Grant, ClientError> {
        let Inner { metadata, key, svid, transport, nonces, .. } = &*self.0;
        let svid = svid.svid_boxed().await?;
        let (url, now) = (&metadata.token_endpoint, self.now());
        let nonce = nonces.newest(url);
        let requester = Requester { token_endpoint: url, client_assertion: &svid, key, nonce: nonce.as_deref(), now };
        let (parts, body) = request.to_http(&requester)?.into_parts();
        let answer = transport.fetch(url.as_str(), &parts.method, parts.headers, body.expose().into()).await?;
        nonces.learn(url, answer.headers());
        Ok(judge_exchange(&answer, &request.expectations(key, now))?)
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.0.clock.now()
    }

    pub(crate) fn key(&self) -> &AgentKey {
        &self.0.key
    }

    pub(crate) fn nonces(&self) -> &NonceStore {
        &self.0.nonces
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("issuer", &self.0.metadata.issuer).field("key", &self.0.key).finish_non_exhaustive()
    }
}
