//! Approvals and postures that count: by somebody who may speak of whom they speak of, and who is not disabled.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use procura_token::{ApprovalToken, PostureToken, Subject, UnixTime, Verified};

use super::disabled::WorkloadPattern;
use super::statement::{StatementIssuerSettings, Statements};
use super::{Trust, TrustError, UserIssuer};

/// Who may approve, of the users of which issuers: by alias.
pub type ApproverSettings = StatementIssuerSettings<String>;
/// Who may say in which state workloads are, and of which.
pub type AttesterSettings = StatementIssuerSettings<WorkloadPattern>;

pub(super) type Approvers = Statements<ApprovalToken, String>;
pub(super) type Attesters = Statements<PostureToken, WorkloadPattern>;

/// An approval by an approver of the user's.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What it says.
    pub token: Arc<Verified<ApprovalToken>>,
    /// The user in our namespace.
    pub user: Subject,
}

/// What an attester of the workload's found out.
#[derive(Clone, Debug)]
pub struct Posture {
    /// What it says.
    pub token: Arc<Verified<PostureToken>>,
    /// The name of the attester.
    pub attester: String,
}

impl Trust {
    /// Verifies an approval, for us, by an approver that may approve for the user, if neither the approver nor the user's issuer
    /// is disabled. Whether it is of this user, for this agent and this target is for the caller to compare.
    ///
    /// # Errors
    /// [`TrustError`]: an unknown approver, keys that cannot be had, the rule of the token that is broken, a user of an unknown
    /// issuer or one that the approver may not approve for, or that one of them is disabled.
    pub async fn verify_approval(&self, text: &str, now: UnixTime) -> Result<Approval, TrustError> {
        let (approval, issuer) = self.judge_approval(text, now).await?;
        self.disabled.admit_issuer(approval.token.iss.as_str())?;
        self.admit_issuer(issuer)?;
        Ok(approval)
    }

    /// See [`Trust::verify_approval`], but for the disabled.
    pub(super) async fn judge_approval(&self, text: &str, now: UnixTime) -> Result<(Approval, &UserIssuer), TrustError> {
        let (token, approver) = self.approvers.verify(text, now).await?;
        let issuer = self.users.issuer(&token.user.iss)?;
        approver.speaks_of(|alias| alias == issuer.alias())?;
        let user = issuer.name(&token.user.sub)?;
        Ok((Approval { token, user }, issuer))
    }

    /// Verifies a posture, for us, by an attester that may attest the workload, if neither the attester nor the workload is
    /// disabled. Whether it is of the workload in question is for the caller to compare.
    ///
    /// # Errors
    /// [`TrustError`], as for approvals.
    pub async fn verify_posture(&self, text: &str, now: UnixTime) -> Result<Posture, TrustError> {
        let posture = self.judge_posture(text, now).await?;
        self.disabled.admit_issuer(posture.token.iss.as_str())?;
        self.admit(&posture.token.sub)?;
        Ok(posture)
    }

    /// See [`Trust::verify_posture`], but for the disabled.
    pub(super) async fn judge_posture(&self, text: &str, now: UnixTime) -> Result<Posture, TrustError> {
        let (token, attester) = self.attesters.verify(text, now).await?;
        attester.speaks_of(|pattern| pattern.covers(&token.sub))?;
        Ok(Posture { attester: attester.name().to_owned(), token })
    }
}
