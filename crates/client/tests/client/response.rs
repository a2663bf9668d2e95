//! Signed answers: which are believed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use procura_client::{
    CallError, Delegated, ExchangeRequest, Resource, ResponseError, ResponseSignature, SigningServer, TokenType, WitProof,
};
use procura_token::{
    Algorithm, NewResponseSignature, RequestHead, ResponseHead, Signer as _, SigningKey, TokenId, UnixTime, VerifyError,
    random_bytes,
};

use crate::server::{Seen, Server};
use crate::workload::{Authority, NOW, planner};

const CALENDAR: &str = "spiffe://prod.example/server/calendar";
const MINUTE: Duration = Duration::from_secs(60);

/// How the next answers are made.
#[derive(Clone)]
struct Answer {
    id: &'static str,
    authority: Arc<Authority>,
    wit_ends: UnixTime,
    created: UnixTime,
    /// The nonce of the request before this one.
    is_for_another_request: bool,
    /// What happens to it on the way.
    spoil: fn(&mut Response),
}

struct World {
    server: Server,
    answer: Arc<Mutex<Option<Answer>>>,
    good: Answer,
    alice: Delegated,
    signer: SigningServer,
}

impl World {
    async fn new() -> Self {
        let (server, authority) = (Server::start().await, Arc::new(Authority::new()));
        let client = planner(&server, &authority, WitProof::Signature).await;
        let resource: Resource = format!("{}/calendar", server.url).parse().unwrap();
        let alice = client.delegated(ExchangeRequest::delegation("id-token", TokenType::IdToken, resource));
        alice.grant().await.unwrap();
        let signer = SigningServer::new(CALENDAR.parse().unwrap(), &authority.bundle()).unwrap();
        let answer: Arc<Mutex<Option<Answer>>> = Arc::default();
        let (next, key, last) = (Arc::clone(&answer), SigningKey::generate(Algorithm::Es256).unwrap(), Mutex::new(None));
        server.answer_by(move |seen| {
            let before = last.lock().unwrap().replace(nonce_of(seen)?);
            Some(next.lock().unwrap().as_ref()?.make(seen, &key, before))
        });
        let good = Answer {
            id: CALENDAR,
            authority,
            wit_ends: NOW + MINUTE,
            created: NOW,
            is_for_another_request: false,
            spoil: |_| {},
        };
        Self { server, answer, good, alice, signer }
    }

