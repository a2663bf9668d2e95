//! Workloads that show a WIT and sign the message (draft-ietf-wimse-http-signature), and the responses they get.

mod response;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use http::request::Builder;
use http::{HeaderValue, Request, Response, Version};
use procura_guard::{Caller, Cause, Guard, GuardLayer, Identity, IdentityError, Proved, UnixTime};
use procura_token::{
    JwkConfirmation, RequestHead, ResponseHead, ResponseSignatureRules, Signer, SigningKey, TokenId, UnverifiedResponseSignature,
    content_digest,
};
use tower::{Layer, ServiceExt, service_fn};

use crate::world::{DELEGATION, NOW, PLANNER, Proof, Signature, URL, World, Wpt, challenges, new_key, parts, told};

const SIGNATURE: (u16, &str) = (400, "invalid_signature");
const SERVER: &str = "spiffe://dev.procura.test/server/calendar";

fn guard(world: &World) -> Guard {
    world.workloads().build().unwrap()
}

/// A request with the planner's WIT, to be signed.
fn unsigned(world: &World, method: &str) -> Builder {
    Request::builder().method(method).uri("/calendar").header("workload-identity-token", world.wit())
}

/// A good request without body or token.
fn request(world: &World) -> Request<Body> {
    signed(world, &Signature::new(), unsigned(world, "GET"), b"")
}

fn signed(world: &World, signature: &Signature<'_>, request: Builder, body: &'static [u8]) -> Request<Body> {
    Request::from_parts(signature.sign(parts(request), body, &world.agent_key), Body::from(body))
}

/// With a delegation token and its DPoP proof.
fn delegated(world: &World) -> Request<Body> {
    signed(world, &Signature::new(), with_token(unsigned(world, "GET"), &world.token(), &world.agent_key), b"")
}

fn with_token(request: Builder, token: &str, key: &SigningKey) -> Builder {
    let proof = Proof::for_token(token).sign(key);
    request.header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

/// What a server answers: it says who called, and what was in the body.
async fn serve(guard: &Guard, request: Request<Body>) -> Response<Body> {
    serve_with(guard, request, |response| response).await
}

async fn serve_with(guard: &Guard, request: Request<Body>, change: fn(Response<Body>) -> Response<Body>) -> Response<Body> {
    let service = service_fn(move |request: Request<Body>| async move {
        let caller: Caller = request.extensions().get::<Caller>().unwrap().clone();
        let body = to_bytes(request.into_body(), 1 << 24).await.unwrap();
        let subject = caller.grant.map(|grant| grant.subject().to_string()).unwrap_or_default();
        let answer = format!("{} {subject} {}", caller.workload, body.len());
        Ok::<_, Infallible>(change(Response::builder().header("content-type", "text/plain").body(Body::from(answer)).unwrap()))
    });
    GuardLayer::new(guard.clone()).layer(service).oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 24).await.unwrap().to_vec()).unwrap()
}

/// The status and the name of the error.
async fn refused(guard: &Guard, request: Request<Body>) -> (u16, String) {
    let response = serve(guard, request).await;
    let status = response.status().as_u16();
    let problem: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    (status, problem["type"].as_str().unwrap().trim_start_matches("urn:procura:problem:").to_owned())
}

fn wrong(expected: (u16, &str)) -> (u16, String) {
    (expected.0, expected.1.to_owned())
}

/// SIG-01 to SIG-08, SIG-15, SIG-17.
#[tokio::test]
async fn a_signed_request_says_which_workload_calls() {
    let world = World::new();
    let response = serve(&guard(&world), request(&world)).await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("signature"));
    assert_eq!(text(response).await, format!("{PLANNER}  0"));
}

/// Choices: mode 3 of the transport clash.
#[tokio::test]
async fn a_token_and_its_dpop_proof_go_beside_the_signature() {
    let world = World::new();
    let response = serve(&guard(&world), delegated(&world)).await;
    assert_eq!(text(response).await, format!("{PLANNER} dev:alice 0"));
}

