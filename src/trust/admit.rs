//! Who is believed and not disabled. Nobody outside this room gets a credential by another way.

use std::sync::Arc;

use procura_token::{IdToken, JwtSvid, UnixTime, Verified, VerifiedX509Svid, Wit};

use super::{PeerCertificate, Trust, TrustError, TrustedDomain, UserIssuer};

impl Trust {
    /// Verifies a JWT-SVID meant for us alone, of a workload that is not disabled.
    ///
    /// # Errors
    /// [`TrustError`]: unknown trust domain, keys that cannot be had, the rule of the token that is broken, or that the workload
    /// is disabled.
    pub async fn verify_jwt_svid(
        &self,
        text: &str,
        now: UnixTime,
    ) -> Result<(Arc<Verified<JwtSvid>>, &TrustedDomain), TrustError> {
        let (svid, domain) = self.judge_jwt_svid(text, now).await?;
        self.disabled.admit_workload(svid.id())?;
        Ok((svid, domain))
    }

    /// Verifies a WIT of a workload with a SPIFFE ID that is not disabled. Possession of its key is for the caller to verify.
    ///
    /// # Errors
    /// [`TrustError`], as for JWT-SVIDs.
    pub async fn verify_wit(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<Wit>>, &TrustedDomain), TrustError> {
        let (wit, domain) = self.judge_wit(text, now).await?;
        self.disabled.admit_workload(wit.id())?;
        Ok((wit, domain))
    }

    /// Verifies the certificate of a connection as X.509-SVID of a workload that is not disabled.
    ///
    /// # Errors
    /// [`TrustError`]: unknown trust domain, authorities that cannot be had, the rule of the certificate that is broken, or that
    /// the workload is disabled.
    pub async fn verify_x509_svid(
        &self,
        peer: &PeerCertificate,
        now: UnixTime,
    ) -> Result<(Arc<VerifiedX509Svid>, &TrustedDomain), TrustError> {
        let (svid, domain) = self.judge_x509_svid(peer, now).await?;
        self.disabled.admit_workload(svid.id())?;
        Ok((svid, domain))
    }

    /// Verifies an ID token that `caller` presents, of an issuer that is not disabled: it must be meant for us, for `caller`,
    /// or for an application the issuer's configuration names.
    ///
    /// # Errors
    /// [`TrustError`]: unknown issuer, keys that cannot be had, the rule of the token that is broken, or that the issuer is
    /// disabled.
    pub async fn verify_id_token(
        &self,
        text: &str,
        caller: &str,
        now: UnixTime,
    ) -> Result<(Arc<Verified<IdToken>>, &UserIssuer), TrustError> {
        let (token, issuer) = self.judge_id_token(text, caller, now).await?;
        self.disabled.admit_issuer(token.issuer().as_str())?;
        Ok((token, issuer))
    }
}