    async fn call(&self, answer: Option<Answer>, expected: ResponseSignature) -> Result<String, ResponseError> {
        *self.answer.lock().unwrap() = answer;
        let alice = self.alice.clone().with_signature(expected);
        match alice.get(&format!("{}/calendar?day=monday", self.server.url)).await {
            Ok(answer) => Ok(answer.text().await.unwrap()),
            Err(CallError::Response(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    fn required(&self) -> ResponseSignature {
        ResponseSignature::Required(self.signer.clone())
    }
}

fn nonce_of(seen: &Seen) -> Option<TokenId> {
    let input = seen.headers.get("signature-input")?.to_str().unwrap();
    input.split("nonce=\"").nth(1)?.split('"').next()?.parse().ok()
}

impl Answer {
    fn make(&self, seen: &Seen, key: &SigningKey, before: Option<TokenId>) -> Response {
        const BODY: &str = r#"{"events":[]}"#;
        let wit = self.authority.wit(self.id, key.public_key(), self.wit_ends);
        let mut response = Response::builder().header("content-type", "application/json").header("workload-identity-token", wit);
        let own = nonce_of(seen).unwrap();
        let signature = NewResponseSignature {
            created: self.created,
            expires: self.created + MINUTE,
            nonce: &TokenId::from_random(random_bytes()),
            request_nonce: if self.is_for_another_request { before.as_ref().unwrap() } else { &own },
        };
        let request = RequestHead { method: &seen.method, target: &seen.target, headers: &seen.headers };
        let head = ResponseHead { status: 200, headers: response.headers_ref().unwrap() };
        let fields = signature.sign(key, &head, &request, BODY.as_bytes()).unwrap();
        fields.insert_into(response.headers_mut().unwrap());
        let mut response = response.body(BODY.into()).unwrap();
        (self.spoil)(&mut response);
        response
    }
}

/// SIG-03, SIG-09, SIG-10, SIG-20, SIG-21.
#[tokio::test]
async fn a_signed_answer_of_the_server_is_returned_whole() {
    let world = World::new().await;
    for (expected, asks) in [(world.required(), true), (ResponseSignature::IfPresent(world.signer.clone()), false)] {
        let text = world.call(Some(world.good.clone()), expected).await.unwrap();
        assert_eq!(text, r#"{"events":[]}"#);
        let seen = world.server.seen();
        let input = seen.last().unwrap().sole("signature-input");
        assert_eq!(input.contains(";wimse-sign-response"), asks, "{input}");
    }
}

/// SIG-25: strip the signature.
#[tokio::test]
async fn an_unsigned_answer_is_refused_when_a_signature_was_asked_for() {
    let world = World::new().await;
    assert_eq!(world.call(None, world.required()).await, Err(ResponseError::Unsigned { status: 200 }));
    let stripped = Answer {
        spoil: |response| {
            response.headers_mut().remove("signature");
            response.headers_mut().remove("signature-input");
        },
        ..world.good.clone()
    };
    assert_eq!(world.call(Some(stripped), world.required()).await, Err(ResponseError::Unsigned { status: 200 }));
    world.call(None, ResponseSignature::IfPresent(world.signer.clone())).await.unwrap();
    world.call(None, ResponseSignature::NotExpected).await.unwrap();
}

/// SIG-26: swap responses.
#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    let world = World::new().await;
    world.call(Some(world.good.clone()), world.required()).await.unwrap();
    let swapped = Answer { is_for_another_request: true, ..world.good.clone() };
    let error = ResponseError::Signature(VerifyError::RequestNonce);
    assert_eq!(world.call(Some(swapped), world.required()).await, Err(error));
}

/// SIG-27: a signature that is there must be good, asked for or not.
#[tokio::test]
async fn a_signature_that_is_there_is_never_ignored() {
    let world = World::new().await;
    assert_eq!(world.call(Some(world.good.clone()), ResponseSignature::NotExpected).await, Err(ResponseError::Unexpected));
    let spoilt: [fn(&mut Response); 6] = [
        |response| *response.body_mut() = "{}".into(),
        |response| *response.status_mut() = http::StatusCode::CREATED,
        |response| drop(response.headers_mut().insert("content-type", "text/html".parse().unwrap())),
        |response| drop(response.headers_mut().insert("signature", "wimse=:AAAA:".parse().unwrap())),
        |response| drop(response.headers_mut().remove("signature")),
        |response| drop(response.headers_mut().remove("signature-input")),
    ];
    for (at, spoil) in spoilt.into_iter().enumerate() {
        for expected in [world.required(), ResponseSignature::IfPresent(world.signer.clone())] {
            let answer = Answer { spoil, ..world.good.clone() };
            let error = world.call(Some(answer), expected).await.unwrap_err();
            assert!(matches!(error, ResponseError::Signature(_)), "{at}: {error}");
        }
    }
}

/// WIT-34 to WIT-39 as a client has them, SIG-07.
#[tokio::test]
async fn only_the_server_that_was_meant_is_believed() {
    let world = World::new().await;
    let good = &world.good;
    for id in
        ["spiffe://prod.example/server/mail", "spiffe://other.example/server/calendar", "wimse://prod.example/server/calendar"]
    {
        let other = Answer { id, ..good.clone() };
        assert_eq!(world.call(Some(other), world.required()).await, Err(ResponseError::OtherServer), "{id}");
    }
    let by_other = Answer { authority: Arc::new(Authority::new()), ..good.clone() };
    assert_eq!(world.call(Some(by_other), world.required()).await, Err(ResponseError::Wit(VerifyError::UnknownKey)));
    let ended = Answer { wit_ends: NOW - MINUTE, ..good.clone() };
    let error = world.call(Some(ended), world.required()).await.unwrap_err();
    assert!(matches!(error, ResponseError::Wit(VerifyError::Expired { .. })), "{error}");
    let without = Answer { spoil: |response| drop(response.headers_mut().remove("workload-identity-token")), ..good.clone() };
    assert!(matches!(world.call(Some(without), world.required()).await, Err(ResponseError::Wit(_))));
    let old = Answer { created: NOW - MINUTE, ..good.clone() };
    let error = world.call(Some(old), world.required()).await.unwrap_err();
    assert!(matches!(error, ResponseError::Signature(VerifyError::Expired { .. })), "{error}");
}

#[test]
fn a_server_without_keys_is_no_server() {
    let mut bundle = Authority::new().bundle();
    bundle.keys[0] = bundle.keys[0].for_use("jwt-svid");
    assert!(SigningServer::new(CALENDAR.parse().unwrap(), &bundle).is_err(), "WSVID-25");
}
