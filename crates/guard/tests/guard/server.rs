//! The guard in an axum server, over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::HeaderMap;
use procura_guard::{
    Algorithm, Bundle, Caller, Guard, GuardBuilder, GuardLayer, Identity, JwkSet, KeysError, PeerCertificate, SigningKey,
};
use procura_token::{
    CertificateThumbprint, JwkConfirmation, RequestHead, ResponseHead, ResponseSignatureRules, Signer,
    UnverifiedResponseSignature,
};
use tokio::net::TcpListener;

use crate::world::{DELEGATION, NOW, PLANNER, Proof, Signature, World, Wpt, new_key, parts, told, wpt_request};

const CERTIFICATE: &[u8] = b"the DER of a certificate";

async fn whoami(Extension(caller): Extension<Caller>) -> Result<String, Response> {
    let grant = caller.require(&"calendar.read".parse().unwrap())?;
    Ok(format!("{} for {}", caller.workload, grant.subject()))
}

async fn echo(Extension(caller): Extension<Caller>, body: String) -> String {
    format!("{}: {body}", caller.workload)
}

/// A server on the loopback interface.
struct Server {
    origin: String,
    client: reqwest::Client,
}

impl Server {
    async fn start(configure: impl FnOnce(GuardBuilder) -> GuardBuilder, builder: GuardBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let guard = configure(builder.public_url(&origin)).build().unwrap();
        let router = Router::new()
            .route("/calendar", get(whoami))
            .route("/echo", post(echo))
            .layer(GuardLayer::new(guard))
            // What the TLS code of a server does, after a handshake with a client certificate.
            .layer(from_fn(|mut request: Request, next: Next| {
                request.extensions_mut().insert(PeerCertificate::new(CERTIFICATE));
                next.run(request)
            }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { origin, client: reqwest::Client::new() }
    }

    fn url(&self, path: &str) -> &'static str {
        format!("{}{path}", self.origin).leak()
    }

    async fn ask(&self, method: &str, path: &str, headers: HeaderMap, body: &'static str) -> reqwest::Response {
        let method = method.parse().unwrap();
        self.client.request(method, self.url(path)).headers(headers).body(body).send().await.unwrap()
    }
}

#[tokio::test]
async fn one_server_takes_every_way_of_calling() {
    let world = World::new();
    let server = Server::start(GuardBuilder::certificate_bound_tokens, world.workloads()).await;
    let url = server.url("/calendar");
    let (wit, token) = (world.wit(), world.token());
    let dpop = world.request_with(&token, &Proof { url, ..Proof::for_token(&token) }.sign(&world.agent_key)).headers;
    let wpt = Wpt { url, others: &[(DELEGATION, &token)], ..Wpt::of(&wit) }.sign(&world.agent_key);
    let wpt = parts(wpt_request(&wit, &wpt).header(DELEGATION, &token)).headers;
    let mut signed = world.request_with(&token, &Proof { url, ..Proof::for_token(&token) }.sign(&world.agent_key));
    signed.headers.insert("workload-identity-token", wit.parse().unwrap());
    let signed = Signature { url, ..Signature::new() }.sign(signed, b"", &world.agent_key).headers;
    let mut claims = world.claims();
    claims.cnf = CertificateThumbprint::of(CERTIFICATE).into();
    let mut bearer = HeaderMap::new();
    bearer.insert("authorization", format!("Bearer {}", claims.issue(&world.issuer_key).unwrap()).parse().unwrap());
    for headers in [dpop, wpt, signed, bearer] {
        let answer = server.ask("GET", "/calendar", headers, "").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), format!("{PLANNER} for dev:alice"));
    }
    let answer = server.ask("GET", "/calendar", HeaderMap::new(), "").await;
    assert_eq!(answer.status(), 401);
    let told: Vec<_> = answer.headers().get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(told[0].starts_with("DPoP algs=") && told[1].starts_with("Bearer realm=") && told[2] == "WPT", "{told:?}");
}

