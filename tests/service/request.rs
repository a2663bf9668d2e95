//! The rules of requests: the form, authentication, the proof, methods and paths.

use procura_token::{Algorithm, SigningKey};
use serde_json::json;

use crate::support::{ACCESS_TOKEN, Agent, Answer, Form, ISSUER, Service, World, claims, header, now, sign};

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    form: Form,
}

fn scene() -> Scene {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    Scene { world, service, planner, form }
}

/// A refusal keeps no copy anywhere, whatever refused it.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.refusal(), (status, code.to_owned()), "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_parameter_that_occurs_twice_is_refused() {
    let Scene { service, planner, form, .. } = scene();
    let form = form.add("scope", "calendar.read").add("requested_token_type", ACCESS_TOKEN).add("unknown", "x");
    assert_eq!(service.exchange(&planner, &form).await.status, 200);
    for name in [
        "grant_type",
        "client_assertion_type",
        "client_assertion",
        "subject_token",
        "subject_token_type",
        "scope",
        "requested_token_type",
        "unknown",
    ] {
        refused(&service.exchange(&planner, &form.clone().add(name, "x")).await, 400, "invalid_request");
        refused(&service.exchange(&planner, &form.clone().add(name, "")).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn an_empty_parameter_is_an_absent_one() {
    let Scene { service, planner, form, .. } = scene();
    let optional = ["scope", "audience", "actor_token", "actor_token_type", "requested_token_type", "client_id", "client_secret"];
    let empty = optional.iter().fold(form.clone(), |form, name| form.add(name, ""));
    assert_eq!(service.exchange(&planner, &empty).await.json()["scope"], "calendar.read calendar.write");
    for (name, status, code) in [
        ("grant_type", 400, "invalid_request"),
        ("client_assertion", 401, "invalid_client"),
        ("client_assertion_type", 401, "invalid_client"),
        ("subject_token", 400, "invalid_request"),
        ("subject_token_type", 400, "invalid_request"),
        ("resource", 400, "invalid_target"),
    ] {
        for form in [form.clone().set(name, ""), form.clone().without(name)] {
            refused(&service.exchange(&planner, &form).await, status, code);
        }
    }
}

#[tokio::test]
async fn more_than_32_parameters_are_refused() {
    let Scene { service, planner, form, .. } = scene();
    let padded = |count: usize| (6..count).fold(form.clone(), |form, n| form.add(&format!("x{n}"), "y"));
    assert_eq!(service.exchange(&planner, &padded(32)).await.status, 200);
    refused(&service.exchange(&planner, &padded(33)).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_the_service_goes_on() {
    let Scene { service, planner, form, .. } = scene();
    let filled = |length: usize| {
        let room = length - form.clone().add("x", "").encode().len();
        form.clone().add("x", &"y".repeat(room))
    };
    assert_eq!(service.exchange(&planner, &filled(64 * 1024)).await.status, 200);
    for length in [64 * 1024 + 1, 512 * 1024] {
        refused(&service.exchange(&planner, &filled(length)).await, 413, "invalid_request");
    }
    assert_eq!(service.exchange(&planner, &form).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let Scene { service, planner, form, .. } = scene();
    let nonce = service.nonce(&planner, &form).await;
    for content_type in [None, Some("application/json"), Some("text/plain"), Some("multipart/form-data")] {
        let request = service.request("POST", "/token").header("DPoP", planner.proof(Some(&nonce))).body(form.encode());
        let request = content_type.iter().fold(request, |request, kind| request.header("content-type", *kind));
        refused(&Answer::of(request).await, 400, "invalid_request");
    }
    let request = service.request("POST", "/token").header("DPoP", planner.proof(Some(&nonce))).body(form.encode());
    let request = request.header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8");
    assert_eq!(Answer::of(request).await.status, 200);
    for body in ["", "%", "grant_type", "grant_type=%ff%fe", "\0\0\0", "{\"grant_type\":\"x\"}"] {
        let request = service.request("POST", "/token").header("DPoP", planner.proof(Some(&nonce))).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        refused(&Answer::of(request).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn grants_and_token_types_that_are_not_served_are_refused() {
    let Scene { service, planner, form, .. } = scene();
    for (name, value, code) in [
        ("grant_type", "password", "unsupported_grant_type"),
        ("subject_token_type", ACCESS_TOKEN, "invalid_request"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2", "invalid_request"),
        ("subject_token_type", "nonsense", "invalid_request"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token", "invalid_request"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token", "invalid_request"),
        ("requested_token_type", "urn:procura:token-type:wit", "invalid_request"),
        ("scope", "calendar.read  calendar.write", "invalid_scope"),
        ("scope", "a\"b", "invalid_scope"),
    ] {
        refused(&service.exchange(&planner, &form.clone().set(name, value)).await, 400, code);
    }
}

#[tokio::test]
async fn only_the_client_assertion_authenticates() {
    let Scene { world, service, planner, form } = scene();
    let me = "spiffe://dev.procura.test/agent/planner";
    assert_eq!(service.exchange(&planner, &form.clone().add("client_id", me)).await.status, 200);
    let expired = {
        let (key, old) = (world.key("authority/svid.jwk"), now() - 7200);
        let claims = json!({ "sub": me, "aud": [ISSUER], "iat": old, "exp": old + 3600 });
        sign(&key, &header(&planner.svid), &claims)
    };
    let forged = sign(&SigningKey::generate(Algorithm::Es256).unwrap(), &header(&planner.svid), &claims(&planner.svid));
    for form in [
        form.clone().add("client_id", "spiffe://dev.procura.test/agent/researcher"),
        form.clone().add("client_secret", "x"),
        form.clone().set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        form.clone().set("client_assertion", "nothing"),
        form.clone().set("client_assertion", &world.user_token(json!({}))),
        form.clone().set("client_assertion", &expired),
        form.clone().set("client_assertion", &forged),
        // Of the trust domain, and not among its clients.
        form.clone().set("client_assertion", &world.svid("/batch/report", 600)),
    ] {
        refused(&service.exchange(&planner, &form).await, 401, "invalid_client");
    }
    let request = service.presentation(&planner.proof(None), &form).header("authorization", "Basic eDp5");
    let answer = Answer::of(request).await;
    refused(&answer, 401, "invalid_client");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn exactly_one_fresh_proof_with_our_nonce_is_asked_for() {
    let Scene { service, planner, form, .. } = scene();
    let first = service.post(&planner.proof(None), &form).await;
    refused(&first, 400, "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").unwrap();
    refused(&service.post(&planner.proof(Some("bm90IG91cnM")), &form).await, 400, "use_dpop_nonce");
    let proof = planner.proof(Some(nonce));
    let (header, said) = (header(&proof), claims(&proof));
    let changed = |name: &str, value| {
        let mut said = said.clone();
        said[name] = value;
        sign(&planner.key, &header, &said)
    };
    for wrong in [
        changed("htm", json!("GET")),
        changed("htu", json!("http://127.0.0.1:8080/other")),
        changed("htu", json!("https://127.0.0.1:8080/token")),
        changed("iat", json!(now() - 120)),
        changed("iat", json!(now() + 60)),
        changed("jti", json!(null)),
        sign(&SigningKey::generate(Algorithm::Es256).unwrap(), &header, &said),
        "nothing".to_owned(),
        "a.b.c".to_owned(),
    ] {
        refused(&service.post(&wrong, &form).await, 400, "invalid_dpop_proof");
    }
    let two = service.presentation(&proof, &form).header("DPoP", &planner.proof(Some(nonce)));
    refused(&Answer::of(two).await, 400, "invalid_dpop_proof");
    let none = service.request("POST", "/token").header("content-type", "application/x-www-form-urlencoded").body(form.encode());
    refused(&Answer::of(none).await, 400, "invalid_dpop_proof");
    // None of these used the proof up; its own use does.
    assert_eq!(service.post(&proof, &form).await.status, 200);
    refused(&service.post(&proof, &form).await, 400, "invalid_dpop_proof");
}

#[tokio::test]
async fn other_methods_and_paths_get_problem_documents() {
    let Scene { service, .. } = scene();
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = Answer::of(service.request(method, "/token")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert_eq!((answer.header("content-type"), &answer.json()["status"]), (Some("application/problem+json"), &json!(405)));
    }
    for path in ["/", "/tokens", "/token/", "/../etc/passwd", "/dev/users"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")), "{path}");
        assert_eq!(answer.json()["status"], 404);
    }
}
