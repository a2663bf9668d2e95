//! OpenID Connect Discovery 1.0.

use std::path::PathBuf;

use procura_token::Issuer;
use serde::Deserialize;

use super::{FetchError, Fetched, Fetcher, PrivateAddresses, TIMEOUT};

/// An issuer whose keys are found by discovery: `<issuer>/.well-known/openid-configuration` names `jwks_uri`.
#[derive(Clone, Debug)]
pub(in crate::trust) struct Discovery {
    issuer: Issuer,
    fetcher: Fetcher,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// Prepares to ask `issuer`, trusting the certificates in `ca_file` instead of the system's if one is given, and
    /// connecting to `private_addresses` beside the public ones. Connects to nobody yet.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong with the certificates.
    pub(in crate::trust) fn new(
        issuer: Issuer,
        ca_file: Option<&PathBuf>,
        private_addresses: &PrivateAddresses,
    ) -> Result<Self, FetchError> {
        let fetcher = Fetcher::new(ca_file.map(PathBuf::as_path), private_addresses)?;
        Ok(Self { issuer, fetcher })
    }

    /// Fetches the metadata, compares its issuer byte for byte (section 4.3), and fetches the document of its keys: both
    /// within [`TIMEOUT`].
    ///
    /// # Errors
    /// [`FetchError`]: it cannot be had, or it breaks a rule.
    pub(in crate::trust) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch_both()).await;
        fetched.unwrap_or_else(|_| Err(FetchError::late(self.issuer.as_str())))
    }

    async fn fetch_both(&self) -> Result<Fetched, FetchError> {
        let base = self.issuer.as_str().trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let metadata = self.fetcher.get(&url).await?;
        let metadata: Metadata =
            procura_token::parse_json(&metadata.body).map_err(|cause| FetchError::document(&url, cause.to_string()))?;
        if metadata.issuer != self.issuer.as_str() {
            return Err(FetchError::document(&url, "names another issuer"));
        }
        self.fetcher.get(&metadata.jwks_uri).await
    }
}
