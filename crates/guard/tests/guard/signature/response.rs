//! Responses that the server signs.

use super::*;

/// The server's own WIT, and what signs with it.
struct Server {
    wit: String,
    key: Arc<SigningKey>,
}

/// The same key twice: one signs, one is looked at.
struct Shared(Arc<SigningKey>);

impl Signer for Shared {
    fn algorithm(&self) -> procura_guard::Algorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &procura_guard::Jwk {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, procura_guard::SignError> {
        self.0.sign(message)
    }
}

impl Server {
    fn new(world: &World) -> Self {
        let key = Arc::new(new_key());
        Self { wit: world.wit_of(SERVER, &key), key }
    }

    fn identity(&self) -> Arc<Identity> {
        Arc::new(Identity::new(&self.wit, Shared(Arc::clone(&self.key))).unwrap())
    }

    fn guard(&self, world: &World) -> Guard {
        let identity = self.identity();
        world.workloads().sign_responses(move || Some(Arc::clone(&identity))).build().unwrap()
    }

    /// Judges a response as the client does.
    async fn verify(&self, response: Response<Body>, nonce: &TokenId) -> Result<String, procura_guard::VerifyError> {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        let request = RequestHead { method: "GET", target: "/calendar", headers: &http::HeaderMap::new() };
        let head = ResponseHead { status: head.status.as_u16(), headers: &head.headers };
        let cnf = JwkConfirmation::try_from(self.key.public_key().for_algorithm(self.key.algorithm())).unwrap();
        let rules = ResponseSignatureRules {
            wit: &self.wit,
            confirmation: &cnf,
            request_nonce: nonce,
            algorithms: procura_guard::Algorithm::DEFAULT,
        };
        let signature = UnverifiedResponseSignature::parse(&head, &request)?.expect("a signature");
        signature.verify(&rules, NOW)?.with_body(&body)?;
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }
}

fn asking() -> Signature<'static> {
    Signature { sign_response: true, ..Signature::new() }
}

