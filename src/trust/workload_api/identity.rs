//! An identity of our own: the X.509-SVID that the Workload API gives us.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use procura_token::{CertificateDer, MAX_CHAIN, PeerCertificate, UnverifiedX509Svid, WorkloadId, split_certificates};
use tokio::sync::watch;

use super::client::Client;
use super::endpoint::WorkloadApiEndpoint;
use super::message::{X509Svid, X509Svids};
use super::stream::{Event, keep};
use crate::trust::Now;

const RPC: &str = "/SpiffeWorkloadAPI/FetchX509SVID";

/// Who we are: certificates and a private key. The key does not print.
pub struct WorkloadIdentity {
    id: WorkloadId,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// The newest identity; none before the first came, and none once the server denies it.
pub type IdentityWatch = watch::Receiver<Option<Arc<WorkloadIdentity>>>;

/// Follows the default identity at `endpoint` for as long as somebody watches. Must be called within a runtime.
pub fn follow_identity(endpoint: &WorkloadApiEndpoint, now: Now) -> IdentityWatch {
    let (sender, receiver) = watch::channel(None);
    let (client, at) = (Client::new(endpoint), endpoint.to_string());
    tokio::spawn(async move {
        let mut failing = false;
        let following = keep::<X509Svids>(client, RPC, now, |event| {
            let cause = match event {
                Event::Message(message) => match WorkloadIdentity::first_of(message) {
                    Ok(identity) => {
                        tracing::info!(endpoint = at, id = %identity.id, "identity received");
                        sender.send_replace(Some(Arc::new(identity)));
                        failing = false;
                        return;
                    }
                    Err(cause) => cause,
                },
                Event::Lost(cause) => cause,
                Event::Denied(cause) | Event::Refused(cause) => {
                    sender.send_replace(None);
                    cause
                }
            };
            if !std::mem::replace(&mut failing, true) {
                tracing::warn!(endpoint = at, cause, "no newer identity could be had");
            }
        });
        tokio::select! {
            () = following => sender.closed().await,
            () = sender.closed() => {}
        }
    });
    receiver
}

impl WorkloadIdentity {
    /// Who we are.
    pub const fn id(&self) -> &WorkloadId {
        &self.id
    }

    /// The certificates, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key: PKCS#8 in DER.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The first identity of a message is the default one (Workload API section 8).
    fn first_of(message: X509Svids) -> Result<Self, String> {
        let first = VecDeque::from(message.svids).pop_front();
        first.ok_or_else(|| "no X.509-SVID in the message".to_owned()).and_then(Self::parse)
    }

    /// Nothing of it may be missing, and the certificate must be that of the identity (sections 4.5 and 5.2).
    fn parse(svid: X509Svid) -> Result<Self, String> {
        let id: WorkloadId = svid.spiffe_id.parse().map_err(|cause| format!("`spiffe_id`: {cause}"))?;
        let chain = split_certificates(&svid.x509_svid, MAX_CHAIN).map_err(|cause| format!("`x509_svid`: {cause}"))?;
        let peer = PeerCertificate::new(chain.clone()).map_err(|cause| format!("`x509_svid`: {cause}"))?;
        let leaf = UnverifiedX509Svid::parse(&peer).map_err(|cause| format!("`x509_svid`: {cause}"))?;
        if !leaf.claims(&id) {
            return Err("`x509_svid` is of another identity than `spiffe_id`".to_owned());
        }
        if svid.x509_svid_key.is_empty() {
            return Err("`x509_svid_key` is missing".to_owned());
        }
        Ok(Self { id, chain, key: svid.x509_svid_key })
    }
}

impl fmt::Debug for WorkloadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadIdentity").field("id", &self.id).finish_non_exhaustive()
    }
}
