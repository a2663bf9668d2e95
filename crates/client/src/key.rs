//! The agent's key, and the proofs it makes.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use procura_token::{
    Algorithm, Htu, NewDpopProof, ParseError, SignError, Signer, SigningKey, Thumbprint, TokenId, UnixTime, access_token_hash,
    random_bytes,
};

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key file `{}` cannot be read: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// Neither a private JWK nor a PKCS#8 key in PEM.
    #[error("not a private key that can be used: {0}")]
    Parse(ParseError),
}

/// The key an agent proves with every request. Its tokens are bound to it. Cheap to clone, never printed.
#[derive(Clone)]
pub struct AgentKey(Arc<dyn Signer>);

impl AgentKey {
    /// A new P-256 key (ES256) in memory: right for most agents, whose tokens live shorter than the process.
    ///
    /// # Errors
    /// [`KeyError::Parse`] if it could not be made.
    pub fn generate() -> Result<Self, KeyError> {
        SigningKey::generate(Algorithm::Es256).map(Self::new).map_err(KeyError::Parse)
    }

    /// A key held elsewhere, such as in a KMS.
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self(Arc::new(signer))
    }

    /// Reads a private JWK, or a PKCS#8 key in PEM (`BEGIN PRIVATE KEY`): P-256 or Ed25519.
    ///
    /// # Errors
    /// [`KeyError::Parse`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        SigningKey::from_text(text.as_bytes()).map(Self::new).map_err(KeyError::Parse)
    }

    /// Reads a file that [`AgentKey::parse`] understands.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| KeyError::Read { path: path.to_owned(), cause })?;
        Self::parse(&text)
    }

    /// The algorithm of its proofs.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// The thumbprint that tokens bound to it carry (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.public_key().thumbprint()
    }

    pub(crate) fn signer(&self) -> &dyn Signer {
        &*self.0
    }

    /// Makes a proof (RFC 9449 section 4.2), with a `jti` of 128 random bits. Every attempt needs one of its own.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot be used.
    pub fn prove(&self, proof: &Proof<'_>) -> Result<String, SignError> {
        let Proof { method, url, access_token, nonce, now } = *proof;
        let jti = TokenId::from_random(random_bytes());
        NewDpopProof { jti, htm: method, htu: url, iat: now.whole_secs(), ath: access_token.map(access_token_hash), nonce }
            .sign(&*self.0)
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKey").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

/// What a proof is for.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its URL; query and fragment are not part of it.
    pub url: &'a Htu,
    /// The token sent beside it, at a resource; none at the token endpoint.
    pub access_token: Option<&'a str>,
    /// The newest nonce of that server, if it gave one.
    pub nonce: Option<&'a str>,
    /// The present instant.
    pub now: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published key of RFC 8032 section 7.1, test 1.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

    #[test]
    fn keys_come_as_jwk_or_as_pem() {
        let jwk = SigningKey::generate(Algorithm::Es256).unwrap().to_private_jwk().unwrap();
        assert_eq!(AgentKey::parse(&jwk).unwrap().algorithm(), Algorithm::Es256);
        assert_eq!(AgentKey::parse(PEM).unwrap().algorithm(), Algorithm::EdDsa);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "{}", "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"]
        {
            assert!(matches!(AgentKey::parse(text), Err(KeyError::Parse(_))), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = AgentKey::from_file("no/such/key.jwk").unwrap_err().to_string();
        assert!(error.starts_with("key file `no/such/key.jwk` cannot be read"), "{error}");
    }

    #[test]
    fn private_parts_and_tokens_are_never_shown() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwk: serde_json::Value = serde_json::from_str(&key.to_private_jwk().unwrap()).unwrap();
        let shown = format!("{:?} {:?}", AgentKey::new(key), crate::Secret::new("sesame"));
        let private = jwk.get("d").and_then(serde_json::Value::as_str).unwrap();
        assert!(!shown.contains(private) && !shown.contains("sesame"), "{shown}");
    }
}
