//! **authenticate**: who calls. What the caller presents becomes a [`Caller`].

use std::sync::Arc;

use http::HeaderMap;
use procura_token::{
    JwtSvid, RequestSignatureRules, TXN_TOKEN, UnixTime, Unverified, UnverifiedRequestSignature, Verified, VerifiedSignature,
    VerifiedWpt, VerifiedX509Svid, Wit, WorkloadId, Wpt, WptRules, sole_field,
};

use super::authentication::Authentication;
use super::request::{ClaimedCaller, Presented};
use super::{Exchange, ExchangeError, Incoming};
use crate::policy::Credential;
use crate::store::{OneTimeUse, UseKind};
use crate::trust::{PlatformIdentity, TrustError, TrustedDomain};

/// The authenticated workload.
pub(super) struct Caller {
    pub(super) credential: CallerCredential,
    /// The X.509-SVID of the connection, whatever the caller authenticated with: it names the same workload.
    pub(super) certificate: Option<Arc<VerifiedX509Svid>>,
    /// Whether we issue WITs for workloads of its trust domain.
    pub(super) may_have_wit: bool,
}

/// What a caller was authenticated by.
pub(super) enum CallerCredential {
    /// A client assertion: whoever has it can send it.
    JwtSvid(Arc<Verified<JwtSvid>>),
    /// A WIT, and a proof that the caller holds its key.
    Wit { wit: Arc<Verified<Wit>>, proof: WitProof },
    /// The certificate of the connection.
    X509Svid(Arc<VerifiedX509Svid>),
    /// What the caller's platform gave it: whoever has it can send it, unless it is bound to a key.
    Platform(Arc<PlatformIdentity>),
}

/// How the key of a WIT was proved.
pub(super) enum WitProof {
    Wpt(Box<VerifiedWpt>),
    Signature(Box<VerifiedSignature>),
}

impl Caller {
    pub(super) fn id(&self) -> &WorkloadId {
        match &self.credential {
            CallerCredential::JwtSvid(svid) => svid.id(),
            CallerCredential::Wit { wit, .. } => wit.id(),
            CallerCredential::X509Svid(svid) => svid.id(),
            CallerCredential::Platform(identity) => identity.id(),
        }
    }

    /// What policies are told.
    pub(super) fn credential(&self) -> Credential {
        match &self.credential {
            CallerCredential::JwtSvid(_) => Credential::JwtSvid,
            CallerCredential::Wit { .. } => Credential::Wit,
            CallerCredential::X509Svid(_) => Credential::X509Svid,
            CallerCredential::Platform(identity) => Credential::Platform(identity.kind()),
        }
    }

    /// The signature over the request, if that is how the caller proved its key.
    pub(super) fn signature(&self) -> Option<&VerifiedSignature> {
        match &self.credential {
            CallerCredential::Wit { proof: WitProof::Signature(signature), .. } => Some(signature),
            _ => None,
        }
    }

    /// What the caller's platform says of it, if it was authenticated by that.
    pub(super) const fn platform(&self) -> Option<&Arc<PlatformIdentity>> {
        match &self.credential {
            CallerCredential::Platform(identity) => Some(identity),
            _ => None,
        }
    }

    /// How the caller proved the key of its credential, for the audit event.
    pub(super) fn proof(&self) -> Option<&'static str> {
        match &self.credential {
            CallerCredential::JwtSvid(_) => None,
            CallerCredential::Platform(identity) => identity.key().map(|_| "dpop"),
            CallerCredential::Wit { proof: WitProof::Wpt(_), .. } => Some("wpt"),
            CallerCredential::Wit { proof: WitProof::Signature(_), .. } => Some("signature"),
            CallerCredential::X509Svid(_) => Some("mutual-tls"),
        }
    }

    /// The proof that may be used once, if the caller gave one.
    pub(super) fn one_time_use(&self, skew: std::time::Duration) -> Option<OneTimeUse> {
        let CallerCredential::Wit { proof, .. } = &self.credential else { return None };
        Some(match proof {
            WitProof::Wpt(wpt) => OneTimeUse {
                kind: UseKind::Wpt,
                key: wpt.replay_key(),
                since: Some(wpt.made_since()),
                until: wpt.replay_until(skew),
            },
            WitProof::Signature(signature) => OneTimeUse {
                kind: UseKind::Signature,
                key: signature.replay_key(),
                since: Some(signature.made_since()),
                until: signature.replay_until(skew),
            },
        })
    }
}

