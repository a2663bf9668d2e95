//! Asking an issuer about access tokens that only it can read (RFC 7662).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use procura_token::Issuer;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::fetch::{Call, FetchError, Fetcher, PrivateAddresses};

/// The most questions to one issuer at once.
const MAX_CALLS: usize = 64;
/// How long one issuer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How to ask an issuer about its tokens.
#[derive(Clone)]
pub struct IntrospectionSettings {
    /// Its introspection endpoint.
    pub url: Issuer,
    /// Who we are there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: String,
}

/// Shows no secret.
impl fmt::Debug for IntrospectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, client_id, client_secret: _ } = self;
        f.debug_struct("IntrospectionSettings").field("url", url).field("client_id", client_id).finish_non_exhaustive()
    }
}

/// Asks one issuer.
pub(super) struct Introspector {
    url: Issuer,
    authorization: HeaderValue,
    fetcher: Fetcher,
    calls: Semaphore,
}

impl Introspector {
    /// Prepares to ask, with the certificates and addresses of the issuer's settings.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong with the certificates.
    pub(super) fn new(
        settings: &IntrospectionSettings,
        ca_file: Option<&PathBuf>,
        private: &PrivateAddresses,
    ) -> Result<Self, FetchError> {
        let fetcher = Fetcher::new(ca_file.map(PathBuf::as_path), private)?;
        let authorization = basic(&settings.client_id, &settings.client_secret);
        Ok(Self { url: settings.url.clone(), authorization, fetcher, calls: Semaphore::new(MAX_CALLS) })
    }

    /// The body of its answer about `token`: within two seconds, 256 KiB at most.
    ///
    /// # Errors
    /// [`FetchError`] if there is none, or too much is asked already.
    pub(super) async fn ask(&self, token: &str) -> Result<Vec<u8>, FetchError> {
        let place = self.url.as_str();
        let _call = self.calls.try_acquire().map_err(|_| FetchError::document(place, "64 questions are open already"))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let call = Call { method: Method::POST, url: place, headers, body: question(token) };
        let answer = tokio::time::timeout(TIMEOUT, self.fetcher.send(call)).await;
        let answer = answer.map_err(|_| FetchError::document(place, "took longer than 2 seconds"))??;
        match answer.status {
            StatusCode::OK if says_something(&answer.body) => Ok(answer.body),
            StatusCode::OK => Err(FetchError::document(place, "does not say whether the token is active")),
            status => Err(FetchError::document(place, format!("answered {status}"))),
        }
    }
}

/// The form of RFC 7662 section 2.1.
fn question(token: &str) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token).append_pair("token_type_hint", "access_token").finish().into_bytes()
}

/// Whether `body` is an answer of RFC 7662, good or bad.
fn says_something(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct State {
        #[serde(rename = "active")]
        _active: bool,
    }
    procura_token::parse_json::<State>(body).is_ok()
}

/// Shows no secret.
impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspector").field("url", &self.url).finish_non_exhaustive()
    }
}

/// `client_secret_basic` (RFC 6749 section 2.3.1): each part is form-encoded before the two are joined.
fn basic(client_id: &str, client_secret: &str) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(client_secret)));
    let mut value = HeaderValue::try_from(format!("Basic {credentials}")).expect("base64 is visible ASCII");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 section 2.3.1, CORE-05.
    #[test]
    fn name_and_secret_are_form_encoded_before_they_are_joined() {
        let decode = |value: &HeaderValue| {
            let text = value.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
            String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
        };
        assert_eq!(decode(&basic("s6BhdRkqt3", "gX1fBat3bV")), "s6BhdRkqt3:gX1fBat3bV");
        assert_eq!(decode(&basic("a:b c", "\u{e9}%+/")), "a%3Ab+c:%C3%A9%25%2B%2F");
    }

    #[test]
    fn secrets_do_not_print() {
        let url: Issuer = "https://login.example/introspect".parse().unwrap();
        let settings = IntrospectionSettings { url, client_id: "procura".into(), client_secret: "hunter2".into() };
        let introspector = Introspector::new(&settings, None, &PrivateAddresses::default());
        let authorization = basic("procura", "hunter2");
        let shown = format!("{settings:?} {introspector:?} {authorization:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(&STANDARD.encode("procura:hunter2")), "{shown}");
    }
}
