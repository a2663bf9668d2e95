//! The API server of a Kubernetes cluster, as far as anyone asks it about tokens: keys and TokenReview over HTTPS, for who shows
//! its bearer token. It believes a token if it signed it, and as long as the pod it was given to is there.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use procura_token::{
    Algorithm, JwkSet, KeySet, PlatformToken, PlatformTokenRules, Signer as _, SigningKey, UnixTime, Unverified,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Authority, ISSUER as US, World, now, sign};

/// What our service shows to be allowed to ask.
const REVIEWER: &str = "eyJhbGciOiJub25lIn0.reviewer.token";
/// The issuer of the cluster's tokens: a name that leads nowhere outside of it.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

pub(crate) struct Cluster {
    pub(crate) url: String,
    authority: Authority,
    state: Arc<State>,
}

struct State {
    key: SigningKey,
    gone: Mutex<HashSet<String>>,
    asked: Mutex<Vec<String>>,
    answer: Mutex<Option<(u16, Value)>>,
}

impl Cluster {
    /// Answers until the test's runtime ends.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let state = Arc::new(State { key, gone: Mutex::default(), asked: Mutex::default(), answer: Mutex::default() });
        let cluster = Self { url, authority: Authority::new(), state };
        let (acceptor, state) = (cluster.authority.acceptor(), Arc::clone(&cluster.state));
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
        cluster
    }

    /// Writes what a rule needs to ask this cluster, and gives the lines that name it.
    pub(crate) fn known_to(&self, world: &World, token_review: bool) -> String {
        std::fs::write(world.path("trust/cluster-ca.pem"), &self.authority.pem).unwrap();
        std::fs::write(world.path("trust/reviewer"), REVIEWER).unwrap();
        format!(
            "issuer = \"{ISSUER}\"\nca_file = \"trust/cluster-ca.pem\"\nprivate_addresses = [\"127.0.0.0/8\", \"::1\"]\n\
             [platform.kubernetes]\napi_server = \"{}\"\ntoken_file = \"trust/reviewer\"\ntoken_review = {token_review}\n",
            self.url
        )
    }

    /// The projected token of a pod of the service account `default/deployer`; `changes` override claims.
    pub(crate) fn token(&self, changes: &Value) -> String {
        let now = now();
        let mut claims = json!({
            "aud": [US], "exp": now + 600, "iat": now, "nbf": now, "iss": ISSUER,
            "jti": procura_token::base64url::encode(procura_token::random_bytes::<12>()),
            "kubernetes.io": {
                "namespace": "default",
                "node": { "name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1" },
                "pod": { "name": "deploy-7", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3" },
                "serviceaccount": { "name": "deployer", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
                "warnafter": now + 300,
            },
            "sub": "system:serviceaccount:default:deployer",
        });
        merge(&mut claims, changes);
        sign(&self.state.key, &json!({ "alg": "ES256", "kid": self.state.key.public_key().key_id }), &claims)
    }

    /// Deletes the pod with this uid.
    pub(crate) fn delete_pod(&self, uid: &str) {
        self.state.gone.lock().unwrap().insert(uid.to_owned());
    }

    /// Answers every further review with this.
    pub(crate) fn answer(&self, status: u16, body: Value) {
        *self.state.answer.lock().unwrap() = Some((status, body));
    }

    /// How often `path` was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.state.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

/// Overrides members, within objects too; `null` removes one.
fn merge(value: &mut Value, changes: &Value) {
    let (Some(members), Some(changes)) = (value.as_object_mut(), changes.as_object()) else {
        *value = changes.clone();
        return;
    };
    for (name, change) in changes {
        match change {
            Value::Null => _ = members.remove(name),
            change => merge(members.entry(name.clone()).or_insert(Value::Null), change),
        }
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        self.asked.lock().unwrap().push(path.clone());
        let is_allowed = request.headers().get("authorization").is_some_and(|value| *value == format!("Bearer {REVIEWER}"));
        if !is_allowed {
            return respond(401, &json!({ "kind": "Status", "status": "Failure", "code": 401 }));
        }
        match (request.method(), path.as_str()) {
            (&Method::GET, "/openid/v1/jwks") => {
                let keys = JwkSet { keys: vec![self.key.public_key().for_use("sig")] };
                respond(200, &serde_json::to_value(keys).unwrap())
            }
            (&Method::POST, "/apis/authentication.k8s.io/v1/tokenreviews") => {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let question: Value = serde_json::from_slice(&body).unwrap();
                if let Some((status, body)) = self.answer.lock().unwrap().clone() {
                    return respond(status, &body);
                }
                let mut review = question.clone();
                review["status"] = self.status(&question["spec"]);
                respond(201, &review)
            }
            _ => respond(404, &json!({})),
        }
    }

    fn status(&self, spec: &Value) -> Value {
        let audiences: Vec<String> = serde_json::from_value(spec["audiences"].clone()).unwrap();
        let keys = JwkSet { keys: vec![self.key.public_key().for_use("sig")] };
        let rules = PlatformTokenRules {
            issuer: &ISSUER.parse().unwrap(),
            audiences: &audiences,
            algorithms: &[Algorithm::Es256],
            skew: std::time::Duration::ZERO,
        };
        let token = Unverified::<PlatformToken>::parse(spec["token"].as_str().unwrap());
        let token = token.map_err(Into::into);
        let verified =
            token.and_then(|token| token.verify(&KeySet::new(&keys, &[Some("sig")]), &rules, UnixTime::from_secs(now())));
        let Ok(token) = verified else { return json!({ "user": {}, "error": "invalid bearer token" }) };
        let claim = |name: &str| token.claims().get(name).unwrap();
        let claims = claim("kubernetes.io");
        let pod = claims["pod"]["uid"].as_str().unwrap_or_default();
        if self.gone.lock().unwrap().contains(pod) {
            return json!({ "user": {}, "error": "invalid bearer token, Token has been invalidated" });
        }
        json!({
            "authenticated": true,
            "audiences": [token.audience().sole().unwrap()],
            "user": {
                "username": claim("sub"),
                "uid": claims["serviceaccount"]["uid"],
                "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
                "extra": {
                    "authentication.kubernetes.io/credential-id": [format!("JTI={}", claim("jti").as_str().unwrap())],
                    "authentication.kubernetes.io/pod-name": [claims["pod"]["name"]],
                    "authentication.kubernetes.io/pod-uid": [claims["pod"]["uid"]],
                    "authentication.kubernetes.io/node-name": [claims["node"]["name"]],
                    "authentication.kubernetes.io/node-uid": [claims["node"]["uid"]],
                },
            },
        })
    }
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("content-type", "application/json");
    response.body(Full::from(body.to_string())).unwrap()
}
