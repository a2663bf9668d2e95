//! HTTP as this crate uses it: no redirects, no proxies, limited in time and size.

use core::time::Duration;

use http::{HeaderMap, Method, Response};
use procura_token::Htu;
use reqwest::{Certificate, redirect};

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

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Transport(reqwest::Client);

impl Transport {
    /// Trusts `roots` (PEM) alone if they are given; else the system's certificates; none if only loopback is `is_local`.
    pub(crate) fn new(roots: Option<&[u8]>, is_local: bool) -> Result<Self, TransportError> {
        let failed = |error: reqwest::Error| TransportError::Client(error.to_string());
        let mut builder =
            reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT).redirect(redirect::Policy::none()).no_proxy();
        if let Some(pem) = roots {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(failed)?);
        } else if is_local {
            // Loopback without TLS must work on machines that have no certificates at all.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map(Self).map_err(failed)
    }

    pub(crate) async fn send(
        &self,
        url: &str,
        method: &Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<reqwest::Response, TransportError> {
        let request = self.0.request(method.clone(), url).headers(headers).body(body);
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
        let mut answer = self.send(url, method, headers, body).await?;
        let mut response = Response::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(url, &error))? {
            if response.body().len() + chunk.len() > MAX_ANSWER {
                return Err(TransportError::TooLong { origin: origin_of(url) });
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// The deepest cause: reqwest's own text only repeats the URL.
fn failed(url: &str, error: &reqwest::Error) -> TransportError {
    let mut cause: &dyn core::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = if error.is_timeout() { "it took too long".to_owned() } else { cause.to_string() };
    TransportError::Failed { origin: origin_of(url), reason }
}

/// Queries may hold secrets, so errors name the origin alone.
fn origin_of(url: &str) -> String {
    url.parse::<Htu>().map(|url| crate::nonce::origin(&url).to_owned()).unwrap_or_default()
}