/// SIG-04.
#[tokio::test]
async fn the_body_reaches_the_service_and_is_the_one_that_was_signed() {
    let world = World::new();
    let guard = guard(&world);
    let post = || unsigned(&world, "POST").header("content-type", "application/json");
    let good = signed(&world, &Signature::new(), post(), b"{\"title\":\"x\"}");
    assert_eq!(text(serve(&guard, good).await).await, format!("{PLANNER}  13"));
    let swapped = signed(&world, &Signature::new(), post(), b"{\"title\":\"x\"}").map(|_| Body::from("{\"title\":\"y\"}"));
    assert_eq!(refused(&guard, swapped).await, wrong(SIGNATURE));
    let emptied = signed(&world, &Signature::new(), post(), b"{\"title\":\"x\"}").map(|_| Body::empty());
    assert_eq!(refused(&guard, emptied).await, wrong(SIGNATURE));
    let filled = signed(&world, &Signature::new(), post(), b"").map(|_| Body::from("x"));
    assert_eq!(refused(&guard, filled).await, wrong(SIGNATURE));
    let mut with_digest = signed(&world, &Signature::new(), post(), b"").map(|_| Body::from("x"));
    with_digest.headers_mut().insert("content-digest", content_digest(b"x").parse().unwrap());
    assert_eq!(refused(&guard, with_digest).await, wrong(SIGNATURE));
}

/// The body of somebody who cannot sign is not read; nor is a long one.
#[tokio::test]
async fn a_body_is_read_for_good_signatures_alone_and_up_to_the_limit() {
    let world = World::new();
    let guard = world.workloads().body_limit(16).build().unwrap();
    let fits = signed(&world, &Signature::new(), unsigned(&world, "POST"), &[b'x'; 16]);
    assert_eq!(serve(&guard, fits).await.status(), 200);
    let too_long = signed(&world, &Signature::new(), unsigned(&world, "POST"), &[b'x'; 17]);
    assert_eq!(refused(&guard, too_long).await, (413, "content_too_large".to_owned()));
    let endless = || {
        let chunks = (0..100).map(|_| Ok::<_, Infallible>(axum::body::Bytes::from_static(&[b'x'; 10])));
        Body::from_stream(Chunks(chunks.collect::<Vec<_>>().into_iter()))
    };
    let chunked = signed(&world, &Signature::new(), unsigned(&world, "POST"), &[b'x'; 17]).map(|_| endless());
    assert_eq!(refused(&guard, chunked).await, (413, "content_too_large".to_owned()));
    let broken = signed(&world, &Signature::new(), unsigned(&world, "POST"), b"x")
        .map(|_| Body::from_stream(Chunks(vec![Err::<&str, _>(std::io::Error::other("gone"))].into_iter())));
    assert_eq!(refused(&guard, broken).await, (400, "invalid_request".to_owned()));
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let forged = Signature::new().sign(parts(unsigned(&world, "POST")), b"x", &new_key());
    let body = Body::from_stream(Chunks(std::iter::from_fn(move || {
        (counted.fetch_add(1, Ordering::SeqCst) < 10).then(|| Ok::<_, Infallible>(axum::body::Bytes::from_static(b"x")))
    })));
    assert_eq!(refused(&guard, Request::from_parts(forged, body)).await, wrong(SIGNATURE));
    assert_eq!(read.load(Ordering::SeqCst), 0);
}

