//! The newest nonce of every server.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use procura_token::Htu;

const MAX_SERVERS: usize = 256;
const MAX_NONCE: usize = 512;

/// Remembers the newest nonce per origin: one server's nonce is never shown to another (RFC 9449 sections 8 and 9).
///
/// At most 256 origins; beyond that some are forgotten, which costs one round trip each.
#[derive(Default)]
pub struct NonceStore(Mutex<HashMap<String, String>>);

impl NonceStore {
    /// The newest nonce of the server of `url`.
    pub fn newest(&self, url: &Htu) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(origin(url)).cloned()
    }

    /// Learns from the headers of an answer of the server of `url`, whatever its status. More than one `DPoP-Nonce`, or
    /// one that breaks the RFC's syntax, is no nonce.
    pub fn learn(&self, url: &Htu, headers: &HeaderMap) {
        let Some(nonce) = nonce_of(headers) else { return };
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= MAX_SERVERS && !nonces.contains_key(origin(url)) {
            nonces.clear();
        }
        nonces.insert(origin(url).to_owned(), nonce.to_owned());
    }
}

/// The one nonce of an answer: `1*NQCHAR` (RFC 9449 section 8.1), at most 512 characters.
pub(crate) fn nonce_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("dpop-nonce").iter();
    let nonce = values.next()?.to_str().ok()?;
    let is_allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let is_nonce = (1..=MAX_NONCE).contains(&nonce.len()) && nonce.bytes().all(is_allowed);
    (is_nonce && values.next().is_none()).then_some(nonce)
}

/// Scheme, host and port.
pub(crate) fn origin(url: &Htu) -> &str {
    let text = url.as_str();
    let authority = text.find("://").map_or(0, |scheme| scheme + 3);
    let end = text.get(authority..).and_then(|rest| rest.find('/')).map_or(text.len(), |slash| authority + slash);
    text.split_at(end).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(nonces: &[&str]) -> HeaderMap {
        nonces.iter().map(|nonce| (http::HeaderName::from_static("dpop-nonce"), nonce.parse().unwrap())).collect()
    }

    #[test]
    fn nonces_are_kept_per_origin_and_the_newest_counts() {
        let store = NonceStore::default();
        let [token, jwks, other]: [Htu; 3] =
            ["https://a.example/token", "https://A.example:443/jwks", "https://b.example/token"].map(|url| url.parse().unwrap());
        store.learn(&token, &headers(&["one"]));
        store.learn(&token, &headers(&["two"]));
        store.learn(&token, &headers(&[]));
        assert_eq!((store.newest(&jwks).as_deref(), store.newest(&other)), (Some("two"), None));
    }

    #[test]
    fn two_nonces_or_a_malformed_one_are_none() {
        for nonces in [&["one", "two"][..], &[""], &["a\"b"], &["a b"], &["x".repeat(513).as_str()]] {
            assert_eq!(nonce_of(&headers(nonces)), None, "{nonces:?}");
        }
    }
}
