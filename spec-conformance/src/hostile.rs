//! An issuer of ID tokens that is out for harm: a real HTTP server whose documents are traps.

mod reply;
mod trap;

pub(crate) use trap::{LONG, SECRET, TRAPS, Trap};

use crate::clock;
use crate::jose::{Draft, Key, unique};
use crate::world::Options;
use anyhow::{Context, Result};
use reply::Reply;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a connection may last: longer than any server should wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// The hostile issuer, and next to it, at an address where nobody may be sent to, somebody who only notes who calls.
pub(crate) struct Hostile {
    address: SocketAddr,
    key: Key,
    hits: Mutex<HashMap<String, u64>>,
    sent: Mutex<HashMap<String, u64>>,
}

impl Hostile {
    /// Listens at `address`, and with the same port at 127.0.0.2.
    pub(crate) async fn start(address: SocketAddr) -> Result<Arc<Self>> {
        let mut key = Key::generate();
        key.kid = Some("of-the-issuer".to_owned());
        let hostile = Arc::new(Self { address, key, hits: Mutex::default(), sent: Mutex::default() });
        for (at, is_victim) in [(address, false), (hostile.victim(), true)] {
            let listener = TcpListener::bind(at).await.with_context(|| format!("cannot listen at {at}"))?;
            tokio::spawn(hostile.clone().listen(listener, is_victim));
        }
        Ok(hostile)
    }

    /// The `iss` of a trap.
    pub(crate) fn issuer(&self, trap: &str) -> String {
        format!("http://{}/{trap}", self.address)
    }

    /// Where nobody may be sent to: a private address that the configuration does not name.
    fn victim(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), self.address.port())
    }

    /// How often `place` was asked for; `"victim"` stands for the one nobody may be sent to.
    pub(crate) fn hits(&self, place: &str) -> u64 {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner).get(place).copied().unwrap_or_default()
    }

    /// How many octets of an answer the other side took.
    pub(crate) fn sent(&self, place: &str) -> u64 {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).get(place).copied().unwrap_or_default()
    }

    /// A good ID token of the user, from the issuer of this trap.
    pub(crate) fn id_token(&self, options: &Options, trap: &str) -> Draft {
        let header = json!({"alg": "ES256", "kid": self.key.kid, "typ": "JWT"});
        let now = clock::now();
        let mut claims = json!({
            "iss": self.issuer(trap), "sub": options.user, "aud": options.issuer, "iat": now, "exp": now + 600, "jti": unique(),
        });
        for (name, value) in &options.user_claims {
            claims[name] = value.clone();
        }
        Draft::new(header, claims, self.key.clone())
    }

    /// The issuer's good key set.
    fn keys(&self) -> Value {
        let mut key = self.key.public();
        for (name, value) in [("kid", "of-the-issuer"), ("use", "sig"), ("alg", "ES256")] {
            key[name] = value.into();
        }
        json!({ "keys": [key] })
    }

    fn count(&self, place: &str) {
        *self.hits.lock().unwrap_or_else(PoisonError::into_inner).entry(place.to_owned()).or_default() += 1;
    }

    async fn listen(self: Arc<Self>, listener: TcpListener, is_victim: bool) {
        while let Ok((stream, _)) = listener.accept().await {
            if is_victim {
                self.count("victim");
            }
            let hostile = self.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, hostile.serve(stream)).await;
            });
        }
    }

    /// One request a connection.
    async fn serve(&self, mut stream: TcpStream) -> Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < 16_384 {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        let path = head.split(' ').nth(1).unwrap_or_default();
        self.count(path);
        let reply = self.reply(path);
        let sent = reply.send(&mut stream, |octets| {
            *self.sent.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default() += octets;
        });
        sent.await?;
        Ok(stream.shutdown().await?)
    }

    fn reply(&self, path: &str) -> Reply {
        let (trap, document) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let Some(trap) = TRAPS.iter().find(|known| known.slug == trap) else {
            return Reply::status(404);
        };
        match document {
            ".well-known/openid-configuration" => (trap.metadata)(self, trap.slug),
            "keys" => (trap.keys)(self, trap.slug),
            _ => Reply::status(404),
        }
    }
}
