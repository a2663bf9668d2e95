use super::{Key, b64u, sha256};
use serde_json::{Map, Value};

/// A token before it is signed, so that a case can spoil one thing in it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// JSON text added after the last member: what no JSON writer would produce.
    pub(crate) header_tail: String,
    pub(crate) claims_tail: String,
    pub(crate) key: Key,
    /// HMAC with this secret instead of an ECDSA signature.
    pub(crate) secret: Option<Vec<u8>>,
    /// The payload as octets, whatever the claims say.
    pub(crate) payload: Option<Vec<u8>>,
    /// Changes the finished token.
    pub(crate) finish: fn(String) -> String,
}

impl Draft {
    /// A draft of two JSON objects; anything else counts as empty.
    pub(crate) fn new(header: Value, claims: Value, key: Key) -> Self {
        let object = |value| {
            if let Value::Object(members) = value { members } else { Map::new() }
        };
        Self {
            header: object(header),
            claims: object(claims),
            header_tail: String::new(),
            claims_tail: String::new(),
            key,
            secret: None,
            payload: None,
            finish: |token| token,
        }
    }

    /// Sets a header member.
    pub(crate) fn head(&mut self, name: &str, value: impl Into<Value>) {
        self.header.insert(name.to_owned(), value.into());
    }

    /// Sets a claim.
    pub(crate) fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    /// Sets a claim to JSON text that `Value` cannot hold, such as `1e400`.
    pub(crate) fn raw_claim(&mut self, name: &str, json: &str) {
        self.claims.remove(name);
        self.claims_tail = format!(r#","{name}":{json}"#);
    }

    /// The compact token.
    pub(crate) fn sign(&self) -> String {
        let payload = self.payload.clone().unwrap_or_else(|| text(&self.claims, &self.claims_tail));
        let message = format!("{}.{}", b64u(text(&self.header, &self.header_tail)), b64u(payload));
        let signature = match &self.secret {
            Some(secret) => hmac(secret, message.as_bytes()),
            None => self.key.sign(message.as_bytes()),
        };
        (self.finish)(format!("{message}.{}", b64u(signature)))
    }
}

fn text(members: &Map<String, Value>, tail: &str) -> Vec<u8> {
    let mut text = Value::from(members.clone()).to_string();
    text.pop();
    let tail = if members.is_empty() { tail.trim_start_matches(',') } else { tail };
    format!("{text}{tail}}}").into_bytes()
}

/// HMAC-SHA-256 (RFC 2104), for tokens that confuse a public key with a secret.
pub(super) fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if secret.len() > 64 { sha256(secret) } else { secret.to_vec() };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|octet| octet ^ with).collect::<Vec<u8>>();
    let inner = sha256(&[pad(0x36), message.to_vec()].concat());
    sha256(&[pad(0x5c), inner].concat())
}