/// SIG-03, SIG-10, SIG-21, SIG-23.
#[tokio::test]
async fn a_response_is_signed_when_the_client_asks_for_it() {
    let world = World::new();
    let server = Server::new(&world);
    let asking = asking();
    let response = serve(&server.guard(&world), signed(&world, &asking, unsigned(&world, "GET"), b"")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(server.verify(response, &asking.nonce).await.unwrap(), format!("{PLANNER}  0"));
}

/// SIG-26: the nonce ties a response to its request.
#[tokio::test]
async fn a_signed_response_answers_one_request_alone() {
    let world = World::new();
    let server = Server::new(&world);
    let response = serve(&server.guard(&world), signed(&world, &asking(), unsigned(&world, "GET"), b"")).await;
    assert!(server.verify(response, &"another".parse().unwrap()).await.is_err());
}

/// SIG-22, SIG-23: errors of the application are signed as well, and those with no body.
#[tokio::test]
async fn every_answer_of_the_service_is_signed() {
    let world = World::new();
    let server = Server::new(&world);
    let changes: [fn(Response<Body>) -> Response<Body>; 3] = [
        |mut response| {
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            response
        },
        |_| Response::builder().status(204).body(Body::empty()).unwrap(),
        |mut response| {
            response.headers_mut().insert("signature", HeaderValue::from_static("old=:AA==:"));
            response.headers_mut().insert("workload-identity-token", HeaderValue::from_static("old"));
            response
        },
    ];
    for change in changes {
        let asking = asking();
        let request = signed(&world, &asking, unsigned(&world, "GET"), b"");
        let response = serve_with(&server.guard(&world), request, change).await;
        server.verify(response, &asking.nonce).await.unwrap();
    }
}

/// SIG-20, SIG-22: by the server's own policy.
#[tokio::test]
async fn responses_are_signed_unasked_where_the_server_wants_it() {
    let world = World::new();
    let server = Server::new(&world);
    let identity = server.identity();
    let guard = world.workloads().sign_every_response(move || Some(Arc::clone(&identity))).build().unwrap();
    let signature = Signature::new();
    let response = serve(&guard, signed(&world, &signature, unsigned(&world, "GET"), b"")).await;
    server.verify(response, &signature.nonce).await.unwrap();
    let unasked = serve(&server.guard(&world), request(&world)).await;
    assert!(unasked.status() == 200 && !unasked.headers().contains_key("signature"));
}

/// SIG-24, SIG-30: no key, an expired WIT, no source at all: refused before the service is called, and nothing is used up.
#[tokio::test]
async fn a_response_that_cannot_be_signed_is_an_error_before_anything_happens() {
    let world = World::new();
    let server = Server::new(&world);
    let expired = world.wit_until(SERVER, &server.key, NOW);
    let expired = Arc::new(Identity::new(&expired, Shared(Arc::clone(&server.key))).unwrap());
    let nobody = world.workloads().build().unwrap();
    let empty = world.workloads().sign_responses(|| None).build().unwrap();
    let late = world.workloads().sign_responses(move || Some(Arc::clone(&expired))).build().unwrap();
    for guard in [nobody, empty, late] {
        let (head, _) = signed(&world, &asking(), unsigned(&world, "GET"), b"").into_parts();
        for _ in 0..2 {
            let request = Request::from_parts(head.clone(), Body::empty());
            let answer = serve_with(&guard, request, |_| panic!("the service was called")).await;
            assert_eq!(answer.status(), 501);
        }
        assert_eq!(serve(&guard, request(&world)).await.status(), 200);
    }
}

/// SIG-24: never a success without the signature.
#[tokio::test]
async fn a_response_that_is_too_long_or_breaks_off_is_an_error() {
    let world = World::new();
    let server = Server::new(&world);
    let changes: [fn(Response<Body>) -> Response<Body>; 4] = [
        |response| response.map(|_| Body::from(vec![b'x'; (1 << 20) + 1])),
        |response| {
            let chunks = (0..200).map(|_| Ok::<_, Infallible>(axum::body::Bytes::from_static(&[b'x'; 10_000])));
            response.map(|_| Body::from_stream(Chunks(chunks.collect::<Vec<_>>().into_iter())))
        },
        |response| response.map(|_| Body::from_stream(Chunks(vec![Err::<&str, _>(std::io::Error::other("gone"))].into_iter()))),
        |mut response| {
            response.headers_mut().insert("content-digest", content_digest(b"another body").parse().unwrap());
            response
        },
    ];
    for change in changes {
        let request = signed(&world, &asking(), unsigned(&world, "GET"), b"");
        let response = serve_with(&server.guard(&world), request, change).await;
        assert_eq!(response.status(), 501);
        assert!(text(response).await.contains("unsigned_response"));
    }
}

#[tokio::test]
async fn a_refusal_is_not_signed() {
    let world = World::new();
    let server = Server::new(&world);
    let request = signed(&world, &asking(), unsigned(&world, "POST"), b"x").map(|_| Body::from("y"));
    let response = serve(&server.guard(&world), request).await;
    assert_eq!(response.status(), 400);
    assert!(!response.headers().contains_key("signature"));
}

#[test]
fn an_identity_is_a_wit_and_the_key_it_is_bound_to() {
    let world = World::new();
    let server = Server::new(&world);
    assert_eq!(Identity::new(&server.wit, new_key()).unwrap_err(), IdentityError::Key);
    for text in ["", "a.b.c", &world.token()] {
        assert!(matches!(Identity::new(text, new_key()).unwrap_err(), IdentityError::Wit(_)));
    }
    assert!(!format!("{:?}", server.identity()).contains("eyJ"));
}

/// A caller is told by what it proved itself.
#[tokio::test]
async fn the_caller_knows_that_the_message_was_signed() {
    let world = World::new();
    let key = world.agent_key.public_key().thumbprint();
    let service = service_fn(move |request: Request<Body>| async move {
        assert_eq!(request.extensions().get::<Caller>().unwrap().proved, Proved::Signature(key));
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let layer = GuardLayer::new(guard(&world));
    assert_eq!(layer.layer(service).oneshot(request(&world)).await.unwrap().status(), 200);
}
