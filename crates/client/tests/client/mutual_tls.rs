//! Callers with an X.509-SVID, and tokens bound to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_client::{
    AgentKey, CallError, CertificateThumbprint, Client, ClientError, Credential, ExchangeError, ExchangeRequest, MetadataError,
    Resource, TokenType, TransportError, UnixTime, X509SvidFiles,
};
use procura_token::base64url;
use serde_json::{Value, json};

use crate::server::Server;
use crate::tls::{self, Ca, Issued};

const PLANNER: &str = "spiffe://prod.example/agent/planner";

/// An issuer on the web with an alias for mutual TLS, a trust domain, and the planner's files.
struct World {
    server: Server,
    web: Ca,
    workloads: Ca,
    alias: String,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let (web, workloads) = (Ca::new(), Ca::new());
        let own = web.issue(&["localhost"]);
        let server = tls::start("localhost", &own, None).await;
        let alias = tls::also_at("localhost", &server, &own, &workloads).await;
        let world = Self { server, web, workloads, alias, directory: tempfile::tempdir().unwrap() };
        world.pretend(json!({}));
        world.server.answer_by(|seen| {
            let certificate = seen.peer.0?;
            (seen.path == "/token" && !seen.headers.contains_key("dpop")).then(|| bearer(certificate, "Bearer"))
        });
        world
    }

    fn pretend(&self, more: Value) {
        let mut metadata = json!({
            "token_endpoint_auth_methods_supported": ["spiffe_jwt", "spiffe_x509"],
            "mtls_endpoint_aliases": { "token_endpoint": format!("{}/token", self.alias) },
            "tls_client_certificate_bound_access_tokens": true,
        });
        for (name, value) in more.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        self.server.pretend(metadata);
    }

    fn files(&self) -> [PathBuf; 2] {
        ["svid.pem", "svid-key.pem"].map(|name| self.directory.path().join(name))
    }

    fn write(&self, svid: &Issued) -> X509SvidFiles {
        let [certificate, key] = self.files();
        std::fs::write(&certificate, &svid.certificate).unwrap();
        std::fs::write(&key, &svid.key).unwrap();
        X509SvidFiles::new(certificate, key)
    }

    async fn certificate_bound(&self, files: X509SvidFiles) -> Result<Client, ClientError> {
        Client::certificate_bound(self.server.url.parse().unwrap(), files).root_certificates(self.web.pem()).discover().await
    }

    /// For the calendar, which is at the alias.
    fn delegation(&self) -> ExchangeRequest {
        let resource: Resource = self.calendar().parse().unwrap();
        ExchangeRequest::delegation("id-token", TokenType::IdToken, resource)
    }

    fn calendar(&self) -> String {
        format!("{}/calendar", self.alias)
    }
}

fn bearer(certificate: CertificateThumbprint, token_type: &str) -> axum::response::Response {
    let claims = json!({ "cnf": { "x5t#S256": certificate } }).to_string();
    let answer = json!({
        "access_token": format!("e30.{}.AA", base64url::encode(claims)), "token_type": token_type, "expires_in": 600,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    });
    axum::response::Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap()
}

/// SPIFFECA-06, MTLSB-01, MTLSB-09, DPOP-18.
#[tokio::test]
async fn a_caller_with_an_x509_svid_asks_at_the_alias_and_binds_its_key() {
    let world = World::new().await;
    let svid = world.workloads.issue(&[PLANNER]);
    let credential = Credential::x509_svid(world.write(&svid));
    let client = Client::builder(world.server.url.parse().unwrap(), AgentKey::generate().unwrap(), credential)
        .root_certificates(world.web.pem())
        .discover()
        .await
        .unwrap();
    client.delegated(world.delegation()).get(&world.calendar()).await.unwrap();
    let [asked, called] = &world.server.seen()[..] else { panic!("two requests") };
    assert_eq!((asked.peer.0, called.peer.0), (Some(svid.thumbprint), Some(svid.thumbprint)));
    assert!(asked.body.contains("client_id=spiffe%3A%2F%2Fprod.example%2Fagent%2Fplanner&"), "{}", asked.body);
    assert!(!asked.body.contains("client_assertion"));
    assert_eq!(asked.proof["htu"], json!(format!("{}/token", world.alias)));
    assert_eq!(called.authorization.as_deref(), Some("DPoP token-1"));
}

