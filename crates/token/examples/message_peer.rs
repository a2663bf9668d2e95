//! Signs and judges HTTP messages for another implementation to compare itself with, as JSON, a line each.
//!
//!     message_peer sign NOW      prints a signed request and its signed response for each algorithm that signs here
//!     message_peer verify NOW    reads such messages and prints what it thinks of the response, or the request if there is none
//!
//! The WIT's issuer is nobody, so it is not verified: a resource server does that first.

use core::error::Error;
use core::time::Duration;
use std::io::BufRead;

use http::{HeaderMap, HeaderName, HeaderValue};
use procura_token::{
    Algorithm, Htu, JwkConfirmation, NewRequestSignature, NewResponseSignature, NewWit, RequestHead, RequestSignatureRules,
    ResponseHead, ResponseSignatureRules, Signer, SigningKey, TokenId, UnixTime, UnverifiedRequestSignature,
    UnverifiedResponseSignature, base64url, parse_json, random_bytes, workload_identity_token,
};
use serde::{Deserialize, Serialize};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A request and perhaps its response, with their bodies.
#[derive(Deserialize, Serialize)]
struct Exchange {
    uri: String,
    request: Request,
    body: String,
    response: Option<Response>,
    response_body: String,
    request_nonce: String,
}

#[derive(Deserialize, Serialize)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize, Serialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, now] = arguments.as_slice() else { return Err("message_peer sign|verify NOW".into()) };
    let now = UnixTime::from_secs(now.parse()?);
    match verb.as_str() {
        "sign" => {
            for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519] {
                println!("{}", serde_json::to_string(&sign(algorithm, now)?)?);
            }
        }
        "verify" => {
            for line in std::io::stdin().lock().lines() {
                match verify(&serde_json::from_str(&line?)?, now) {
                    Ok(()) => println!("accepted"),
                    Err(error) => println!("refused: {error}"),
                }
            }
        }
        _ => return Err("message_peer sign|verify NOW".into()),
    }
    Ok(())
}

fn sign(algorithm: Algorithm, now: UnixTime) -> Outcome<Exchange> {
    let uri: Htu = "https://api.example/calendar".parse()?;
    let (client, server) = (SigningKey::generate(algorithm)?, SigningKey::generate(algorithm)?);
    let (body, response_body) = (r#"{"title":"Review"}"#, "[]");
    let (expires, nonce) = (now + Duration::from_secs(60), TokenId::from_random(random_bytes()));

    let mut headers = with_wit(&client, now)?;
    headers.insert("authorization", HeaderValue::from_static("DPoP abc"));
    let target = "/calendar?day=today";
    let head = RequestHead { method: "POST", target, headers: &headers };
    let new = NewRequestSignature { audience: &uri, created: now, expires, nonce: &nonce, sign_response: true };
    new.sign(&client, &head, body.as_bytes())?.insert_into(&mut headers);

    let mut response_headers = with_wit(&server, now)?;
    let request = RequestHead { method: "POST", target, headers: &headers };
    let head = ResponseHead { status: 201, headers: &response_headers };
    let own = TokenId::from_random(random_bytes());
    let new = NewResponseSignature { created: now, expires, nonce: &own, request_nonce: &nonce };
    new.sign(&server, &head, &request, response_body.as_bytes())?.insert_into(&mut response_headers);

    Ok(Exchange {
        uri: uri.to_string(),
        request: Request { method: "POST".into(), target: target.into(), headers: pairs(&headers)? },
        body: body.into(),
        response: Some(Response { status: 201, headers: pairs(&response_headers)? }),
        response_body: response_body.into(),
        request_nonce: nonce.as_str().into(),
    })
}

/// The head of a message by the holder of `key`.
fn with_wit(key: &SigningKey, now: UnixTime) -> Outcome<HeaderMap> {
    let (sub, cnf) = ("wimse://prod.example/agent".parse()?, JwkConfirmation::try_from(key.public_key().clone())?);
    let (exp, jti) = (now + Duration::from_secs(3600), TokenId::from_random(random_bytes()));
    let wit = NewWit { iss: "wimse://prod.example/nobody".into(), sub: &sub, iat: now, exp, jti, cnf: &cnf };
    let wit = wit.issue(&SigningKey::generate(Algorithm::Es256)?)?;
    let mut headers = HeaderMap::new();
    headers.insert("workload-identity-token", wit.try_into()?);
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Ok(headers)
}

fn verify(exchange: &Exchange, now: UnixTime) -> Outcome<()> {
    let algorithms = Algorithm::DEFAULT;
    let request_headers = headers(&exchange.request.headers)?;
    let request = RequestHead { method: &exchange.request.method, target: &exchange.request.target, headers: &request_headers };
    if let Some(response) = &exchange.response {
        let headers = headers(&response.headers)?;
        let (wit, confirmation) = unverified_wit(&headers)?;
        let head = ResponseHead { status: response.status, headers: &headers };
        let request_nonce = exchange.request_nonce.parse()?;
        let rules = ResponseSignatureRules { wit, confirmation: &confirmation, request_nonce: &request_nonce, algorithms };
        let signature = UnverifiedResponseSignature::parse(&head, &request)?.ok_or("not signed")?;
        signature.verify(&rules, now)?.with_body(exchange.response_body.as_bytes())?;
    } else {
        let (wit, confirmation) = unverified_wit(&request_headers)?;
        let audiences = [exchange.uri.parse()?];
        let rules = RequestSignatureRules { wit, confirmation: &confirmation, audiences: &audiences, algorithms };
        let signature = UnverifiedRequestSignature::parse(&request)?.ok_or("not signed")?;
        signature.verify(&rules, now)?.with_body(exchange.body.as_bytes())?;
    }
    Ok(())
}

/// The WIT, and the key it shows.
fn unverified_wit(headers: &HeaderMap) -> Outcome<(&str, JwkConfirmation)> {
    #[derive(Deserialize)]
    struct Claims {
        cnf: JwkConfirmation,
    }
    let wit = workload_identity_token(headers)?.ok_or("no WIT")?;
    let payload = base64url::decode(wit.split('.').nth(1).ok_or("no WIT")?)?;
    Ok((wit, parse_json::<Claims>(&payload)?.cnf))
}

fn headers(pairs: &[(String, String)]) -> Outcome<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

fn pairs(headers: &HeaderMap) -> Outcome<Vec<(String, String)>> {
    headers.iter().map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned()))).collect()
}
