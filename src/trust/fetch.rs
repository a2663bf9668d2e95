//! Asking others: the one HTTP client for keys, discovery and whatever else an authority is asked. And reading files.
//!
//! HTTPS, or plain HTTP that stays on this machine. No redirects, no proxy, no compression; bounded in time and size; and
//! connected only to public addresses and to those that the configuration of the authority allows. What is judged is the
//! address connected to, not what a name meant a moment before.

mod address;
mod bearer;
mod discovery;
mod resolver;
#[cfg(test)]
pub(super) mod tests;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Client, ClientBuilder, Url};

pub use address::PrivateAddresses;
pub(super) use bearer::BearerFile;
pub(super) use discovery::Discovery;
#[cfg(test)]
pub(super) use resolver::stand_in;
use resolver::{Guarded, NotPermitted};

/// The most bytes of a document or an answer.
const MAX_DOCUMENT: usize = 256 * 1024;
/// The most bytes of a URL: an answer may give one, and one that AWS signed holds a session token.
const MAX_URL: usize = 8 * 1024;
/// How long one fetch may take, from the look-up of the name to the last byte.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the document of a key set from a file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let fault = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
    let bytes = std::fs::read(path).map_err(|cause| fault(&format_args!("cannot be read ({})", cause.kind())))?;
    if bytes.len() > MAX_DOCUMENT {
        return Err(fault(&"larger than 256 KiB"));
    }
    Ok(bytes)
}

/// Why something could not be had: `URL: CAUSE`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub(super) struct FetchError {
    place: String,
    fault: Fault,
}

#[derive(Clone, Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Setup(String),
    #[error("is not an https URL")]
    Url,
    #[error(transparent)]
    Address(#[from] NotPermitted),
    #[error("{0}")]
    Unreachable(String),
    #[error("took longer than 5 seconds")]
    Late,
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("larger than 256 KiB")]
    TooLong,
    #[error("has an encoding nobody asked for")]
    Encoded,
    #[error("{0}")]
    Document(String),
}

impl FetchError {
    fn new(place: &str, fault: Fault) -> Self {
        // What an answer gave may be long.
        Self { place: place.chars().take(MAX_URL).collect(), fault }
    }

    fn late(place: &str) -> Self {
        Self::new(place, Fault::Late)
    }

    /// What went wrong, and not where: for URLs that are nobody else's business.
    pub(super) fn fault(&self) -> String {
        self.fault.to_string()
    }

    /// What came from `place` breaks a rule. The text must not repeat what was sent.
    pub(super) fn document(place: &str, cause: impl Into<String>) -> Self {
        Self::new(place, Fault::Document(cause.into()))
    }
}

/// One call of an authority.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The answer, whatever its status.
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Fetched {
    /// How long the answer says it is fresh: `max-age` of `Cache-Control`, zero for `no-store` and `no-cache` (RFC 9111
    /// section 5.2.2). What is not well formed says nothing.
    pub(super) fn max_age(&self) -> Option<Duration> {
        let fields = self.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let directives = fields.flat_map(|field| field.split(',')).map(str::trim);
        let ages = directives.filter_map(|directive| match directive.split_once('=') {
            None if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") => Some(0),
            Some((name, age)) if name.eq_ignore_ascii_case("max-age") => age.trim_matches('"').parse().ok(),
            _ => None,
        });
        ages.min().map(Duration::from_secs)
    }
}

/// Asks one authority. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    http: Client,
    private: PrivateAddresses,
}

impl Fetcher {
    /// A client that trusts the certificates in `ca_file` instead of the system's if one is given, and connects to `private`
    /// addresses beside the public ones.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong with the certificates.
    pub(super) fn new(ca_file: Option<&Path>, private: &PrivateAddresses) -> Result<Self, FetchError> {
        let mut builder = Client::builder();
        if let Some(path) = ca_file {
            let place = path.display().to_string();
            let fault = |what: String| FetchError::new(&place, Fault::Setup(what));
            let pem = std::fs::read(path).map_err(|cause| fault(format!("cannot be read ({})", cause.kind())))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| fault("not certificates in PEM".to_owned()))?;
            if certificates.is_empty() {
                return Err(fault("holds no certificate".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        Self::build(builder, Guarded::new(private.clone()))
    }

    /// A client that judges servers as `tls` says, for authorities whose certificates are no web server's. Each call makes its
    /// own connection, so that each is judged anew.
    ///
    /// # Errors
    /// [`FetchError`] if no client can be made of it.
    pub(super) fn with_tls(tls: rustls::ClientConfig, private: &PrivateAddresses) -> Result<Self, FetchError> {
        Self::build(Client::builder().tls_backend_preconfigured(tls).pool_max_idle_per_host(0), Guarded::new(private.clone()))
    }

    fn build(builder: ClientBuilder, guard: Guarded) -> Result<Self, FetchError> {
        let private = guard.private().clone();
        let http = builder
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .referer(false)
            .dns_resolver(guard)
            .user_agent(concat!("procura/", env!("CARGO_PKG_VERSION")))
            .build();
        let http = http.map_err(|cause| FetchError::new("HTTPS client", Fault::Setup(innermost(&cause))))?;
        Ok(Self { http, private })
    }

    /// Fetches a document. Whatever is not answered by 200 is an error.
    pub(super) async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let call = Call { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() };
        let fetched = self.send(call).await?;
        if fetched.status == StatusCode::OK { Ok(fetched) } else { Err(FetchError::new(url, Fault::Status(fetched.status))) }
    }

    /// Sends one request and gives back its answer, whatever its status: within [`TIMEOUT`], 256 KiB at most. Nothing is sent
    /// twice. Neither the headers nor the bodies are ever logged.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Fetched, FetchError> {
        let Call { method, url: text, headers, body } = call;
        let url = self.target(text)?;
        let failed = |cause: reqwest::Error| FetchError::new(text, fault(&cause));
        let mut response = self.http.request(method, url).headers(headers).body(body).send().await.map_err(failed)?;
        if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::new(text, Fault::Encoded));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(FetchError::new(text, Fault::TooLong));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    /// The URL, if it may be asked: https without user information, or http to this machine; and an address that is written
    /// out is one that may be connected to. A name's addresses are judged when it is connected to.
    fn target(&self, text: &str) -> Result<Url, FetchError> {
        let refused = |fault: Fault| Err(FetchError::new(text, fault));
        let Some(url) = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL) else { return refused(Fault::Url) };
        let host = url.host_str().unwrap_or_default();
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let is_local = address.map_or(host == "localhost", |address| address.to_canonical().is_loopback());
        let is_protected = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        if !is_protected || !url.username().is_empty() || url.password().is_some() {
            return refused(Fault::Url);
        }
        if address.is_some_and(|address| !self.private.permit(address)) {
            return refused(Fault::Address(NotPermitted));
        }
        Ok(url)
    }
}

fn fault(error: &reqwest::Error) -> Fault {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(link) = cause {
        if let Some(not_permitted) = link.downcast_ref::<NotPermitted>() {
            return Fault::Address(*not_permitted);
        }
        cause = link.source();
    }
    if error.is_timeout() { Fault::Late } else { Fault::Unreachable(innermost(error)) }
}

/// The deepest cause: reqwest's own text only repeats the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
