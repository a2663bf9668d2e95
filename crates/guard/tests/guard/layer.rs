//! The guard before a service.

use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use http::{Request, Response};
use procura_guard::{Caller, Guard, GuardLayer};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::world::{Proof, URL, World};

/// A service that greets its caller, with `Cache-Control` if told so.
fn service(
    guard: Guard,
    cache_control: Option<&'static str>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> {
    GuardLayer::new(guard).layer(service_fn(move |request: Request<Body>| async move {
        let caller = request.extensions().get::<Caller>().unwrap();
        let mut response = Response::new(Body::from(caller.grant.as_ref().unwrap().subject().to_string()));
        if let Some(value) = cache_control {
            response.headers_mut().insert("cache-control", value.parse().unwrap());
        }
        Ok::<_, Infallible>(response)
    }))
}

fn request(world: &World, nonce: Option<&str>) -> Request<Body> {
    let token = world.token();
    let proof = Proof { nonce: nonce.map(str::to_owned), ..Proof::for_token(&token) };
    let parts = world.request_with(&token, &proof.sign(&world.agent_key));
    Request::from_parts(parts, Body::empty())
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_service_finds_the_caller_as_extension() {
    let world = World::new();
    let response = service(world.guard(), None).oneshot(request(&world, None)).await.unwrap();
    assert!(!response.headers().contains_key("dpop-nonce"));
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "dev:alice");
}

#[tokio::test]
async fn the_service_is_not_called_for_a_refused_request() {
    let world = World::new();
    let request = Request::get(URL).body(Body::empty()).unwrap();
    let response = service(world.guard(), None).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_caller_the_client_invented_does_not_survive() {
    let world = World::new();
    let mut request = request(&world, None);
    let mut invented = world.guard().verify(&world.request(), crate::world::NOW).await.unwrap();
    invented.grant = None;
    request.extensions_mut().insert(invented);
    let response = service(world.guard(), None).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "dev:alice");
}

#[tokio::test]
async fn answers_carry_the_next_nonce_and_are_not_cached() {
    let world = World::new();
    let guard = world.builder().nonces([1; 32]).build().unwrap();
    let challenge = service(guard.clone(), None).oneshot(request(&world, None)).await.unwrap();
    let mut nonce = challenge.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    for (cache_control, carries) in [(None, true), (Some("private, no-store"), true), (Some("max-age=60"), false), (None, true)] {
        let response = service(guard.clone(), cache_control).oneshot(request(&world, Some(&nonce))).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().contains_key("dpop-nonce"), carries, "{cache_control:?}");
        if carries {
            assert!(response.headers()["cache-control"].to_str().unwrap().contains("no-store"));
            nonce = response.headers()["dpop-nonce"].to_str().unwrap().to_owned();
        }
    }
}
