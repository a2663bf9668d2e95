//! Tokens that are bound to a client certificate (RFC 8705 section 3).

use http::Request;
use http::request::Parts;
use procura_guard::{Cause, Guard, PeerCertificate, Proved};
use procura_token::CertificateThumbprint;

use crate::world::{NOW, Proof, URL, World, challenges, told};

const CERTIFICATE: &[u8] = b"the DER of a certificate";
const TOKEN: (u16, &str) = (401, "invalid_token");

fn guard(world: &World) -> Guard {
    world.builder().certificate_bound_tokens().build().unwrap()
}

/// A token that is bound to [`CERTIFICATE`].
fn bound_token(world: &World) -> String {
    let mut claims = world.claims();
    claims.cnf = CertificateThumbprint::of(CERTIFICATE).into();
    claims.issue(&world.issuer_key).unwrap()
}

fn request(authorization: &str, certificate: Option<&[u8]>) -> Parts {
    let mut request = Request::get(URL).header("authorization", authorization).body(()).unwrap().into_parts().0;
    if let Some(der) = certificate {
        request.extensions.insert(PeerCertificate::new(der));
    }
    request
}

/// MTLSB-05, MTLSB-06.
#[tokio::test]
async fn a_token_bound_to_the_certificate_of_the_connection_is_accepted_as_often_as_it_is_sent() {
    let world = World::new();
    let guard = guard(&world);
    for scheme in ["Bearer ", "bearer ", "BEARER  "] {
        let request = request(&format!("{scheme}{}", bound_token(&world)), Some(CERTIFICATE));
        let caller = guard.verify(&request, NOW).await.unwrap();
        assert_eq!(caller.proved, Proved::Certificate(CertificateThumbprint::of(CERTIFICATE)));
        assert_eq!(caller.workload.as_str(), crate::world::PLANNER);
        caller.require(&"calendar.read".parse().unwrap()).unwrap();
    }
}

/// MTLSB-06.
#[tokio::test]
async fn another_certificate_or_none_is_an_invalid_token() {
    let world = World::new();
    let token = format!("Bearer {}", bound_token(&world));
    for certificate in [None, Some(b"another".as_slice())] {
        let refusal = guard(&world).verify(&request(&token, certificate), NOW).await.unwrap_err();
        assert_eq!((refusal.status().as_u16(), refusal.error()), TOKEN);
        let told = challenges(&refusal.to_response::<String>());
        assert_eq!(told[0], "Bearer realm=\"https://api.example/calendar\", error=\"invalid_token\"");
        assert!(told[1].starts_with("DPoP algs=") && told.len() == 2, "{told:?}");
    }
}

/// MTLSB-10, MTLS-20.
#[tokio::test]
async fn no_header_stands_in_for_the_certificate() {
    let world = World::new();
    let mut request = request(&format!("Bearer {}", bound_token(&world)), None);
    let der = format!(":{}:", "dGhlIERFUiBvZiBhIGNlcnRpZmljYXRl");
    for name in ["client-cert", "x-forwarded-client-cert", "x-client-cert", "ssl-client-cert"] {
        request.headers.insert(name, der.parse().unwrap());
    }
    let refusal = guard(&world).verify(&request, NOW).await.unwrap_err();
    assert!(matches!(refusal.cause(), Cause::NoCertificate), "{refusal}");
}

/// DPOP-28, F21.
#[tokio::test]
async fn a_token_bound_to_a_key_is_refused_as_bearer_in_every_spelling_and_over_any_connection() {
    let world = World::new();
    let guard = guard(&world);
    let token = world.token();
    for value in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer{token}"),
        format!("Bearer {token},"),
        format!("Bearer {token} {token}"),
    ] {
        for certificate in [None, Some(CERTIFICATE)] {
            let (status, error, cause) = told(guard.verify(&request(&value, certificate), NOW).await);
            assert_eq!((status, error), TOKEN, "{cause}");
        }
    }
}

#[tokio::test]
async fn a_token_bound_to_a_certificate_is_refused_under_dpop_whatever_proof_comes_with_it() {
    let world = World::new();
    let token = bound_token(&world);
    let mut request = world.request_with(&token, &Proof::for_token(&token).sign(&world.agent_key));
    request.extensions.insert(PeerCertificate::new(CERTIFICATE));
    let (status, error, _) = told(guard(&world).verify(&request, NOW).await);
    assert_eq!((status, error), TOKEN);
}

#[tokio::test]
async fn certificates_count_only_where_they_are_configured() {
    let world = World::new();
    let request = request(&format!("Bearer {}", bound_token(&world)), Some(CERTIFICATE));
    let refusal = world.guard().verify(&request, NOW).await.unwrap_err();
    assert!(matches!(refusal.cause(), Cause::Scheme));
    assert_eq!(challenges(&refusal.to_response::<String>()).len(), 1);
}

/// DPOP-31: without credentials no error; with them, in the challenge of the scheme that was tried.
#[tokio::test]
async fn only_the_challenge_of_the_attempted_scheme_carries_an_error() {
    let world = World::new();
    let guard = guard(&world);
    let told = async |request: &Parts| challenges(&guard.verify(request, NOW).await.unwrap_err().to_response::<String>());
    let mut none = world.request();
    none.headers.remove("authorization");
    let none = told(&none).await;
    assert!(none.iter().all(|challenge| !challenge.contains("error")) && none.len() == 2, "{none:?}");
    let mut no_proof = world.request();
    no_proof.headers.remove("dpop");
    let dpop = told(&no_proof).await;
    assert!(dpop[0].starts_with("DPoP error=\"invalid_dpop_proof\", algs=\"ES256 "), "{dpop:?}");
    assert!(dpop[1].starts_with("Bearer realm=") && !dpop[1].contains("error"), "{dpop:?}");
    let bearer = told(&request("Bearer x", None)).await;
    assert!(bearer[0].starts_with("Bearer ") && bearer[0].contains("invalid_token"), "{bearer:?}");
    assert!(!bearer[1].contains("error"), "{bearer:?}");
}

#[tokio::test]
async fn a_missing_scope_is_told_in_the_scheme_of_the_caller() {
    let world = World::new();
    let request = request(&format!("Bearer {}", bound_token(&world)), Some(CERTIFICATE));
    let caller = guard(&world).verify(&request, NOW).await.unwrap();
    let response = caller.require(&"calendar.write".parse().unwrap()).unwrap_err().to_response::<String>();
    assert_eq!(response.status(), 403);
    assert_eq!(challenges(&response), ["Bearer error=\"insufficient_scope\", scope=\"calendar.write\""]);
}
