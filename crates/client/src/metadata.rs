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
    /// The ways a caller can authenticate, as it names them; `None` if it does not say.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Where exchanges are asked for over mutual TLS, if that is another place (RFC 8705 section 5).
    pub mtls_token_endpoint: Option<Htu>,
    /// Whether it binds tokens to client certificates (RFC 8705 section 3.3).
    pub tls_client_certificate_bound_access_tokens: bool,
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
    /// The server does not offer this way to authenticate.
    #[error("the server does not offer `{0}` authentication")]
    Method(&'static str),
    /// The server does not bind tokens to certificates.
    #[error("the server does not bind tokens to certificates")]
    CertificateBinding,
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
            token_endpoint_auth_methods_supported: Option<Vec<String>>,
            mtls_endpoint_aliases: Option<Aliases>,
            #[serde(default)]
            tls_client_certificate_bound_access_tokens: bool,
        }
        #[derive(Deserialize)]
        struct Aliases {
            token_endpoint: Option<String>,
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
        let alias = document.mtls_endpoint_aliases.and_then(|aliases| aliases.token_endpoint);
        let alias: Option<Htu> = alias.map(|url| url.parse()).transpose().map_err(MetadataError::Malformed)?;
        Ok(Self {
            issuer: issuer.clone(),
            token_endpoint,
            dpop_signing_alg_values_supported: document.dpop_signing_alg_values_supported,
            token_endpoint_auth_methods_supported: document.token_endpoint_auth_methods_supported,
            mtls_token_endpoint: alias,
            tls_client_certificate_bound_access_tokens: document.tls_client_certificate_bound_access_tokens,
        })
    }

    /// Where exchanges are asked for over mutual TLS: the alias if there is one, else the token endpoint.
    ///
    /// # Errors
    /// [`MetadataError::Unprotected`] if it is not `https`, on the loopback interface too.
    pub fn mutual_tls_endpoint(&self) -> Result<&Htu, MetadataError> {
        let endpoint = self.mtls_token_endpoint.as_ref().unwrap_or(&self.token_endpoint);
        match endpoint.as_str().starts_with("https://") {
            true => Ok(endpoint),
            false => Err(MetadataError::Unprotected(endpoint.to_string())),
        }
    }

    /// Asks that callers can authenticate by `method`, such as [`Authentication::method`](crate::Authentication::method).
    ///
    /// # Errors
    /// [`MetadataError::Method`] if the server lists others only.
    pub fn verify_method(&self, method: &'static str) -> Result<(), MetadataError> {
        match &self.token_endpoint_auth_methods_supported {
            Some(names) if !names.iter().any(|name| name == method) => Err(MetadataError::Method(method)),
            _ => Ok(()),
        }
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
    fn a_method_that_is_not_offered_is_refused() {
        let judge = |more: &str| {
            let document = format!(r#"{{"issuer":"https://a.example","token_endpoint":"https://a.example/token"{more}}}"#);
            ServerMetadata::judge(document.as_bytes(), &"https://a.example".parse().unwrap())
        };
        let some = judge(r#","token_endpoint_auth_methods_supported":["spiffe_jwt"]"#).unwrap();
        assert_eq!(some.verify_method("spiffe_jwt"), Ok(()));
        assert_eq!(some.verify_method("spiffe_x509"), Err(MetadataError::Method("spiffe_x509")));
        assert_eq!(judge("").unwrap().verify_method("spiffe_x509"), Ok(()));
    }

    /// MTLSB-09.
    #[test]
    fn the_alias_is_for_mutual_tls_and_must_be_https() {
        let judge = |alias: &str| {
            let document = format!(
                r#"{{"issuer":"https://a.example","token_endpoint":"https://a.example/token",
                    "mtls_endpoint_aliases":{{"token_endpoint":"{alias}"}}}}"#
            );
            ServerMetadata::judge(document.as_bytes(), &"https://a.example".parse().unwrap())
        };
        let metadata = judge("https://m.example:8443/token").unwrap();
        assert_eq!(metadata.mutual_tls_endpoint().unwrap().as_str(), "https://m.example:8443/token");
        assert_eq!(metadata.token_endpoint.as_str(), "https://a.example/token");
        assert!(judge("http://127.0.0.1/token").unwrap().mutual_tls_endpoint().is_err());
        assert!(judge("m.example").is_err());
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
