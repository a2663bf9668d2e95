//! The client of one issuer.

use core::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use procura_token::{Htu, Issuer, UnixTime};

use crate::caller::Caller;
use crate::connection::Connection;
use crate::credential::Kind;
use crate::transport::{Transport, Trust};
use crate::{
    AgentKey, Binding, Clock, Credential, Delegated, ExchangeError, ExchangeRequest, Grant, HeldWit, MetadataError, NonceStore,
    Requester, ServerMetadata, SvidError, SystemClock, TransportError, WitError, judge_exchange,
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
    /// The agent's own WIT cannot be shown.
    #[error(transparent)]
    Wit(#[from] WitError),
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
    /// Where exchanges are asked for: the alias for mutual TLS, if that is what the credential needs.
    token_endpoint: Htu,
    bind_to: BindTo,
    credential: Credential,
    /// For the connections that a new certificate needs.
    #[cfg(feature = "x509")]
    trust: Trust,
    /// Without a certificate.
    connection: Connection,
    nonces: NonceStore,
    clock: Box<dyn Clock>,
}

/// What tokens are bound to.
enum BindTo {
    Key(AgentKey),
    /// The certificate of the credential, which is an X.509-SVID.
    #[cfg(feature = "x509")]
    Certificate,
}

/// Makes a [`Client`] with settings of its own.
pub struct ClientBuilder {
    issuer: Issuer,
    bind_to: BindTo,
    credential: Credential,
    trust: Trust,
    clock: Box<dyn Clock>,
}

impl ClientBuilder {
    /// Trusts the PEM certificates in `roots` alone, at the issuer and at resources. Default: the system's.
    #[must_use]
    pub fn root_certificates(mut self, roots: impl Into<Vec<u8>>) -> Self {
        self.trust.roots = Some(roots.into());
        self
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Expects `server` at the origin of `url`, a resource, in place of a certificate for the host's name.
    ///
    /// # Errors
    /// [`ParseError`](crate::ParseError) if it is not an https URL. At the issuer's own origin
    /// [`discover`](Self::discover) refuses it.
    #[cfg(feature = "x509")]
    pub fn workload_server(mut self, url: &str, server: crate::WorkloadServer) -> Result<Self, crate::ParseError> {
        let url: Htu = url.parse()?;
        if !url.as_str().starts_with("https://") {
            return Err(crate::ParseError::Value { name: "URL", reason: "not https" });
        }
        self.trust.servers.push((crate::nonce::origin(&url).to_owned(), server));
        Ok(self)
    }

    /// Fetches the issuer's metadata and makes the client.
    ///
    /// # Errors
    /// [`ClientError::Metadata`], also if the server does not offer the way to authenticate or to bind, or
    /// [`ClientError::Transport`]. No credential is sent before the metadata were judged.
    pub async fn discover(self) -> Result<Client, ClientError> {
        let Self { issuer, bind_to, credential, mut trust, clock } = self;
        if !issuer.is_protected() {
            return Err(MetadataError::Unprotected(issuer.to_string()).into());
        }
        trust.is_local = issuer.as_str().starts_with("http://");
        let transport = Transport::new(&trust)?;
        let url = issuer.metadata_url();
        trust.verify_by_name(&url)?;
        let answer = transport.fetch(&url, &Method::GET, HeaderMap::new(), Vec::new()).await?;
        if answer.status() != http::StatusCode::OK {
            return Err(MetadataError::Status { url, status: answer.status().as_u16() }.into());
        }
        let metadata = ServerMetadata::judge(answer.body(), &issuer)?;
        metadata.verify_method(credential.method())?;
        bind_to.verify(&metadata)?;
        let token_endpoint = match credential.0 {
            #[cfg(feature = "x509")]
            Kind::X509Svid(_) => metadata.mutual_tls_endpoint()?,
            _ => &metadata.token_endpoint,
        };
        let token_endpoint = token_endpoint.clone();
        trust.verify_by_name(token_endpoint.as_str())?;
        Ok(Client(Arc::new(Inner {
            metadata,
            token_endpoint,
            bind_to,
            credential,
            #[cfg(feature = "x509")]
            trust,
            connection: Connection { transport, certificate: None },
            nonces: NonceStore::default(),
            clock,
        })))
    }
}

impl BindTo {
    fn verify(&self, metadata: &ServerMetadata) -> Result<(), MetadataError> {
        match self {
            Self::Key(key) => metadata.verify_algorithm(key.algorithm()),
            #[cfg(feature = "x509")]
            Self::Certificate if metadata.tls_client_certificate_bound_access_tokens => Ok(()),
            #[cfg(feature = "x509")]
            Self::Certificate => Err(MetadataError::CertificateBinding),
        }
    }
}

impl Client {
    /// Finds the issuer by its metadata (RFC 8414), which must name it byte for byte; `https`, or `http` on the loopback
    /// interface. Tokens will be bound to `key`.
    ///
    /// # Errors
    /// See [`ClientBuilder::discover`].
    pub async fn discover(issuer: Issuer, key: AgentKey, credential: impl Into<Credential>) -> Result<Self, ClientError> {
        Self::builder(issuer, key, credential).discover().await
    }

    /// Begins a client with settings of its own. Tokens will be bound to `key`, which of a WIT must be the WIT's.
    pub fn builder(issuer: Issuer, key: AgentKey, credential: impl Into<Credential>) -> ClientBuilder {
        Self::begin(issuer, BindTo::Key(key), credential.into())
    }

    /// Begins a client without a key of its own: it authenticates by `svid`, its tokens are bound to that certificate (RFC 8705
    /// section 3), and it calls over mutual TLS with it. When the certificate has changed, it asks for a new token.
    #[cfg(feature = "x509")]
    pub fn certificate_bound(issuer: Issuer, svid: impl crate::X509SvidSource) -> ClientBuilder {
        Self::begin(issuer, BindTo::Certificate, Credential::x509_svid(svid))
    }

    fn begin(issuer: Issuer, bind_to: BindTo, credential: Credential) -> ClientBuilder {
        ClientBuilder { issuer, bind_to, credential, trust: Trust::default(), clock: Box::new(SystemClock) }
    }

    /// Exchanges once. The credential is read anew; when the server wants a nonce, it is asked once more, with new proofs.
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
        let Inner { token_endpoint: url, nonces, .. } = &*self.0;
        let caller = self.caller().await?;
        let connection = caller.connection().unwrap_or(&self.0.connection);
        let binding = self.binding(connection)?;
        let (nonce, now) = (nonces.newest(url), self.now());
        let authentication = caller.authentication();
        let requester = Requester { token_endpoint: url, authentication, binding, nonce: nonce.as_deref(), now };
        let (parts, body) = request.to_http(&requester)?.into_parts();
        let answer = connection.transport.fetch(url.as_str(), &parts.method, parts.headers, body.expose().into()).await?;
        nonces.learn(url, answer.headers());
        Ok(judge_exchange(&answer, &request.expectations(binding, now))?)
    }

    /// The credential as it is now.
    async fn caller(&self) -> Result<Caller, ClientError> {
        Ok(match &self.0.credential.0 {
            Kind::JwtSvid(source) => Caller::JwtSvid(source.svid_boxed().await?),
            Kind::Wit(source, proof) => Caller::Wit(HeldWit::parse(source.svid_boxed().await?.expose())?, *proof),
            Kind::Platform(source, assertion) => Caller::Platform(*assertion, source.svid_boxed().await?),
            #[cfg(feature = "x509")]
            Kind::X509Svid(identities) => {
                let (identity, connection) = identities.current(&self.0.trust, self.now()).await?;
                Caller::X509Svid(identity, connection)
            }
        })
    }

    fn binding(&self, connection: &Connection) -> Result<Binding<'_>, SvidError> {
        match (&self.0.bind_to, connection.certificate) {
            (BindTo::Key(key), _) => Ok(Binding::Key(key)),
            #[cfg(feature = "x509")]
            (BindTo::Certificate, Some(certificate)) => Ok(Binding::Certificate(certificate)),
            #[cfg(feature = "x509")]
            (BindTo::Certificate, None) => Err(SvidError::new("the connection has no certificate")),
        }
    }

    /// The connections to call resources by, with the certificate as it is now.
    pub(crate) async fn connection(&self) -> Result<Connection, SvidError> {
        match &self.0.credential.0 {
            #[cfg(feature = "x509")]
            Kind::X509Svid(identities) => Ok(identities.current(&self.0.trust, self.now()).await?.1),
            _ => Ok(self.0.connection.clone()),
        }
    }

    /// The WIT as it is now, if the client has one.
    pub(crate) async fn wit(&self) -> Result<Option<HeldWit>, ClientError> {
        match &self.0.credential.0 {
            Kind::Wit(source, _) => Ok(Some(HeldWit::parse(source.svid_boxed().await?.expose())?)),
            _ => Ok(None),
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.0.clock.now()
    }

    /// The key that tokens are bound to; none if it is a certificate.
    pub(crate) fn key(&self) -> Option<&AgentKey> {
        match &self.0.bind_to {
            BindTo::Key(key) => Some(key),
            #[cfg(feature = "x509")]
            BindTo::Certificate => None,
        }
    }

    pub(crate) fn nonces(&self) -> &NonceStore {
        &self.0.nonces
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("issuer", &self.0.metadata.issuer)
            .field("credential", &self.0.credential)
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
