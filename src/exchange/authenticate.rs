//! **authenticate**: who calls. A JWT-SVID as client assertion becomes a [`Caller`].

use std::sync::Arc;

use procura_token::{JwtSvid, UnixTime, Verified, WorkloadId};

use super::request::ExchangeRequest;
use super::{Exchange, ExchangeError};

/// The authenticated workload.
pub(super) struct Caller {
    pub(super) svid: Arc<Verified<JwtSvid>>,
    /// Whether we issue WITs for workloads of its trust domain.
    pub(super) may_have_wit: bool,
}

impl Caller {
    pub(super) fn id(&self) -> &WorkloadId {
        self.svid.id()
    }
}

impl Exchange {
    /// Verifies the client assertion, that its workload is one that may call, and that `client_id`, if sent, is its name
    /// (RFC 7521 section 4.2; draft-ietf-oauth-spiffe-client-auth).
    pub(super) async fn authenticate(&self, request: &ExchangeRequest, now: UnixTime) -> Result<Caller, ExchangeError> {
        let (svid, domain) = self.trust.verify_jwt_svid(request.assertion.as_str(), now).await.map_err(ExchangeError::Caller)?;
        if !domain.admits(svid.id()) {
            return Err(ExchangeError::CallerUnknown("the workload is not registered as a client"));
        }
        if request.client_id.as_ref().is_some_and(|client_id| client_id != svid.id().as_str()) {
            return Err(ExchangeError::CallerUnknown("`client_id` names another workload"));
        }
        Ok(Caller { svid, may_have_wit: domain.issues_wit() })
    }
}
