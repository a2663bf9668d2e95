//! From a request to a token, one stage after the other.
//!
//! `request` → `authenticate` → `verify` → `decide` → `claim` → `issue` → `record`. Each stage takes what the
//! one before it made, so none can be skipped; each refuses with an [`ExchangeError`]; and whatever happens, one audit event
//! is durable before the answer leaves.

mod authenticate;
mod certificate;
mod claim;
mod decide;
mod error;
mod issue;
mod record;
mod request;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use procura_token::{Algorithm, Freshness, Htu, Issuer, Nonces, ScopeSet, Thumbprint, TokenType, UnixTime};

pub use certificate::CertificateFieldError;
pub use error::ExchangeError;

use crate::audit::{AuditLog, Event};
use crate::keys::KeyRing;
use crate::policy::Policy;
use crate::store::ClaimStore;
use crate::trust::PeerCertificate;
use crate::trust::Trust;
use request::ExchangeRequest;

/// The grant this exchange serves.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// How callers authenticate: a JWT-SVID as client assertion.
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// Limits of what is accepted and issued.
#[derive(Clone, Debug)]
pub struct ExchangeSettings {
    /// Our issuer identifier.
    pub issuer: Issuer,
    /// The URLs of the token endpoint that a proof's `htu` may name.
    pub token_endpoints: Vec<Htu>,
    /// The longest a delegation lasts.
    pub max_delegation: Duration,
    /// The longest a WIT lasts.
    pub max_wit: Duration,
    /// Leeway on times.
    pub skew: Duration,
    /// How long a proof is fresh.
    pub freshness: Freshness,
    /// The algorithms of proofs.
    pub algorithms: Vec<Algorithm>,
}

/// What arrived, as the transport saw it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The body: `application/x-www-form-urlencoded`.
    pub form: &'a [u8],
    /// The values of all `DPoP` header fields.
    pub proofs: &'a [&'a [u8]],
    /// Whether there was an `Authorization` header field.
    pub has_authorization: bool,
    /// The request's method.
    pub method: &'a str,
    /// Path and query of the request line, as they were on the wire.
    pub target: &'a str,
    /// All header fields.
    pub headers: &'a HeaderMap,
    /// The certificate whose key the client has proven to hold, to us or to a configured proxy. Nothing else about it was
    /// verified.
    pub certificate: Result<Option<&'a PeerCertificate>, CertificateFieldError>,
    /// Who connected.
    pub source: IpAddr,
}

/// What was issued.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// What it is.
    pub kind: TokenType,
    /// How long it lasts.
    pub expires_in: Duration,
    /// What it permits; `None` for a WIT, which permits nothing by itself.
    pub scope: Option<ScopeSet>,
    /// The key it is bound to.
    pub key: Thumbprint,
}

/// The token exchange: everything it needs, nothing that changes.
pub struct Exchange {
    /// Limits.
    pub settings: ExchangeSettings,
    /// Whom we believe.
    pub trust: Trust,
    /// Who may do what.
    pub policy: Policy,
    /// What was used before.
    pub store: Arc<dyn ClaimStore>,
    /// Keys for access tokens.
    pub token_keys: KeyRing,
    /// Keys for WITs.
    pub wit_keys: KeyRing,
    /// The nonces of the token endpoint.
    pub nonces: Nonces,
    /// Where decisions go.
    pub audit: AuditLog,
}

impl Exchange {
    /// Serves one request at `now`.
    ///
    /// # Errors
    /// [`ExchangeError`]: why nothing was issued. The audit event of a refusal is durable too, or the error says that it
    /// could not be made so.
    pub async fn exchange(&self, incoming: Incoming<'_>, now: UnixTime) -> Result<Issued, ExchangeError> {
        let mut event = record::begin(incoming.source, now);
        let outcome = self.stages(incoming, now, &mut event).await;
        self.record(event, outcome).await
    }

    async fn stages(&self, incoming: Incoming<'_>, now: UnixTime, event: &mut Event) -> Result<Issued, ExchangeError> {
        incoming.certificate.map_err(ExchangeError::CertificateField)?;
        let request = ExchangeRequest::parse(incoming)?;
        record::asked(event, &request);
        let caller = self.authenticate(&request, now).await?;
        record::caller(event, &caller);
        // Once: a nonce of one epoch must not be claimed in the next.
        let epoch = self.store.epoch().id;
        let evidence = self.verify(request, caller, epoch, now).await?;
        record::evidence(event, &evidence);
        let grant = self.decide(evidence, incoming.source, now, event)?;
        let claimed = self.claim(grant, epoch, now).await?;
        record::claimed(event, &claimed);
        self.issue(claimed, now, event)
    }
}
