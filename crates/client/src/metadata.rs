//! The issuer's metadata (RFC 8414).

use procura_token::{Algorithm, Htu, Issuer, ParseError, parse_json};
use serde::Deserialize;

/// What a client needs to know of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMetadata {
    /// Who it is.
    pub issuer: Issuer,
    /// Where exchanges are asked for.
    pub token_endpoint: Htu,
    /// The algorithms it accepts for proofs, as it names them; `None` if it does not say.
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
}

/// Why metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The issuer or its token endpoint is `http` on another machine.
    #[error("`{0}` is not protected: neither https nor on the loopback interface")]
    Unprotected(String),
    /// The document names another issuer. Nothing was sent to it (RFC 8414 section 3.3).
    #[error("the metadata found for `{expected}` name another issuer")]
    Issuer {
        /// Whose metadata were asked for.
        expected: Issuer,
    },
    /// Not metadata.
    #[error("the metadata cannot be read: {0}")]
    Malformed(ParseError),
    /// Not there.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// Where the metadata were looked for.
        url: String,
        /// What was answered.
        status: u16,
    },
    /// The server does not accept proofs of our key.
    #[error("the server accepts no {0} proofs")]
    Algorithm(Algorithm),
}

impl ServerMetadata {
    /// Judges a document found at [`Issuer::metadata_url`]: it must name `issuer` byte for byte.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn judge(document: &[u8], issuer: &Issuer) -> Result<Self, MetadataError> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            token_endpoint: String,
            dpop_signing_alg_values_supported: Option<Vec<String>>,
        }
        let document: Document = parse_json(document).map_err(MetadataError::Malformed)?;
        if document.issuer != issuer.as_str() {
            return Err(MetadataError::Issuer { expected: issuer.clone() });
        }
        let token_endpoint: Htu = document.token_endpoint.parse().map_err(MetadataError::Malformed)?;
        let is_local = issuer.as_str().starts_with("http://") && issuer.is_protected();
        if !(token_endpoint.as_str().starts_with("https://") || (is_local && is_protected(&token_endpoint))) {
            return Err(MetadataError::Unprotected(token_endpoint.to_string()));
        }
        let dpop_signing_alg_values_supported = document.dpop_signing_alg_values_supported;
        Ok(Self { issuer: issuer.clone(), token_endpoint, dpop_signing_alg_values_supported })
    }

    /// Asks that proofs of `algorithm` are accepted.
    ///
    /// # Errors
    /// [`MetadataError::Algorithm`] if the server lists others only.
    pub fn verify_algorithm(&self, algorithm: Algorithm) -> Result<(), MetadataError> {
        match &self.dpop_signing_alg_values_supported {
            Some(names) if !names.iter().any(|name| name == algorithm.as_str()) => Err(MetadataError::Algorithm(algorithm)),
            _ => Ok(()),
        }
    }
}

/// `https`, or `http` that does not leave this machine.
pub(crate) fn is_protected(url: &Htu) -> bool {
    let Some(rest) = url.as_str().strip_prefix("http://") else { return true };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = if authority.starts_with('[') { authority.split_inclusive(']').next() } else { authority.split(':').next() };
    matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(issuer: &str, named: &str, token_endpoint: &str) -> Result<ServerMetadata, MetadataError> {
        let document = format!(r#"{{"issuer":"{named}","token_endpoint":"{token_endpoint}","other":[1]}}"#);
        ServerMetadata::judge(document.as_bytes(), &issuer.parse().unwrap())
    }

    #[test]
    fn metadata_must_name_their_issuer_byte_for_byte() {
        let sts = "https://sts.example";
        assert!(judge(sts, sts, "https://sts.example/token").is_ok());
        for named in ["https://sts.example/", "https://STS.example", "https://sts.example:443", "https://evil.example"] {
            assert!(matches!(judge(sts, named, "https://sts.example/token"), Err(MetadataError::Issuer { .. })), "{named}");
        }
    }

    #[test]
    fn the_token_endpoint_is_as_protected_as_the_issuer() {
        let [sts, local] = ["https://sts.example", "http://127.0.0.1:8080"];
        for (issuer, endpoint, is_good) in [
            (sts, "https://login.example/token", true),
            (sts, "http://sts.example/token", false),
            (sts, "http://127.0.0.1/token", false),
            (local, "http://127.0.0.1:8080/token", true),
            (local, "http://sts.example/token", false),
        ] {
            assert_eq!(judge(issuer, issuer, endpoint).is_ok(), is_good, "{issuer} {endpoint}");
        }
    }
}