/// MTLSB-05, MTLSB-08, DPOP-21.
#[tokio::test]
async fn a_token_bound_to_the_certificate_is_used_on_its_connections_alone() {
    let world = World::new().await;
    let svid = world.workloads.issue(&[PLANNER]);
    let client = world.certificate_bound(world.write(&svid)).await.unwrap();
    let alice = client.delegated(world.delegation());
    alice.get(&world.calendar()).await.unwrap();
    let [asked, called] = &world.server.seen()[..] else { panic!("two requests") };
    assert_eq!((asked.peer.0, called.peer.0), (Some(svid.thumbprint), Some(svid.thumbprint)));
    assert!(!asked.headers.contains_key("dpop") && !called.headers.contains_key("dpop"));
    let token = alice.grant().await.unwrap().token;
    assert_eq!(called.authorization.as_deref(), Some(format!("Bearer {}", token.expose()).as_str()));
    let error = alice.clone().also_at("http://127.0.0.1:9").unwrap().get("http://127.0.0.1:9/").await.unwrap_err();
    assert!(matches!(error, CallError::Unprotected(_)), "{error}");
    let error = alice.with_wpt("x-token", &[]).unwrap().get(&world.calendar()).await.unwrap_err();
    assert!(matches!(error, CallError::NoWit), "{error}");
}

/// DPOP-21: a token that a thief could use is thrown away.
#[tokio::test]
async fn an_answer_that_is_not_bound_to_our_certificate_is_thrown_away() {
    let world = World::new().await;
    let client = world.certificate_bound(world.write(&world.workloads.issue(&[PLANNER]))).await.unwrap();
    let other = CertificateThumbprint::of(b"other");
    world.server.answer_by(move |_| Some(bearer(other, "Bearer")));
    let error = client.exchange(&world.delegation()).await.unwrap_err();
    assert_eq!(error, ClientError::Exchange(ExchangeError::Binding));
    world.server.answer_by(|seen| Some(bearer(seen.peer.0.unwrap(), "DPoP")));
    let error = client.exchange(&world.delegation()).await.unwrap_err();
    assert!(matches!(error, ClientError::Exchange(ExchangeError::Downgraded { .. })), "{error}");
}

/// MTLS-17, WIT-58.
#[tokio::test]
async fn a_renewed_certificate_gets_a_token_of_its_own() {
    let world = World::new().await;
    let [first, second] = [(); 2].map(|()| world.workloads.issue(&[PLANNER]));
    let alice = world.certificate_bound(world.write(&first)).await.unwrap().delegated(world.delegation());
    alice.get(&world.calendar()).await.unwrap();
    alice.get(&world.calendar()).await.unwrap();
    // Half of it: the certificate is there, its key not yet.
    std::fs::write(&world.files()[0], &second.certificate).unwrap();
    alice.get(&world.calendar()).await.unwrap();
    world.write(&second);
    alice.get(&world.calendar()).await.unwrap();
    let shown = |path| world.server.seen_at(path).into_iter().map(|seen| seen.peer.0.unwrap()).collect::<Vec<_>>();
    let (first, second) = (first.thumbprint, second.thumbprint);
    assert_eq!(shown("/token"), [first, second]);
    assert_eq!(shown("/calendar"), [first, first, first, second]);
}

#[tokio::test]
async fn one_file_may_hold_certificate_and_key() {
    let world = World::new().await;
    let svid = world.workloads.issue(&[PLANNER]);
    for text in [format!("{}{}", svid.certificate, svid.key), format!("planner\n{}{}", svid.key, svid.certificate)] {
        let file = world.directory.path().join("both.pem");
        std::fs::write(&file, text).unwrap();
        let client = world.certificate_bound(X509SvidFiles::new(&file, &file)).await.unwrap();
        client.exchange(&world.delegation()).await.unwrap();
    }
}

/// WIT-57.
#[tokio::test]
async fn an_expired_certificate_is_not_shown() {
    let world = World::new().await;
    let svid = world.workloads.issue_until(&[PLANNER], Some(2030));
    let clock = Arc::new(AtomicU64::new(1_770_000_000));
    let time = Arc::clone(&clock);
    let client = Client::certificate_bound(world.server.url.parse().unwrap(), world.write(&svid))
        .root_certificates(world.web.pem())
        .clock(move || UnixTime::from_secs(time.load(Ordering::SeqCst)))
        .discover()
        .await
        .unwrap();
    client.exchange(&world.delegation()).await.unwrap();
    clock.store(1_900_000_000, Ordering::SeqCst);
    let error = client.exchange(&world.delegation()).await.unwrap_err().to_string();
    assert_eq!(error, "the SVID cannot be had: the certificate has expired");
}

