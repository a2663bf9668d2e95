//! Servers that are known by their workload identifier.

use procura_client::{
    AgentKey, CallError, Client, ClientError, ExchangeRequest, ParseError, Resource, TokenType, TransportError, WorkloadServer,
    X509SvidFiles,
};

use crate::server::Server;
use crate::tls::{self, Ca};
use crate::workload::fixed;

const CALENDAR: &str = "spiffe://prod.example/server/calendar";

async fn call(server: &Server, expected: WorkloadServer) -> Result<(), CallError> {
    let issuer = Server::start().await;
    let client = Client::builder(issuer.url.parse().unwrap(), AgentKey::generate().unwrap(), fixed("svid".to_owned()));
    let client = client.workload_server(&server.url, expected).unwrap().discover().await.unwrap();
    let resource: Resource = format!("{}/calendar", server.url).parse().unwrap();
    let alice = client.delegated(ExchangeRequest::delegation("id-token", TokenType::IdToken, resource));
    alice.get(&format!("{}/calendar", server.url)).await.map(drop)
}

fn expecting(id: &str, ca: &Ca) -> WorkloadServer {
    WorkloadServer::new(id.parse().unwrap(), ca.bundle().as_bytes()).unwrap()
}

/// MTLS-01, MTLS-03, MTLS-09, MTLS-10.
#[tokio::test]
async fn a_server_at_an_address_is_known_by_its_workload_identifier() {
    let ca = Ca::new();
    let server = tls::start("127.0.0.1", &ca.issue(&[CALENDAR]), None).await;
    call(&server, expecting(CALENDAR, &ca)).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

/// MTLS-01 to MTLS-03, MTLS-09, MTLS-12, MTLS-13.
#[tokio::test]
async fn any_other_workload_is_refused_before_anything_is_sent() {
    let [ca, other] = [(); 2].map(|()| Ca::new());
    for (names, signer, expected) in [
        (&["spiffe://prod.example/server/mail"][..], &ca, expecting(CALENDAR, &ca)),
        (&["spiffe://other.example/server/calendar"], &ca, expecting(CALENDAR, &ca)),
        (&[CALENDAR], &other, expecting(CALENDAR, &ca)),
        (&["127.0.0.1"], &ca, expecting(CALENDAR, &ca)),
        (&[CALENDAR, "spiffe://prod.example/server/mail"], &ca, expecting(CALENDAR, &ca)),
    ] {
        let server = tls::start("127.0.0.1", &signer.issue(names), None).await;
        let error = call(&server, expected).await.unwrap_err();
        assert!(matches!(error, CallError::Transport(TransportError::Failed { .. })), "{names:?}: {error}");
        assert!(server.seen().is_empty());
    }
    let expired = tls::start("127.0.0.1", &ca.issue_until(&[CALENDAR], Some(2001)), None).await;
    assert!(call(&expired, expecting(CALENDAR, &ca)).await.is_err());
}

/// MTLS-04: both sides show who they are.
#[tokio::test]
async fn client_and_server_know_each_other_by_their_svids() {
    let [web, ca] = [(); 2].map(|()| Ca::new());
    let svid = ca.issue(&["spiffe://prod.example/agent/planner"]);
    let directory = tempfile::tempdir().unwrap();
    let both = directory.path().join("svid.pem");
    std::fs::write(&both, format!("{}{}", svid.certificate, svid.key)).unwrap();
    let own = web.issue(&["localhost"]);
    let issuer = tls::start("localhost", &own, Some(&ca)).await;
    let calendar = tls::start("127.0.0.1", &ca.issue(&[CALENDAR]), Some(&ca)).await;
    // The issuer demands a certificate everywhere, and its metadata are fetched without one.
    let open = tls::start("localhost", &own, None).await;
    let endpoint = format!("{}/token", issuer.url);
    open.pretend(serde_json::json!({ "mtls_endpoint_aliases": { "token_endpoint": endpoint } }));
    let credential = procura_client::Credential::x509_svid(X509SvidFiles::new(&both, &both));
    let client = Client::builder(open.url.parse().unwrap(), AgentKey::generate().unwrap(), credential)
        .root_certificates(web.pem())
        .workload_server(&calendar.url, expecting(CALENDAR, &ca))
        .unwrap()
        .discover()
        .await
        .unwrap();
    let resource: Resource = format!("{}/calendar", calendar.url).parse().unwrap();
    let alice = client.delegated(ExchangeRequest::delegation("id-token", TokenType::IdToken, resource));
    alice.get(&format!("{}/calendar", calendar.url)).await.unwrap();
    for seen in [issuer.seen(), calendar.seen()].concat() {
        assert_eq!(seen.peer.0, Some(svid.thumbprint));
    }
}

/// SPIFFECA-08, SPIFFECA-12.
#[tokio::test]
async fn the_issuer_is_never_known_by_a_bundle() {
    let ca = Ca::new();
    let id = "spiffe://prod.example/server/sts";
    let issuer = tls::start("127.0.0.1", &ca.issue(&[id]), None).await;
    let client = Client::builder(issuer.url.parse().unwrap(), AgentKey::generate().unwrap(), fixed("svid".to_owned()));
    let error = client.workload_server(&issuer.url, expecting(id, &ca)).unwrap().discover().await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Client(_))), "{error}");
    assert!(issuer.seen().is_empty());
}

#[test]
fn a_bundle_without_authorities_is_refused() {
    for bundle in [&br#"{"keys":[]}"#[..], b"{}", b"", br#"{"keys":[{"use":"x509-svid","kty":"EC"}]}"#] {
        assert!(WorkloadServer::new(CALENDAR.parse().unwrap(), bundle).is_err());
    }
    let client = Client::builder("https://a.example".parse().unwrap(), AgentKey::generate().unwrap(), fixed("svid".to_owned()));
    let refused = client.workload_server("http://127.0.0.1/", expecting(CALENDAR, &Ca::new()));
    assert!(matches!(refused.map(drop), Err(ParseError::Value { .. })));
}
