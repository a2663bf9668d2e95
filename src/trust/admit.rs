//! Who is believed and not disabled. Nobody outside this room gets a credential by another way.

use std::sync::Arc;

use procura_token::{JwtSvid, UnixTime, Verified, VerifiedX509Svid, Wit, WorkloadId};

use super::{AssertionType, PeerCertificate, PlatformIdentity, Trust, TrustError, TrustedDomain, UserIssuer, UserToken};

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
        self.admit(svid.id())?;
        Ok((svid, domain))
    }

    /// Verifies a WIT of a workload with a SPIFFE ID that is not disabled. Possession of its key is for the caller to verify.
    ///
    /// # Errors
    /// [`TrustError`], as for JWT-SVIDs.
    pub async fn verify_wit(&self, text: &str, now: UnixTime) -> Result<(Arc<Verified<Wit>>, &TrustedDomain), TrustError> {
        let (wit, domain) = self.judge_wit(text, now).await?;
        self.admit(wit.id())?;
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
        self.admit(svid.id())?;
        Ok((svid, domain))
    }

    /// Verifies a credential of a platform that was presented as `assertion`, and says which workload it is by the first rule
    /// that fits, if neither workload, rule nor issuer is disabled. `nonce` is the one that the DPoP proof beside it names: a
    /// credential that is made for a nonce must be for this one. That proof is for the caller to verify.
    ///
    /// # Errors
    /// [`TrustError`]: an issuer without rules, keys or a platform that cannot be asked, why the credential is nobody's, or that
    /// one of them is disabled.
    pub async fn verify_platform(
        &self,
        assertion: AssertionType,
        text: &str,
        nonce: Option<&str>,
        now: UnixTime,
    ) -> Result<(Arc<PlatformIdentity>, &TrustedDomain), TrustError> {
        let (identity, domain) = self.judge_platform(assertion, text, nonce, now).await?;
        self.disabled.admit_platform(identity.rule())?;
        self.disabled.admit_issuer(identity.authority())?;
        self.admit(identity.id())?;
        Ok((identity, domain))
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
        caller: &WorkloadId,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        let (token, issuer) = self.users.verify_id_token(text, caller, now).await?;
        self.admit_issuer(issuer)?;
        Ok((token, issuer))
    }

    /// Verifies an access token of another issuer, one that is not disabled, that `caller` presents: it must be meant for
    /// `caller`, made for `caller`, or meant for an audience the issuer's configuration names. Possession of what it is bound
    /// to is for the caller of this to verify.
    ///
    /// What is no JWS is asked about, at most four issuers in the order of the configuration, five seconds in all.
    ///
    /// # Errors
    /// [`TrustError`], as for ID tokens; and if no issuer knows the token, or one cannot be asked.
    pub async fn verify_access_token(
        &self,
        text: &str,
        caller: &WorkloadId,
        now: UnixTime,
    ) -> Result<(UserToken, &UserIssuer), TrustError> {
        let admit = |issuer: &UserIssuer| self.admit_issuer(issuer);
        let (token, issuer) = self.users.verify_access_token(text, caller, &admit, now).await?;
        self.admit_issuer(issuer)?;
        Ok((token, issuer))
    }

    /// Whether a delegation may go on: the issuer with this alias, which vouched for its user, is still believed, and so is
    /// everybody who acted in it.
    ///
    /// # Errors
    /// [`TrustError`]: one of them is disabled, or no longer configured.
    pub fn admit_delegation<'a>(
        &self,
        issuer_alias: &str,
        actors: impl Iterator<Item = &'a WorkloadId>,
    ) -> Result<(), TrustError> {
        let issuer = self.users.issuers().find(|issuer| issuer.alias() == issuer_alias).ok_or(TrustError::UnknownIssuer)?;
        self.admit_issuer(issuer)?;
        for actor in actors {
            self.domain(actor.trust_domain()).ok_or(TrustError::UnknownTrustDomain)?;
            self.admit(actor)?;
        }
        Ok(())
    }

    pub(super) fn admit_issuer(&self, issuer: &UserIssuer) -> Result<(), TrustError> {
        self.disabled.admit_issuer(issuer.url().as_str())
    }

    /// Whether nobody who stands behind the identifier is disabled: the workload, its trust domain, and, where a platform rule
    /// gives it, that rule and its issuer. So what was made of a platform's credential ends with the rule too.
    pub(super) fn admit(&self, id: &WorkloadId) -> Result<(), TrustError> {
        self.disabled.admit_workload(id)?;
        if !self.disabled.names_platforms() {
            return Ok(());
        }
        match self.platforms.giver(id) {
            Some((rule, authority)) => {
                self.disabled.admit_platform(rule)?;
                self.disabled.admit_issuer(authority)
            }
            None => Ok(()),
        }
    }
}
