//! Bundles of other trust domains, from their bundle endpoints (SPIFFE federation section 5).
//!
//! A task asks each endpoint now and then, so that no request waits for one. URL, profile and trust domain are configured; no
//! one of them is derived from another, and nothing that an endpoint says changes them.

mod poll;
mod server;

use std::path::PathBuf;
use std::sync::Arc;

use procura_token::{Bundle, WorkloadId};

use self::server::WorkloadServer;
use super::Now;
use super::fetch::{FetchError, Fetcher, PrivateAddresses};
use super::keys::KeyStore;

/// What to know of a bundle endpoint.
#[derive(Clone, Debug)]
pub struct FederationSettings {
    /// Its URL: https, without user and fragment.
    pub url: String,
    /// How its server is known.
    pub profile: FederationProfile,
    /// Addresses that may be connected to beside the public ones.
    pub private_addresses: PrivateAddresses,
    /// A bundle to begin with.
    pub first: Option<PathBuf>,
}

/// How the server of a bundle endpoint is known.
#[derive(Clone, Debug)]
pub enum FederationProfile {
    /// `https_web`: by its host's name, certified by the authorities in a file or by the system's.
    Web {
        /// The file.
        ca_file: Option<PathBuf>,
    },
    /// `https_spiffe`: by this SPIFFE ID, whatever its host's name, certified by the trust domain of that ID.
    Spiffe {
        /// The ID.
        endpoint_id: WorkloadId,
    },
}

/// One bundle endpoint, and where its bundles go.
pub(super) struct Endpoint {
    url: String,
    fetcher: Fetcher,
    store: Arc<KeyStore<Bundle>>,
    /// Whose bundle the server's certificate is verified by: `store` itself where the endpoint serves its own trust domain.
    voucher: Option<Arc<KeyStore<Bundle>>>,
}

impl Endpoint {
    /// Prepares to ask. `voucher` has the bundle of the trust domain of the endpoint's SPIFFE ID, if it has one.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong with the certificates.
    pub(super) fn new(
        settings: &FederationSettings,
        store: Arc<KeyStore<Bundle>>,
        voucher: Option<Arc<KeyStore<Bundle>>>,
    ) -> Result<Self, FetchError> {
        let private = &settings.private_addresses;
        let fetcher = match (&settings.profile, &voucher) {
            (FederationProfile::Web { ca_file }, _) => Fetcher::new(ca_file.as_deref(), private)?,
            (FederationProfile::Spiffe { endpoint_id }, Some(voucher)) => {
                let server = WorkloadServer::new(endpoint_id.clone(), Arc::clone(voucher));
                let tls = server.client_config().map_err(|cause| FetchError::document(&settings.url, cause.to_string()))?;
                Fetcher::with_tls(tls, private)?
            }
            (FederationProfile::Spiffe { .. }, None) => {
                return Err(FetchError::document(&settings.url, "the trust domain of its server is not configured"));
            }
        };
        Ok(Self { url: settings.url.clone(), fetcher, store, voucher })
    }

    /// Asks, again and again.
    pub(super) async fn follow(self, now: Now) {
        let mut failures = 0;
        loop {
            let fetched = self.ask(&now).await;
            failures = if fetched { 0 } else { failures + 1 };
            let keys = self.store.current();
            let hint = keys.set.refresh_hint.unwrap_or(poll::DEFAULT);
            let due = tokio::time::sleep(poll::wait(hint, failures, self.store.has_begun()));
            tokio::select! {
                () = due => {}
                () = self.store.wanted() => {}
            }
        }
    }

    /// Asks once; whether a bundle came that may be used.
    async fn ask(&self, now: &Now) -> bool {
        if let Some(voucher) = &self.voucher {
            // A bundle that is kept in a file is read again; any other is as new as it can be. Without one nobody is believed.
            let _ = voucher.get(|_| true, now()).await;
        }
        let fetched = self.fetcher.get(&self.url).await;
        let document = fetched.map(|answer| answer.body).map_err(|cause| cause.to_string());
        self.store.put_document(document, &self.url, now()).is_ok()
    }
}