#[tokio::test]
async fn wrong_files_are_named() {
    let world = World::new().await;
    let good = world.workloads.issue(&[PLANNER]);
    let refused = |files| {
        let client = world.certificate_bound(files);
        async { client.await.unwrap().exchange(&world.delegation()).await.unwrap_err().to_string() }
    };
    let mixed = Issued { key: good.key.clone(), ..world.workloads.issue(&[PLANNER]) };
    let of_host = world.workloads.issue(&["localhost"]);
    let of_two = world.workloads.issue(&[PLANNER, "spiffe://prod.example/agent/other"]);
    let swapped = Issued { certificate: good.key.clone(), key: good.certificate.clone(), ..good };
    for (files, expected) in [
        (&mixed, "the private key does not belong to the certificate"),
        (&of_host, "the leaf does not name exactly one workload: not an X.509-SVID"),
        (&of_two, "the leaf does not name exactly one workload: not an X.509-SVID"),
        (&swapped, "svid.pem`: no certificate in PEM in it"),
    ] {
        let error = refused(world.write(files)).await;
        assert!(error.starts_with("the SVID cannot be had: ") && error.ends_with(expected), "{error}");
    }
    let error = refused(X509SvidFiles::new("no/such.pem", "no/such.pem")).await;
    assert!(error.starts_with("the SVID cannot be had: file `no/such.pem`: "), "{error}");
    assert!(world.server.seen().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_offer_mutual_tls_gets_no_certificate() {
    let world = World::new().await;
    let files = world.write(&world.workloads.issue(&[PLANNER]));
    let refused = |metadata| {
        world.pretend(metadata);
        let client = world.certificate_bound(files.clone());
        async move { client.await.unwrap_err() }
    };
    let error = refused(json!({ "token_endpoint_auth_methods_supported": ["spiffe_jwt"] })).await;
    assert_eq!(error, ClientError::Metadata(MetadataError::Method("spiffe_x509")));
    for without in [json!(false), json!(null)] {
        let error = refused(json!({ "tls_client_certificate_bound_access_tokens": without })).await;
        assert!(matches!(error, ClientError::Metadata(_)), "{error}");
    }
    let error = refused(json!({ "mtls_endpoint_aliases": { "token_endpoint": "http://localhost/token" } })).await;
    assert!(matches!(error, ClientError::Metadata(MetadataError::Unprotected(_))), "{error}");
}

/// MTLS-07, MTLS-08, MTLS-11, MTLS-16, WPT-37, SIG-31, SPIFFECA-08.
#[tokio::test]
async fn a_server_is_known_by_its_hosts_name_to_the_web_alone() {
    let world = World::new().await;
    let id = "spiffe://prod.example/server/sts";
    let wrong_host = world.web.issue(&["elsewhere.example", id]);
    let by_trust_domain = world.workloads.issue(&["localhost", id]);
    let host_in_uri = world.web.issue(&["spiffe://localhost/server/sts"]);
    for (certificate, what) in [(wrong_host, "host"), (by_trust_domain, "authority"), (host_in_uri, "URI")] {
        let server = tls::start("localhost", &certificate, None).await;
        let issuer = server.url.parse().unwrap();
        let files = world.write(&world.workloads.issue(&[PLANNER]));
        let error = Client::certificate_bound(issuer, files).root_certificates(world.web.pem()).discover().await.unwrap_err();
        assert!(matches!(error, ClientError::Transport(TransportError::Failed { .. })), "{what}: {error}");
        assert!(server.seen().is_empty());
    }
}

#[test]
fn private_keys_are_never_shown() {
    let ca = Ca::new();
    let issued = ca.issue(&[PLANNER]);
    let pem = procura_client::X509SvidPem { certificates: issued.certificate, key: issued.key.as_str().into() };
    let shown = format!("{pem:?} {:?}", Credential::x509_svid(X509SvidFiles::new("a", "b")));
    assert!(!shown.contains(issued.key.lines().nth(1).unwrap()), "{shown}");
}
