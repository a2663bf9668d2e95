//! An issuer and a resource in one, on the loopback interface, that remember what they were sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use procura_token::base64url;
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<Script>>,
}

type Headers = &'static [(&'static str, &'static str)];

#[derive(Default)]
struct Script {
    metadata_issuer: Option<String>,
    answers: VecDeque<(u16, Headers, Value)>,
    seen: Vec<Seen>,
}

/// One request as it arrived; metadata requests are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    /// The claims of the proof.
    pub(crate) proof: Value,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, state: Arc::default() };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Claims to be another issuer.
    pub(crate) fn pretend(&self, issuer: &str) {
        self.state.lock().unwrap().metadata_issuer = Some(issuer.to_owned());
    }

    /// What the next request is answered with; without a script, a good answer.
    pub(crate) fn answer_next(&self, status: u16, headers: Headers, body: Value) {
        self.state.lock().unwrap().answers.push_back((status, headers, body));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = String::from_utf8(axum::body::to_bytes(body, 100_000).await.unwrap().to_vec()).unwrap();
    let mut script = server.state.lock().unwrap();
    if path == "/.well-known/oauth-authorization-server" {
        let issuer = script.metadata_issuer.as_ref().unwrap_or(&server.url);
        return json!({ "issuer": issuer, "token_endpoint": format!("{}/token", server.url) }).to_string().into_response();
    }
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let proof = header("dpop").map_or(Value::Null, |proof| claims(&proof));
    script.seen.push(Seen { path: path.clone(), authorization: header("authorization"), proof, body });
    let good = json!({ "access_token": format!("token-{}", script.seen.len()), "token_type": "DPoP", "expires_in": 600,
                       "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" });
    let (status, headers, body) = script.answers.pop_front().unwrap_or((200, &[], good));
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into()).unwrap()
}

fn claims(proof: &str) -> Value {
    let payload = proof.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}
