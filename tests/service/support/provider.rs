//! An OpenID provider on a port of this machine: HTTPS, discovery, and keys that a test may change at any time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use procura_token::{Algorithm, Jwk, JwkSet, Signer as _, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Authority, World, sign};

pub(crate) const METADATA: &str = "/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "/keys";

/// What lets an authority be on this machine.
pub(crate) const THIS_MACHINE: &str = "private_addresses = [\"127.0.0.0/8\", \"::1\"]";

/// What one path answers.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<HashMap<String, usize>>,
}

pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    authority: Authority,
    state: Arc<State>,
    listener: Option<TcpListener>,
}

impl Provider {
    /// A provider with an address, one key, and metadata that fit. It does not answer yet.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let provider = Self { url, key, authority: Authority::new(), state: Arc::default(), listener: Some(listener) };
        provider.serve_metadata(&provider.url, &format!("{}{KEYS}", provider.url));
        provider.publish(&[provider.key.public_key()]);
        provider
    }

    /// Begins to answer, until the test's runtime ends.
    pub(crate) async fn start(mut self) -> Self {
        let acceptor = self.authority.acceptor();
        let (listener, state) = (self.listener.take().unwrap(), Arc::clone(&self.state));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let answer = state.answer(&request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        self
    }

    /// Gives its port up: whoever connects is refused.
    pub(crate) fn close(&mut self) {
        self.listener = None;
    }

    /// Makes `world` believe this provider, under the alias `idp`, beside the users it has.
    pub(crate) fn trusted_by(&self, world: &World) {
        std::fs::write(world.path("trust/idp-ca.pem"), &self.authority.pem).unwrap();
        let table = "[[user_issuer]]\nurl = \"URL\"\nalias = \"idp\"\nca_file = \"trust/idp-ca.pem\"\nPRIVATE\n\n[[user_issuer]]";
        world.edit("[[user_issuer]]", &table.replace("URL", &self.url).replace("PRIVATE", THIS_MACHINE));
    }

    /// Puts the certificates of this provider into a file of `world`.
    pub(crate) fn trusted_for_tls_by(&self, world: &World, file: &str) {
        std::fs::write(world.path(file), &self.authority.pem).unwrap();
    }

    /// Makes `world` believe the certificates of this provider instead of those of the one it trusts.
    pub(crate) fn trusted_by_certificate_only(&self, world: &World) {
        std::fs::write(world.path("trust/idp-ca.pem"), &self.authority.pem).unwrap();
    }

    /// An ID token of its user alice, signed by `key` and naming `kid`.
    pub(crate) fn token(&self, world: &World, key: &SigningKey, kid: Option<&str>) -> String {
        let header = json!({ "alg": "ES256", "kid": kid.or(key.public_key().key_id.as_deref()) });
        sign(key, &header, &world.user_claims(json!({ "iss": self.url })))
    }

    /// Publishes `keys` from now on.
    pub(crate) fn publish(&self, keys: &[&Jwk]) {
        let keys = JwkSet { keys: keys.iter().map(|key| key.for_use("sig")).collect() };
        self.serve(KEYS, 200, &serde_json::to_value(keys).unwrap());
    }

    pub(crate) fn serve_metadata(&self, issuer: &str, jwks_uri: &str) {
        self.serve(METADATA, 200, &json!({ "issuer": issuer, "jwks_uri": jwks_uri }));
    }

    pub(crate) fn serve(&self, path: &str, status: u16, body: &Value) {
        self.put(path, Page { status, location: None, body: body.to_string() });
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.state.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(crate) fn page(&self, path: &str) -> Page {
        self.state.pages.lock().unwrap()[path].clone()
    }

    /// How often `path` was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.state.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

impl State {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        *self.asked.lock().unwrap().entry(path.to_owned()).or_default() += 1;
        let Some(page) = self.pages.lock().unwrap().get(path).cloned() else {
            return Response::builder().status(StatusCode::NOT_FOUND).body(Full::default()).unwrap();
        };
        let response = Response::builder().status(page.status);
        let response = page.location.iter().fold(response, |response, location| response.header("location", location));
        response.body(Full::from(page.body)).unwrap()
    }
}
