//! OpenID Connect Discovery 1.0, and issuers of which it is known where their keys are.

use std::path::PathBuf;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use procura_token::Issuer;
use serde::Deserialize;

use super::{BearerFile, Call, Fault, FetchError, Fetched, Fetcher, PrivateAddresses, TIMEOUT};

/// An issuer whose keys are found by discovery: `<issuer>/.well-known/openid-configuration` names `jwks_uri`.
#[derive(Clone, Debug)]
pub(in crate::trust) struct Discovery {
    issuer: Issuer,
    fetcher: Fetcher,
    known: Option<KnownPlace>,
}

/// Where keys are without anybody having to be asked, and what to show there.
#[derive(Clone, Debug)]
struct KnownPlace {
    url: String,
    bearer: Option<BearerFile>,
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
        Ok(Self { issuer, fetcher, known: None })
    }

    /// The keys are at `url`, for who shows the token of `bearer`, if one is given: it goes there and nowhere else.
    #[must_use]
    pub(in crate::trust) fn at(self, url: String, bearer: Option<BearerFile>) -> Self {
        Self { known: Some(KnownPlace { url, bearer }), ..self }
    }

    /// Fetches the metadata, compares its issuer byte for byte (section 4.3), and fetches the document of its keys: both
    /// within [`TIMEOUT`].
    ///
    /// # Errors
    /// [`FetchError`]: it cannot be had, or it breaks a rule.
    pub(in crate::trust) async fn fetch(&self) -> Result<Fetched, FetchError> {
        if let Some(place) = &self.known {
            return self.fetch_from(place).await;
        }
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch_both()).await;
        fetched.unwrap_or_else(|_| Err(FetchError::late(self.issuer.as_str())))
    }

    async fn fetch_from(&self, KnownPlace { url, bearer }: &KnownPlace) -> Result<Fetched, FetchError> {
        let mut headers = HeaderMap::new();
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, bearer.authorization()?);
        }
        let fetched = self.fetcher.send(Call { method: Method::GET, url, headers, body: Vec::new() }).await?;
        if fetched.status == StatusCode::OK { Ok(fetched) } else { Err(FetchError::new(url, Fault::Status(fetched.status))) }
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