/// An iterator as a stream.
struct Chunks<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Chunks<I> {
    type Item = I::Item;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

/// SIG-01, SIG-02, SIG-34: what is covered cannot be changed, and what must be covered cannot be added.
#[tokio::test]
async fn a_message_that_was_changed_after_signing_is_refused() {
    let world = World::new();
    let guard = guard(&world);
    let changes: [fn(&mut Request<Body>); 9] = [
        |request| *request.method_mut() = "DELETE".parse().unwrap(),
        |request| *request.uri_mut() = "/calendar?all=1".parse().unwrap(),
        |request| drop(request.headers_mut().insert("content-type", HeaderValue::from_static("text/html"))),
        |request| drop(request.headers_mut().insert("txn-token", HeaderValue::from_static("t"))),
        |request| drop(request.headers_mut().insert("content-digest", content_digest(b"").parse().unwrap())),
        |request| drop(request.headers_mut().remove("signature")),
        |request| drop(request.headers_mut().remove("signature-input")),
        |request| assert!(request.headers_mut().append("signature", HeaderValue::from_static("wimse=:AA==:"))),
        |request| drop(request.headers_mut().insert("signature-input", HeaderValue::from_bytes(b"\x9f").unwrap())),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut request = request(&world);
        change(&mut request);
        assert_eq!(refused(&guard, request).await, wrong(SIGNATURE), "{index}");
    }
    let mut another_url = request(&world);
    *another_url.uri_mut() = "/mail".parse().unwrap();
    assert_eq!(refused(&guard, another_url).await, wrong(SIGNATURE));
    // A token that was slipped in after signing.
    let mut slipped = request(&world);
    let token = parts(with_token(Request::get(URL), &world.token(), &world.agent_key));
    slipped.headers_mut().extend(token.headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    assert_eq!(refused(&guard, slipped).await, wrong(SIGNATURE));
}

/// SIG-05 to SIG-08, SIG-11, SIG-12.
#[tokio::test]
async fn a_signature_outside_the_profile_is_refused() {
    let world = World::new();
    let guard = guard(&world);
    let changes: [(&str, &str); 10] = [
        (";tag=\"wimse-workload-to-workload\"", ";tag=\"wimse-service-to-service\""),
        (";tag=\"wimse-workload-to-workload\"", ""),
        (";nonce=", ";n="),
        (";created=", ";c="),
        (";expires=", ";e="),
        (";wimse-aud=", ";x-aud="),
        (";created=", ";keyid=\"k\";created="),
        (";created=", ";alg=\"ecdsa-p256-sha256\";created="),
        (";created=", ";wimse-sign-response=7;created="),
        ("\"@method\" ", ""),
    ];
    for (from, to) in changes {
        let mut request = request(&world);
        let input = request.headers()["signature-input"].to_str().unwrap().replace(from, to);
        request.headers_mut().insert("signature-input", input.parse().unwrap());
        assert_eq!(refused(&guard, request).await, wrong(SIGNATURE), "{from} {to}");
    }
}

/// SIG-07.
#[tokio::test]
async fn a_signature_outside_its_time_is_refused() {
    let world = World::new();
    let at = |seconds: i64| UnixTime::from_secs(NOW.as_secs().checked_add_signed(seconds).unwrap());
    for (created, expires, is_good) in [(0, 60, true), (-60, 1, true), (30, 60, true), (31, 60, false), (-60, 0, false)] {
        let signature = Signature { created: at(created), expires: at(expires), ..Signature::new() };
        let request = signed(&world, &signature, unsigned(&world, "GET"), b"");
        assert_eq!(serve(&guard(&world), request).await.status() == 200, is_good, "{created} {expires}");
    }
}

/// SIG-18, SIG-19, WPT-41: `Host` does not say what is ours.
#[tokio::test]
async fn a_signature_for_another_audience_is_refused() {
    let world = World::new();
    for url in ["https://api.example/mail", "https://evil.example/calendar", "http://api.example/calendar"] {
        let request = unsigned(&world, "GET").header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let request = signed(&world, &Signature { url, ..Signature::new() }, request, b"");
        assert_eq!(refused(&guard(&world), request).await, wrong(SIGNATURE), "{url}");
    }
}

/// SIG-02: the query is covered, if not by `wimse-aud`.
#[tokio::test]
async fn the_target_is_covered_as_it_was_on_the_wire() {
    let world = World::new();
    let guard = guard(&world);
    let signature = Signature { target: "/calendar?day=monday", ..Signature::new() };
    let request = unsigned(&world, "GET").uri("/calendar?day=monday");
    assert_eq!(serve(&guard, signed(&world, &signature, request, b"")).await.status(), 200);
    // HTTP/2 brings scheme and authority along; they are no part of the target.
    let request = unsigned(&world, "GET").uri("https://api.example/calendar").version(Version::HTTP_2);
    assert_eq!(serve(&guard, signed(&world, &Signature::new(), request, b"")).await.status(), 200);
    // In HTTP/1.1 they are.
    let request = unsigned(&world, "GET").uri("https://api.example/calendar");
    assert_eq!(refused(&guard, signed(&world, &Signature::new(), request, b"")).await, wrong(SIGNATURE));
    let signature = Signature { target: URL, ..Signature::new() };
    let request = unsigned(&world, "GET").uri(URL);
    assert_eq!(serve(&guard, signed(&world, &signature, request, b"")).await.status(), 200);
}

/// SIG-15, SIG-29, WIT-40, WIT-41: 400 and no challenge, for the WIT too, which is judged first.
#[tokio::test]
async fn failures_of_wit_and_signature_are_bad_requests_without_challenge() {
    let world = World::new();
    let mut of_stranger = request(&world);
    of_stranger.headers_mut().insert("workload-identity-token", World::new().wit().parse().unwrap());
    let mut without_wit = request(&world);
    without_wit.headers_mut().remove("workload-identity-token");
    without_wit.headers_mut().insert("workload-proof-token", HeaderValue::from_static("x"));
    let forged = Request::from_parts(Signature::new().sign(parts(unsigned(&world, "GET")), b"", &new_key()), Body::empty());
    for (request, error) in [(of_stranger, "invalid_wit"), (without_wit, "invalid_wit"), (forged, "invalid_signature")] {
        let response = serve(&guard(&world), request).await;
        assert_eq!(response.status(), 400);
        assert!(challenges(&response).is_empty());
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(text(response).await.contains(error), "{error}");
    }
}

/// SIG-16.
#[tokio::test]
async fn the_service_is_not_called_before_everything_is_verified() {
    let world = World::new();
    let guard = guard(&world);
    let called = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&called);
    let service = GuardLayer::new(guard.clone()).layer(service_fn(move |_: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    let swapped = signed(&world, &Signature::new(), unsigned(&world, "POST"), b"x").map(|_| Body::from("y"));
    for request in [swapped, Request::get(URL).body(Body::empty()).unwrap()] {
        service.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(called.load(Ordering::SeqCst), 0);
    service.oneshot(request(&world)).await.unwrap();
    assert_eq!(called.load(Ordering::SeqCst), 1);
}

/// SIG-13, SIG-14: per sender.
#[tokio::test]
async fn a_nonce_works_once_and_is_its_senders() {
    let world = World::new();
    let guard = guard(&world);
    let nonce: TokenId = "same".parse().unwrap();
    let signature = Signature { nonce, ..Signature::new() };
    let copies: Vec<_> = (0..2).map(|_| signed(&world, &signature, unsigned(&world, "GET"), b"")).collect();
    let other = World {
        domain_key: SigningKey::from_jwk(world.domain_key.to_private_jwk().unwrap().as_bytes()).unwrap(),
        ..World::new()
    };
    let of_other = signed(&other, &signature, unsigned(&other, "GET"), b"");
    let statuses = [serve(&guard, of_other).await.status().as_u16()];
    assert_eq!(statuses, [200]);
    let mut copies = copies.into_iter();
    assert_eq!(serve(&guard, copies.next().unwrap()).await.status(), 200);
    assert_eq!(refused(&guard, copies.next().unwrap()).await, wrong(SIGNATURE));
}

/// F23.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_concurrent_copies_one_succeeds() {
    let world = World::new();
    let guard = guard(&world);
    let (head, _) = delegated(&world).into_parts();
    let copies: Vec<_> = (0..100)
        .map(|_| {
            let (guard, head) = (guard.clone(), head.clone());
            tokio::spawn(async move { serve(&guard, Request::from_parts(head, Body::empty())).await.status() == 200 })
        })
        .collect();
    let mut successes = 0;
    for copy in copies {
        successes += usize::from(copy.await.unwrap());
    }
    assert_eq!(successes, 1);
}

/// Failures of the token and its proof are told as where they stand alone.
#[tokio::test]
async fn a_token_beside_the_signature_is_judged_as_any_token() {
    let world = World::new();
    let guard = guard(&world);
    let ask = async |token: &str, proof: Option<String>| {
        let request = unsigned(&world, "GET").header("authorization", format!("DPoP {token}"));
        let request = match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        };
        let response = serve(&guard, signed(&world, &Signature::new(), request, b"")).await;
        let told = challenges(&response);
        assert_eq!(response.status(), 401);
        told.into_iter().find(|challenge| challenge.starts_with("DPoP")).unwrap()
    };
    let token = world.token();
    let good = || Some(Proof::for_token(&token).sign(&world.agent_key));
    let mut other = world.claims();
    other.client_id = "spiffe://dev.procura.test/agent/researcher".parse().unwrap();
    let other = other.issue(&world.issuer_key).unwrap();
    let of_other = Some(Proof::for_token(&other).sign(&world.agent_key));
    assert!(ask(&other, of_other).await.contains("invalid_token"));
    assert!(ask("x", good()).await.contains("invalid_token"));
    assert!(ask(&token, None).await.contains("invalid_dpop_proof"));
    assert!(ask(&token, Some(Proof::for_token(&token).sign(&new_key()))).await.contains("invalid_dpop_proof"));
    let bearer =
        signed(&world, &Signature::new(), unsigned(&world, "GET").header("authorization", format!("Bearer {token}")), b"");
    assert_eq!(refused(&guard, bearer).await, (401, "invalid_token".to_owned()));
}

/// DPOP-37, beside a signature.
#[tokio::test]
async fn a_nonce_is_asked_for_beside_a_signature_too() {
    let world = World::new();
    let guard = world.workloads().nonces([1; 32]).build().unwrap();
    let response = serve(&guard, delegated(&world)).await;
    assert_eq!(response.status(), 401);
    assert!(challenges(&response).iter().any(|challenge| challenge.starts_with("DPoP error=\"use_dpop_nonce\"")));
    assert!(response.headers().contains_key("dpop-nonce"));
}

/// What a signature covers of other fields is not looked at.
#[tokio::test]
async fn a_delegation_field_beside_a_signature_is_refused() {
    let world = World::new();
    let request = signed(&world, &Signature::new(), unsigned(&world, "GET").header(DELEGATION, world.token()), b"");
    assert_eq!(refused(&guard(&world), request).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn without_the_layer_a_signed_request_is_refused() {
    let world = World::new();
    let (head, _) = request(&world).into_parts();
    let refusal = guard(&world).verify(&head, NOW).await.unwrap_err();
    assert!(matches!(refusal.cause(), Cause::NoBody));
    assert_eq!(told(Err(refusal)).0, 501);
}

#[tokio::test]
async fn signatures_count_only_where_they_are_configured() {
    let world = World::new();
    let name = "dev.procura.test".parse().unwrap();
    let guard = world.builder().trust_domain(&name, world.bundle()).workload_proof_tokens().build().unwrap();
    assert_eq!(refused(&guard, request(&world)).await, (401, "no_workload_proof".to_owned()));
    // Somebody else's signature is no business of a guard that takes none.
    let wit = world.wit();
    let wpt = crate::world::wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)).header("signature-input", "x=()");
    assert_eq!(serve(&guard, wpt.body(Body::empty()).unwrap()).await.status(), 200);
}

#[tokio::test]
async fn other_ways_of_calling_go_on_beside_signatures() {
    let world = World::new();
    let guard = guard(&world);
    let token = Request::from_parts(world.request(), Body::from("unread"));
    assert_eq!(text(serve(&guard, token).await).await, format!("{PLANNER} dev:alice 6"));
    let wit = world.wit();
    let wpt = crate::world::wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)).body(Body::from("unread")).unwrap();
    assert_eq!(text(serve(&guard, wpt).await).await, format!("{PLANNER}  6"));
}