impl Exchange {
    /// Verifies what the caller presents, that its workload is one that may call, and that everything in the request that
    /// names the caller names the same one: `client_id`, if sent, and the certificate of the connection, if there is one (RFC
    /// 7521 section 4.2, RFC 8705 section 2, draft-ietf-oauth-spiffe-client-auth).
    pub(super) async fn authenticate(
        &self,
        claimed: ClaimedCaller<'_>,
        incoming: &Incoming<'_>,
        now: UnixTime,
    ) -> Result<Caller, ExchangeError> {
        let certificate = match incoming.certificate.map_err(ExchangeError::CertificateField)? {
            Some(certificate) => Some(self.trust.verify_x509_svid(certificate, now).await.map_err(ExchangeError::Caller)?),
            None => None,
        };
        let (credential, domain) = match claimed.authentication {
            Authentication::Assertion(assertion) => {
                let (svid, domain) = self.trust.verify_jwt_svid(assertion.as_str(), now).await.map_err(ExchangeError::Caller)?;
                (CallerCredential::JwtSvid(svid), domain)
            }
            Authentication::Platform(assertion, credential) => {
                let nonce = claimed.nonce.as_deref();
                let verified = self.trust.verify_platform(assertion, credential.as_str(), nonce, now).await;
                let (identity, domain) = verified.map_err(|error| match error {
                    TrustError::NonceMissing => ExchangeError::Nonce,
                    error => ExchangeError::Caller(error),
                })?;
                (CallerCredential::Platform(identity), domain)
            }
            Authentication::Wpt { wit: text, proof } => {
                let (wit, domain) = self.verify_caller_wit(&text, now).await?;
                let proof = self.verify_wpt(proof, &text, &wit, incoming.headers, now)?;
                (CallerCredential::Wit { wit, proof: WitProof::Wpt(Box::new(proof)) }, domain)
            }
            Authentication::Signature { wit: text, signature } => {
                let (wit, domain) = self.verify_caller_wit(&text, now).await?;
                let proof = self.verify_signature(signature, &text, &wit, incoming.form, now)?;
                (CallerCredential::Wit { wit, proof: WitProof::Signature(Box::new(proof)) }, domain)
            }
            Authentication::Certificate => match &certificate {
                Some((svid, domain)) => (CallerCredential::X509Svid(Arc::clone(svid)), *domain),
                None => return Err(ExchangeError::CallerUnknown("there is no certificate")),
            },
        };
        let certificate = certificate.map(|(svid, _)| svid);
        let caller = Caller { credential, certificate, may_have_wit: domain.issues_wit() };
        self.verify_names(&caller, claimed.client_id.as_deref(), domain)?;
        Ok(caller)
    }

    /// The WIT first, its proof after it (WIMSE WPT section 2, HTTP signatures section 3).
    async fn verify_caller_wit(
        &self,
        wit: &Presented,
        now: UnixTime,
    ) -> Result<(Arc<Verified<Wit>>, &TrustedDomain), ExchangeError> {
        self.trust.verify_wit(wit.as_str(), now).await.map_err(ExchangeError::Caller)
    }

    fn verify_wpt(
        &self,
        proof: Unverified<Wpt>,
        text: &Presented,
        wit: &Verified<Wit>,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Result<VerifiedWpt, ExchangeError> {
        let transaction_token = sole_field(headers, TXN_TOKEN).map_err(|error| ExchangeError::CallerProof(error.into()))?;
        let rules = WptRules {
            wit: text.as_str(),
            confirmation: wit.confirmation(),
            audiences: &self.settings.token_endpoints,
            transaction_token,
            other_tokens: &[],
            access_token: None,
            algorithms: &self.settings.algorithms,
        };
        proof.verify(&rules, now).map_err(ExchangeError::CallerProof)
    }

    fn verify_signature(
        &self,
        signature: UnverifiedRequestSignature<'_>,
        text: &Presented,
        wit: &Verified<Wit>,
        body: &[u8],
        now: UnixTime,
    ) -> Result<VerifiedSignature, ExchangeError> {
        let rules = RequestSignatureRules {
            wit: text.as_str(),
            confirmation: wit.confirmation(),
            audiences: &self.settings.token_endpoints,
            algorithms: &self.settings.algorithms,
        };
        let head = signature.verify(&rules, now).map_err(ExchangeError::CallerProof)?;
        head.with_body(body).map_err(ExchangeError::CallerProof)
    }

    fn verify_names(&self, caller: &Caller, client_id: Option<&str>, domain: &TrustedDomain) -> Result<(), ExchangeError> {
        if !domain.admits(caller.id()) {
            return Err(ExchangeError::CallerUnknown("the workload is not registered as a client"));
        }
        if self.identities.has(caller.id()) {
            return Err(ExchangeError::CallerUnknown("the workload has the name of this service itself"));
        }
        if client_id.is_some_and(|client_id| client_id != caller.id().as_str()) {
            return Err(ExchangeError::CallerUnknown("`client_id` names another workload"));
        }
        if caller.certificate.as_ref().is_some_and(|certificate| certificate.id() != caller.id()) {
            return Err(ExchangeError::CallerUnknown("the certificate names another workload"));
        }
        Ok(())
    }
}
