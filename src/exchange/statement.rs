//! What is shown beside the subject: that the user agreed, and in which state the actor is.

use procura_token::{Issuer, Resource, TokenId, UnixTime, WorkloadId};

use super::approval::Agreement;
use super::authority::Authority;
use super::request::{Form, Presented};
use super::{Exchange, ExchangeError};
use crate::policy;
use crate::trust::Posture;

/// The statements of a request, as they were presented.
pub(super) struct Statements {
    approval: Option<Presented>,
    posture: Option<Presented>,
}

impl Statements {
    /// # Errors
    /// [`ExchangeError::Parameter`] if one is no JWS.
    pub(super) fn parse(form: &Form<'_>) -> Result<Self, ExchangeError> {
        Ok(Self { approval: form.token("approval_token")?, posture: form.token("posture_token")? })
    }

    pub(super) const fn are_none(&self) -> bool {
        self.approval.is_none() && self.posture.is_none()
    }
}

/// What the statements, and the user's own token, show of whoever is to act.
pub(super) struct Shown {
    agreement: Agreement,
    posture: Option<Posture>,
}

/// What of it policy is told about one target.
pub(super) struct Told {
    pub(super) approval: Option<policy::Approval>,
    pub(super) posture: Option<policy::Posture>,
    /// What shows that the user agreed, for the audit event.
    pub(super) agreed_by: Vec<&'static str>,
    /// The statements, by name and issuer.
    pub(super) approved: Option<(TokenId, Issuer)>,
    pub(super) attested: Option<(TokenId, Issuer)>,
    /// When the first of the statements ends: what rests on it goes no further.
    pub(super) until: Option<UnixTime>,
}

impl Exchange {
    /// Verifies the statements. What is shown must fit: nothing is left aside without a word.
    pub(super) async fn verify_statements(
        &self,
        statements: &Statements,
        authority: &Authority,
        actor: &WorkloadId,
        now: UnixTime,
    ) -> Result<Shown, ExchangeError> {
        let agreement = self.verify_agreement(statements.approval.as_ref(), authority, actor, now).await?;
        let posture = match &statements.posture {
            None => None,
            Some(presented) => {
                let posture = self.trust.verify_posture(presented.as_str(), now).await.map_err(ExchangeError::Posture)?;
                if posture.token.sub != *actor {
                    return Err(ExchangeError::PostureUnfit("it is of another workload than the one to act"));
                }
                Some(posture)
            }
        };
        Ok(Shown { agreement, posture })
    }
}

impl Shown {
    /// # Errors
    /// [`ExchangeError::ApprovalUnfit`] if the approval is for another target.
    pub(super) fn at(&self, target: &Resource) -> Result<Told, ExchangeError> {
        let (approval, agreed_by) = self.agreement.at(target)?.unzip();
        let approved = self.agreement.token().map(|token| (token.jti.clone(), token.iss.clone()));
        let attested = self.posture.as_ref().map(|it| (it.token.jti.clone(), it.token.iss.clone()));
        let posture =
            self.posture.as_ref().map(|it| policy::Posture { attester: it.attester.clone(), claims: it.token.posture.clone() });
        let ends = [self.agreement.token().map(|token| token.exp), self.posture.as_ref().map(|it| it.token.exp)];
        let (agreed_by, until) = (agreed_by.unwrap_or_default(), ends.into_iter().flatten().min());
        Ok(Told { approval, posture, agreed_by, approved, attested, until })
    }
}
