//! Getting key sets: from files, and by OpenID Connect Discovery over HTTPS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use procura_token::Issuer;
use serde::Deserialize;

/// The most bytes of a key set or a discovery document.
const MAX_DOCUMENT: usize = 256 * 1024;
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the document of a key set from a file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let fault = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
    let bytes = std::fs::read(path).map_err(|cause| fault(&format_args!("cannot be read ({})", cause.kind())))?;
    if bytes.len() > MAX_DOCUMENT {
        return Err(fault(&"larger than 256 KiB"));
    }
    Ok(bytes)
}

/// An issuer whose keys are found by OpenID Connect Discovery 1.0: `<issuer>/.well-known/openid-configuration` names
/// `jwks_uri`. HTTPS only (or the loopback interface), no redirects, bounded in size and time.
#[derive(Clone, Debug)]
pub(super) struct Discovery {
    issuer: Issuer,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: Issuer,
    jwks_uri: Issuer,
}

impl Discovery {
    /// Prepares to ask `issuer`, trusting the certificates in `ca_file` instead of the system's if one is given.
    ///
    /// # Errors
    /// Says what is wrong with the certificates.
    pub(super) fn new(issuer: Issuer, ca_file: Option<&PathBuf>) -> Result<Self, String> {
        let mut http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("procura/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let fault = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
            let pem = std::fs::read(path).map_err(|cause| fault(&format_args!("cannot be read ({})", cause.kind())))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| fault(&"not certificates in PEM"))?;
            http = http.tls_certs_only(certificates);
        }
        let http = http.build().map_err(|cause| format!("no HTTPS client can be made: {cause}"))?;
        Ok(Self { issuer, http })
    }

    /// Fetches the metadata, compares its issuer byte for byte, and fetches the document of its keys.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, String> {
        let base = self.issuer.as_str().trim_end_matches('/');
        let metadata = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let metadata: Metadata = procura_token::parse_json(&metadata).map_err(|cause| format!("its metadata: {cause}"))?;
        if metadata.issuer != self.issuer {
            return Err("its metadata names another issuer".to_owned());
        }
        if !metadata.jwks_uri.is_protected() {
            return Err("its `jwks_uri` is not https".to_owned());
        }
        self.get(metadata.jwks_uri.as_str()).await
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let unreachable = |cause: reqwest::Error| format!("{url}: {}", cause.without_url());
        let mut response = self.http.get(url).send().await.map_err(unreachable)?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("{url}: answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(format!("{url}: larger than 256 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
