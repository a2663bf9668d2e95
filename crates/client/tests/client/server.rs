//! An issuer and a resource in one, on the loopback interface, that remember what they were sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use procura_client::CertificateThumbprint;
use procura_token::base64url;
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<Script>>,
}

pub(crate) type Headers = &'static [(&'static str, &'static str)];
type Responder = Arc<dyn Fn(&Seen) -> Option<Response> + Send + Sync>;

#[derive(Default)]
struct Script {
    metadata: Value,
    answers: VecDeque<(u16, Headers, Value)>,
    responder: Option<Responder>,
    seen: Vec<Seen>,
}

/// The certificate that a connection was made with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer(pub(crate) Option<CertificateThumbprint>);

/// One request as it arrived; metadata requests are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) authorization: Option<String>,
    /// The claims of the DPoP proof.
    pub(crate) proof: Value,
    pub(crate) body: String,
    pub(crate) peer: Peer,
}

impl Seen {
    /// A field that is there once.
    pub(crate) fn sole(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0].to_str().unwrap()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::at(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(axum::serve(listener, server.router()).into_future());
        server
    }

    pub(crate) fn at(url: String) -> Self {
        Self { url, state: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Says more, or something else, in its metadata.
    pub(crate) fn pretend(&self, metadata: Value) {
        self.state.lock().unwrap().metadata = metadata;
    }

    /// What the next request is answered with; without a script, a good answer.
    pub(crate) fn answer_next(&self, status: u16, headers: Headers, body: Value) {
        self.state.lock().unwrap().answers.push_back((status, headers, body));
    }

    /// What requests are answered with when there is no script for them.
    pub(crate) fn answer_by(&self, responder: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static) {
        self.state.lock().unwrap().responder = Some(Arc::new(responder));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// What arrived at this path.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = String::from_utf8(axum::body::to_bytes(body, 100_000).await.unwrap().to_vec()).unwrap();
    let mut script = server.state.lock().unwrap();
    if path == "/.well-known/oauth-authorization-server" {
        let mut metadata = json!({ "issuer": server.url, "token_endpoint": format!("{}/token", server.url) });
        for (name, value) in script.metadata.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        return metadata.to_string().into_response();
    }
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let seen = Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        path,
        authorization: header("authorization"),
        proof: header("dpop").map_or(Value::Null, |proof| claims(&proof)),
        body,
        peer: parts.extensions.get::<axum::extract::ConnectInfo<Peer>>().map(|info| info.0).unwrap_or_default(),
        headers: parts.headers,
    };
    script.seen.push(seen.clone());
    let good = json!({ "access_token": format!("token-{}", script.seen.len()), "token_type": "DPoP", "expires_in": 600,
                       "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" });
    let (status, headers, body) = match (script.answers.pop_front(), &script.responder) {
        (Some(scripted), _) => scripted,
        (None, Some(responder)) => match responder(&seen) {
            Some(response) => return response,
            None => (200, &[][..], good),
        },
        (None, None) => (200, &[][..], good),
    };
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into()).unwrap()
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}
