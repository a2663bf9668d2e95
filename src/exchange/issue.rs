//! **issue**: typed claims become a signed token.

use std::time::Duration;

use procura_token::{AccessToken, Confirmation, Delegation, NewWit, TokenId, TokenType, UnixTime, random_bytes};

use super::authority::Authority;
use super::claim::Claimed;
use super::decide::{DelegationGrant, WitGrant};
use super::record::{self, IssuedToken};
use super::request::TokenForm;
use super::{Exchange, ExchangeError, Issued};
use crate::audit::Event;
use crate::store::DelegationRecord;

/// A token that would end sooner than this is not issued.
const LEAST: Duration = Duration::from_secs(1);
/// The most bytes that the user's groups take in a token.
const MAX_GROUPS: usize = 2048;

impl Exchange {
    /// Signs what was granted and claimed.
    pub(super) fn issue(&self, claimed: Claimed, now: UnixTime, event: &mut Event) -> Result<Issued, ExchangeError> {
        match claimed {
            Claimed::Delegation { grant, record } => self.issue_delegation(grant, record, now, event),
            Claimed::Own(grant) => self.issue_own(grant, now, event),
            Claimed::Wit(grant) => self.issue_wit(&grant, now, event),
        }
    }

    /// The delegation token: `sub` is the user, `act` the agent, `cnf` the key it proved (RFC 9068, RFC 8693 section 4.1).
    fn issue_delegation(
        &self,
        grant: DelegationGrant,
        record: DelegationRecord,
        now: UnixTime,
        event: &mut Event,
    ) -> Result<Issued, ExchangeError> {
        let (iat, exp, expires_in) = lifetime(now, grant.expires.min(record.until))?;
        let parent = match &grant.authority {
            Authority::User(_) => None,
            Authority::Parent(parent) => Some(parent.jti.clone()),
        };
        let token = AccessToken {
            iss: self.settings.issuer.clone(),
            sub: grant.authority.subject().clone(),
            aud: grant.target,
            client_id: grant.chain.current().id.clone(),
            iat,
            exp,
            jti: TokenId::from_random(random_bytes()),
            scope: grant.scope,
            authorization_details: grant.details,
            act: Some(grant.chain),
            cnf: grant.binding.confirmation(),
            delegation: Some(Delegation { id: record.id, until: record.until, parent }),
            authentication: grant.authority.authentication().clone(),
            groups: fitting(grant.authority.groups()),
        };
        let kind = match grant.form {
            TokenForm::Jwt => "at+jwt",
            TokenForm::Biscuit => "biscuit",
        };
        record::issued(event, &IssuedToken { jti: &token.jti, kind, exp, scope: Some(&token.scope), actors: token.act.as_ref() });
        event.details_granted.clone_from(&token.authorization_details);
        let (text, kind) = match grant.form {
            TokenForm::Jwt => (token.issue(self.token_keys.signer())?, TokenType::AccessToken),
            TokenForm::Biscuit => (self.issue_biscuit(&token, &grant.binding)?, TokenType::Biscuit),
        };
        Ok(Issued {
            token: text,
            kind,
            expires_in,
            target: Some(token.aud),
            scope: Some(token.scope).filter(|scope| !scope.is_empty()),
            details: token.authorization_details,
            confirmation: token.cnf,
        })
    }

    /// The WIT, for the key that was proved. `iss` is for audit only and no OpenID provider's name.
    fn issue_wit(&self, grant: &WitGrant, now: UnixTime, event: &mut Event) -> Result<Issued, ExchangeError> {
        let (iat, exp, expires_in) = lifetime(now, grant.expires)?;
        let wit = NewWit {
            iss: format!("{}/token-service", grant.id.origin()),
            sub: &grant.id,
            iat,
            exp,
            jti: TokenId::from_random(random_bytes()),
            cnf: &grant.key,
        };
        record::issued(event, &IssuedToken { jti: &wit.jti, kind: "wit+jwt", exp, scope: None, actors: None });
        let text = wit.issue(self.wit_keys.signer())?;
        Ok(Issued {
            token: text,
            kind: TokenType::Wit,
            expires_in,
            target: None,
            scope: None,
            details: None,
            confirmation: Confirmation::Key(grant.key.key.thumbprint()),
        })
    }
}

/// The groups, if they fit into a token: all or none, for a policy may forbid what a group is in.
fn fitting(groups: &[String]) -> Option<Vec<String>> {
    let size: usize = groups.iter().map(|group| group.len() + 3).sum();
    (size <= MAX_GROUPS).then(|| groups.to_vec())
}

/// `iat`, `exp` and the time between, all in whole seconds.
pub(super) fn lifetime(now: UnixTime, exp: UnixTime) -> Result<(UnixTime, UnixTime, Duration), ExchangeError> {
    let (iat, exp) = (now.whole_secs(), exp.whole_secs());
    match exp.since(iat) {
        lasts if lasts >= LEAST => Ok((iat, exp, lasts)),
        _ => Err(ExchangeError::Ended),
    }
}
