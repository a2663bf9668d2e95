//! HTTP as this crate uses it: no redirects, no proxies, limited in time and size.

use core::time::Duration;

use http::{HeaderMap, Method, Response};
use procura_token::Htu;
use reqwest::{Certificate, redirect};

#[cfg(feature = "x509")]
use crate::x509::{Identity, WorkloadServer};

/// For one whole request and answer.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// For metadata and the answers of a token endpoint.
const MAX_ANSWER: usize = 256 * 1024;

/// A request that brought no answer, or one that is too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The HTTP client or its trusted certificates could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
    /// No answer.
    #[error("`{origin}` cannot be reached: {reason}")]
    Failed {
        /// Scheme, host and port.
        origin: String,
        /// What happened.
        reason: String,
    },
    /// An answer longer than 256 KiB.
    #[error("`{origin}` answers with more than 256 KiB")]
    TooLong {
        /// Scheme, host and port.
        origin: String,
    },
}

/// Whom connections trust.
#[derive(Default)]
pub(crate) struct Trust {
    /// Certificates in PEM, alone; else the system's.
    pub(crate) roots: Option<Vec<u8>>,
    /// Without `roots`: nobody, since nothing but http on the loopback interface is asked.
    pub(crate) is_local: bool,
    /// Servers that are known by who they are and not by their host's name, by origin.
    #[cfg(feature = "x509")]
    pub(crate) servers: Vec<(String, WorkloadServer)>,
}

impl Trust {
    /// An issuer proves itself by its host's name, never by a SPIFFE bundle (SPIFFE client authentication, X509-SVID).
    pub(crate) fn verify_by_name(&self, url: &str) -> Result<(), TransportError> {
        #[cfg(feature = "x509")]
        if self.servers.iter().any(|(origin, _)| *origin == origin_of(url)) {
            return Err(TransportError::Client(format!("`{}` is the issuer's: it is known by its name alone", origin_of(url))));
        }
        #[cfg(not(feature = "x509"))]
        let _ = url;
        Ok(())
    }
}

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    by_name: reqwest::Client,
    #[cfg(feature = "x509")]
    by_workload: std::sync::Arc<[(String, reqwest::Client)]>,
}

impl Transport {
    /// Shows no certificate.
    pub(crate) fn new(trust: &Trust) -> Result<Self, TransportError> {
        let mut builder = trusting(trust.roots.as_deref())?;
        if trust.roots.is_none() && trust.is_local {
            // Loopback without TLS must work on machines that have no certificates at all.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            by_name: builder.build().map_err(cannot)?,
            #[cfg(feature = "x509")]
            by_workload: by_workload(trust, None)?,
        })
    }

    /// Shows the certificate of `identity` to every server that asks for one.
    #[cfg(feature = "x509")]
    pub(crate) fn with_identity(trust: &Trust, identity: &Identity) -> Result<Self, TransportError> {
        let builder = trusting(trust.roots.as_deref())?.identity(identity.to_reqwest().map_err(cannot)?);
        Ok(Self { by_name: builder.build().map_err(cannot)?, by_workload: by_workload(trust, Some(identity))? })
    }

    #[cfg(feature = "x509")]
    fn client(&self, url: &str) -> &reqwest::Client {
        let origin = origin_of(url);
        self.by_workload.iter().find(|(known, _)| *known == origin).map_or(&self.by_name, |(_, client)| client)
    }

    #[cfg(not(feature = "x509"))]
    const fn client(&self, _url: &str) -> &reqwest::Client {
        &self.by_name
    }

    pub(crate) async fn send(
        &self,
        url: &str,
        method: &Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<reqwest::Response, TransportError> {
        let request = self.client(url).request(method.clone(), url).headers(headers).body(body);
        request.send().await.map_err(|error| failed(url, &error))
    }

    /// Sends, and reads the answer to its end.
    pub(crate) async fn fetch(
        &self,
        url: &str,
        method: &Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let answer = self.send(url, method, headers, body).await?;
        let mut response = Response::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() =
            read(answer, url, MAX_ANSWER).await?.ok_or_else(|| TransportError::TooLong { origin: origin_of(url) })?;
        Ok(response)
    }
}

/// The body, or `None` if it is longer than `limit`.
pub(crate) async fn read(mut answer: reqwest::Response, url: &str, limit: usize) -> Result<Option<Vec<u8>>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(url, &error))? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT).redirect(redirect::Policy::none()).no_proxy()
}

fn trusting(roots: Option<&[u8]>) -> Result<reqwest::ClientBuilder, TransportError> {
    Ok(match roots {
        Some(pem) => builder().tls_certs_only(Certificate::from_pem_bundle(pem).map_err(cannot)?),
        None => builder(),
    })
}

#[cfg(feature = "x509")]
fn by_workload(
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<std::sync::Arc<[(String, reqwest::Client)]>, TransportError> {
    let client = |(origin, server): &(String, WorkloadServer)| {
        let tls = server.client_config(identity).map_err(|cause| TransportError::Client(cause.to_string()))?;
        Ok((origin.clone(), builder().tls_backend_preconfigured(tls).build().map_err(cannot)?))
    };
    trust.servers.iter().map(client).collect()
}

/// The deepest cause says what is wrong.
fn cannot(error: reqwest::Error) -> TransportError {
    TransportError::Client(deepest(&error).to_string())
}

/// The deepest cause: reqwest's own text only repeats the URL.
fn failed(url: &str, error: &reqwest::Error) -> TransportError {
    let reason = if error.is_timeout() { "it took too long".to_owned() } else { deepest(error).to_string() };
    TransportError::Failed { origin: origin_of(url), reason }
}

fn deepest(error: &reqwest::Error) -> &dyn core::error::Error {
    let mut cause: &dyn core::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Queries may hold secrets, so errors name the origin alone.
pub(crate) fn origin_of(url: &str) -> String {
    url.parse::<Htu>().map(|url| crate::nonce::origin(&url).to_owned()).unwrap_or_default()
}