#[tokio::test]
async fn a_signed_exchange_goes_through_http() {
    let world = World::new();
    let key = new_key();
    let own_wit = world.wit_of("spiffe://dev.procura.test/server/calendar", &key);
    let cnf = JwkConfirmation::try_from(key.public_key().for_algorithm(key.algorithm())).unwrap();
    let identity = Arc::new(Identity::new(&own_wit, key).unwrap());
    let server = Server::start(|builder| builder.sign_responses(move || Some(Arc::clone(&identity))), world.workloads()).await;
    let signature = Signature { url: server.url("/echo"), target: "/echo?a=1", sign_response: true, ..Signature::new() };
    let request =
        http::Request::post("/echo?a=1").header("workload-identity-token", world.wit()).header("content-type", "text/plain");
    let request = signature.sign(parts(request), b"hello", &world.agent_key);
    let answer = server.ask("POST", "/echo?a=1", request.headers.clone(), "hello").await;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    assert_eq!(body, format!("{PLANNER}: hello"));
    let head = RequestHead { method: "POST", target: "/echo?a=1", headers: &request.headers };
    let response = ResponseHead { status, headers: &headers };
    let rules = ResponseSignatureRules {
        wit: &own_wit,
        confirmation: &cnf,
        request_nonce: &signature.nonce,
        algorithms: Algorithm::DEFAULT,
    };
    let verified = UnverifiedResponseSignature::parse(&response, &head).unwrap().unwrap().verify(&rules, NOW).unwrap();
    verified.with_body(&body).unwrap();
    let again = server.ask("POST", "/echo?a=1", request.headers, "hello").await;
    assert_eq!(again.status(), 400);
}

/// F23.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_copies_over_http_one_succeeds() {
    let world = World::new();
    let server = Arc::new(Server::start(|builder| builder, world.workloads()).await);
    let wit = world.wit();
    let signature = Signature { url: server.url("/echo"), target: "/echo", ..Signature::new() };
    let request = parts(http::Request::post("/echo").header("workload-identity-token", &wit));
    let headers = signature.sign(request, b"x", &world.agent_key).headers;
    let copies: Vec<_> = (0..100)
        .map(|_| {
            let (server, headers) = (Arc::clone(&server), headers.clone());
            tokio::spawn(async move { server.ask("POST", "/echo", headers, "x").await.status() == 200 })
        })
        .collect();
    let mut successes = 0;
    for copy in copies {
        successes += usize::from(copy.await.unwrap());
    }
    assert_eq!(successes, 1);
}

/// WIT-06, WIT-08, FED-18: keys come from the configured URL, are learned when they rotate, and go when they are withdrawn.
#[tokio::test]
async fn a_bundle_is_fetched_from_its_url_and_followed() {
    struct Published {
        keys: std::sync::Mutex<JwkSet>,
        fetches: AtomicUsize,
    }
    let world = World::new();
    let published = Arc::new(Published {
        keys: std::sync::Mutex::new(JwkSet { keys: vec![world.domain_key.public_key().for_use("wit-svid")] }),
        fetches: AtomicUsize::new(0),
    });
    let serve = |State(published): State<Arc<Published>>| async move {
        published.fetches.fetch_add(1, Ordering::SeqCst);
        serde_json::to_string(&*published.keys.lock().unwrap()).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/spiffe/bundle", listener.local_addr().unwrap());
    let router = Router::new().route("/spiffe/bundle", get(serve)).with_state(Arc::clone(&published));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let bundle = Bundle::at(&url).unwrap();
    let name = "dev.procura.test".parse().unwrap();
    let guard = world.builder().trust_domain(&name, bundle).workload_proof_tokens().build().unwrap();
    let ask = async |world: &World, seconds: u64| {
        let now = NOW + Duration::from_secs(seconds);
        let wit = world.wit();
        let wpt = Wpt { iat: now, exp: now + Duration::from_secs(60), ..Wpt::of(&wit) }.sign(&world.agent_key);
        guard.verify(&parts(wpt_request(&wit, &wpt)), now).await
    };
    ask(&world, 0).await.unwrap();
    ask(&world, 1).await.unwrap();
    assert_eq!(published.fetches.load(Ordering::SeqCst), 1);
    let rotated = World { domain_key: SigningKey::generate(Algorithm::Es256).unwrap(), ..World::new() };
    *published.keys.lock().unwrap() = JwkSet { keys: vec![rotated.domain_key.public_key().for_use("wit-svid")] };
    ask(&rotated, 40).await.unwrap();
    assert_eq!(told(ask(&world, 41).await).1, "invalid_wit");
    // The domain withdraws all its keys: nobody is believed any more.
    *published.keys.lock().unwrap() = JwkSet::default();
    assert_eq!(told(ask(&world, 80).await).1, "invalid_wit");
    assert_eq!(told(ask(&rotated, 81).await).1, "invalid_wit");
}

#[tokio::test]
async fn workloads_of_a_domain_whose_bundle_cannot_be_had_are_told_to_come_again() {
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let bundle = Bundle::at(&format!("http://{free}/bundle")).unwrap();
    let builder = world.builder().trust_domain(&"dev.procura.test".parse().unwrap(), bundle).workload_proof_tokens();
    let guard: Guard = builder.build().unwrap();
    let wit = world.wit();
    let refusal = guard.verify(&parts(wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key))), NOW).await.unwrap_err();
    assert!(matches!(refusal.cause(), procura_guard::Cause::Keys(KeysError::Fetch { .. })), "{refusal}");
    assert_eq!(refusal.status(), 503);
}
