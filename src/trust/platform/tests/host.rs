//! Platforms whose issuer is at one place for everybody: their own URL, answered by this machine over TLS.

use std::path::Path;

use procura_token::Jwk;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::trust::fetch::stand_in;
use crate::trust::fetch::tests::server::Server;

/// The platforms of the table whose issuer is not the customer's to choose.
fn rows() -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platforms");
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let rows = files.map(|file| {
        let kind = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (kind, serde_json::from_slice::<Value>(&std::fs::read(file).unwrap()).unwrap())
    });
    rows.filter(|(_, row)| row["issuer"].is_string()).collect()
}

/// A server that is `issuer` with `key`, as far as this thread can tell.
async fn serve(issuer: &str, key: &Jwk) -> Server {
    // A slash at the end is part of the name, and doubled nowhere.
    let place = issuer.strip_prefix("https://").unwrap().trim_end_matches('/');
    let (host, path) = place.split_once('/').map_or((place, String::new()), |(host, path)| (host, format!("/{path}")));
    let metadata = json!({ "issuer": issuer, "jwks_uri": format!("https://{host}/keys") }).to_string();
    let keys = serde_json::to_string(&JwkSet { keys: vec![key.for_use("sig")] }).unwrap();
    let discovery = format!("GET {path}/.well-known/openid-configuration ");
    let answer = move |head: String, mut stream: TlsStream<tokio::net::TcpStream>| {
        let found = [(discovery.as_str(), &metadata), ("GET /keys ", &keys)].into_iter().find(|(line, _)| head.starts_with(line));
        let answer = match found {
            Some((_, body)) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()),
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        };
        async move {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    };
    let server = Server::start("127.0.0.1", host, answer).await;
    stand_in(host, server.address);
    server
}

#[tokio::test]
async fn keys_are_discovered_at_the_platform_s_own_url() {
    let rows = rows();
    assert!(!rows.is_empty());
    for (kind, row) in rows {
        let github = GitHub::new();
        let issuer = row["issuer"].as_str().unwrap();
        let server = serve(issuer, github.key.public_key()).await;
        let audience = row["audience"].as_str().unwrap_or(US);
        let required = row["rule"]["require"].as_object().into_iter().flatten();
        let settings = PlatformRuleSettings {
            kind: kind.clone(),
            issuer: Some(issuer.parse().unwrap()),
            audiences: vec![audience.to_owned()],
            require: required.map(|(name, value)| (name.clone(), vec![value.as_str().unwrap().to_owned()])).collect(),
            jwks_file: None,
            ca_file: Some(server.pem.path().to_owned()),
            private_addresses: ["127.0.0.1/32".parse().unwrap()].into_iter().collect(),
            ..rule(&kind, &github.files)
        };
        let platforms = github.believed_by(vec![settings]).await;
        let mut claims = row["claims"].clone();
        for (name, value) in [("iss", json!(issuer)), ("aud", json!(audience)), ("iat", json!(NOW)), ("exp", json!(NOW + 300))] {
            claims[name] = value;
        }
        let identity = verify(&platforms, &github.sign(&claims)).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(identity.id().path(), row["path"], "{kind}");
        assert_eq!(identity.authority(), issuer, "{kind}");
    }
}
