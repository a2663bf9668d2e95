//! From a request to a token, one stage after the other.
//!
//! `request` → `authenticate` → `verify` → `decide` → `claim` → `issue` → `record`. Each stage takes what the
//! one before it made, so none can be skipped; each refuses with an [`ExchangeError`]; and whatever happens, one audit event
//! is durable before the answer leaves.

mod approval;
mod authenticate;
mod authentication;
mod authority;
mod binding;
mod certificate;
mod challenge;
mod claim;
mod credential;
mod decide;
mod delegations;
mod details;
mod error;
mod handover;
mod hop;
mod identity;
mod issue;
mod own;
mod proof_keys;
mod record;
mod request;
mod statement;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use procura_token::{
    Algorithm, AuthorizationDetails, Confirmation, Freshness, Htu, Issuer, Nonces, RequestHead, Resource, ScopeSet, TokenType,
    UnixTime,
};

pub use approval::MissingApproval;
pub use certificate::CertificateFieldError;
pub use challenge::{EncryptedCredential, TpmChallenge};
pub use delegations::{DelegationError, DelegationList, DelegationView, Revocation, RevokedDelegations};
pub use details::DetailSettings;
pub use error::ExchangeError;
pub use identity::{AnswerSigner, Identities};
pub use own::OWN_GRANT_TYPE;
pub use proof_keys::ProofKeys;

use crate::audit::{AuditLog, Event};
use crate::keys::KeyRing;
use crate::policy::Policy;
use crate::store::ClaimStore;
pub use crate::store::{DelegationCursor, DelegationFilter};
use crate::trust::{AssertionType, PeerCertificate, Trust};
use authenticate::Caller;
use request::ExchangeRequest;

/// The grant this exchange serves.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// How callers authenticate with a JWT-SVID as client assertion; with what a platform gave them, by [`AssertionType`]s.
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
    /// The most actors a token may name.
    pub max_depth: usize,
    /// The longest a WIT lasts.
    pub max_wit: Duration,
    /// Leeway on times.
    pub skew: Duration,
    /// How long a proof is fresh.
    pub freshness: Freshness,
    /// What can be asked for beside scopes.
    pub details: DetailSettings,
    /// The algorithms of proofs.
    pub algorithms: Vec<Algorithm>,
    /// Whether a WPT may also stand in `Workload-Proof-Token`, as before wpt-02.
    pub accepts_legacy_wpt: bool,
}

/// What arrived, as the transport saw it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The body: `application/x-www-form-urlencoded`.
    pub form: &'a [u8],
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

impl<'a> Incoming<'a> {
    /// What a signature over the request covers of it, the body aside.
    const fn head(&self) -> RequestHead<'a> {
        RequestHead { method: self.method, target: self.target, headers: self.headers }
    }
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
    /// What it is for; `None` for a WIT, which is for whoever trusts its trust domain.
    pub target: Option<Resource>,
    /// What it permits; `None` for a WIT, which permits nothing by itself.
    pub scope: Option<ScopeSet>,
    /// What it permits besides (RFC 9396).
    pub details: Option<AuthorizationDetails>,
    /// What it is bound to.
    pub confirmation: Confirmation,
}

/// What becomes of a request.
pub struct Answer {
    /// What was issued, or why nothing was.
    pub outcome: Result<Issued, ExchangeError>,
    /// Signs the answer, whatever it is.
    pub signer: Option<AnswerSigner>,
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
    /// Keys for Biscuits, if any are issued.
    pub handover_keys: Option<KeyRing>,
    /// The keys of proofs.
    pub proof_keys: ProofKeys,
    /// The nonces of the token endpoint.
    pub nonces: Nonces,
    /// Who we are to callers that want signed answers.
    pub identities: Identities,
    /// Where decisions go.
    pub audit: AuditLog,
}

impl Exchange {
    /// A nonce for the next DPoP proof of a client.
    pub fn nonce(&self, now: UnixTime) -> String {
        self.nonces.give(now, self.store.epoch().id)
    }

    /// What the metadata call the ways in which credentials of platforms may be presented; none if no platform is configured.
    pub fn platform_methods(&self) -> impl Iterator<Item = &'static str> {
        self.trust.platform_assertions().map(AssertionType::method)
    }

    /// Serves one request at `now`.
    ///
    /// The audit event of a refusal is durable too, or the outcome says that it could not be made so.
    pub async fn exchange(&self, incoming: Incoming<'_>, now: UnixTime) -> Answer {
        let mut event = record::begin(incoming.source, now);
        let mut signer = None;
        let outcome = self.stages(incoming, now, &mut event, &mut signer).await;
        Answer { outcome: self.record(event, outcome).await, signer }
    }

    /// Signs an answer with `status` and `body` whose `headers` are complete otherwise.
    ///
    /// # Errors
    /// [`ExchangeError::Sign`]: then the answer must not go out.
    pub fn sign(
        &self,
        signer: &AnswerSigner,
        (status, headers): (u16, &mut HeaderMap),
        request: &RequestHead<'_>,
        body: &[u8],
        now: UnixTime,
    ) -> Result<(), ExchangeError> {
        Ok(signer.sign(self.wit_keys.signer(), (status, headers), request, body, now)?)
    }

    async fn stages(
        &self,
        incoming: Incoming<'_>,
        now: UnixTime,
        event: &mut Event,
        signer: &mut Option<AnswerSigner>,
    ) -> Result<Issued, ExchangeError> {
        let ExchangeRequest { caller, asked } = ExchangeRequest::parse(&incoming, self.settings.accepts_legacy_wpt)?;
        record::asked(event, &asked);
        let caller = self.authenticate(caller, &incoming, now).await?;
        record::caller(event, &caller);
        *signer = self.answer_signer(&caller)?;
        let evidence = self.verify(asked, caller, now).await?;
        record::evidence(event, &evidence);
        let grant = self.decide(evidence, incoming.source, now, event)?;
        let claimed = self.claim(grant, now).await?;
        record::claimed(event, &claimed);
        self.issue(claimed, now, event)
    }

    /// Who signs the answer: whoever signed a request gets a signed answer if we are somebody in its trust domain, and none
    /// at all if it asked for one and we are not (WIMSE HTTP signature section 3.4).
    fn answer_signer(&self, caller: &Caller) -> Result<Option<AnswerSigner>, ExchangeError> {
        let Some(signature) = caller.signature() else { return Ok(None) };
        let signer = self.identities.answer(caller.id().trust_domain(), signature);
        if signer.is_none() && signature.wants_signed_response() {
            return Err(ExchangeError::NobodySigns);
        }
        Ok(signer)
    }
}
