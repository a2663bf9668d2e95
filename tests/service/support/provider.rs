//! An OpenID provider on a port of this machine: HTTPS, discovery, and keys that a test may change at any time.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
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
pub(crate) const INTROSPECT: &str = "/introspect";
/// What `procura` and `s3cret: %` are in the credentials of RFC 6749 section 2.3.1.
const CREDENTIALS: &str = "Basic cHJvY3VyYTpzM2NyZXQlM0ErJTI1";

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
    /// The paths at which nothing is answered.
    silent: Mutex<HashSet<String>>,
    /// What is known of tokens, by their text.
    tokens: Mutex<HashMap<String, Value>>,
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
                        let state = Arc::clone(&state);
                        async move { Ok::<_, Infallible>(state.answer(request).await) }
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
        self.trusted_as(world, "idp", "");
    }

    /// Makes `world` believe this provider under an alias of its own, with further lines of configuration.
    pub(crate) fn trusted_as(&self, world: &World, alias: &str, more: &str) {
        std::fs::write(world.path(&format!("trust/{alias}-ca.pem")), &self.authority.pem).unwrap();
        let url = &self.url;
        let table = format!(
            "[[user_issuer]]\nurl = \"{url}\"\nalias = \"{alias}\"\nca_file = \"trust/{alias}-ca.pem\"\n{THIS_MACHINE}\n{more}"
        );
        world.edit("[[user_issuer]]", &format!("{table}\n\n[[user_issuer]]"));
    }

    /// The lines of configuration that let it be asked about tokens.
    pub(crate) fn introspection(&self) -> String {
        let url = &self.url;
        format!("introspection = {{ url = \"{url}{INTROSPECT}\", client_id = \"procura\", client_secret = \"s3cret: %\" }}\n")
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

    /// An access token (RFC 9068) of its user alice for `web`, with `changes`; `null` removes a claim.
    pub(crate) fn access_token(&self, world: &World, changes: Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.key.public_key().key_id });
        sign(&self.key, &header, &self.access_claims(world, changes))
    }

    pub(crate) fn access_claims(&self, world: &World, changes: Value) -> Value {
        let said = json!({
            "iss": self.url, "client_id": "web", "aud": "https://api.example", "scope": "openid calendar.read", "nonce": null,
            "jti": procura_token::base64url::encode(procura_token::random_bytes::<12>()),
        });
        let mut claims = world.user_claims(said);
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    /// Knows `token` from now on, and says this of it.
    pub(crate) fn knows(&self, token: &str, answer: Value) {
        self.state.tokens.lock().unwrap().insert(token.to_owned(), answer);
    }

    /// Takes questions at `path` from now on, and answers none.
    pub(crate) fn keep_silent(&self, path: &str) {
        self.state.silent.lock().unwrap().insert(path.to_owned());
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
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        *self.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
        if self.silent.lock().unwrap().contains(&path) {
            std::future::pending::<()>().await;
        }
        let page = self.pages.lock().unwrap().get(&path).cloned();
        if page.is_none() && path == INTROSPECT {
            return self.introspect(request).await;
        }
        let Some(page) = page else {
            return Response::builder().status(StatusCode::NOT_FOUND).body(Full::default()).unwrap();
        };
        let response = Response::builder().status(page.status);
        let response = page.location.iter().fold(response, |response, location| response.header("location", location));
        response.body(Full::from(page.body)).unwrap()
    }

    /// RFC 7662 section 2: a question of somebody known, by POST.
    async fn introspect(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let is_known = request.headers().get("authorization").is_some_and(|value| value == CREDENTIALS);
        let is_question = request.method() == "POST"
            && request.headers().get("content-type").is_some_and(|value| value == "application/x-www-form-urlencoded");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        let Some(token) = form.get("token").filter(|_| is_question && form["token_type_hint"] == "access_token") else {
            return Response::builder().status(StatusCode::BAD_REQUEST).body(Full::default()).unwrap();
        };
        if !is_known {
            return Response::builder().status(StatusCode::UNAUTHORIZED).body(Full::default()).unwrap();
        }
        let answer = self.tokens.lock().unwrap().get(token).cloned().unwrap_or(json!({ "active": false }));
        Response::new(Full::from(answer.to_string()))
    }
}
