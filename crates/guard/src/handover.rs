//! Delegations that were handed over as Biscuits.

use std::sync::Arc;

use procura_handover::{HandoverRules, UnverifiedHandover, VerifiedHandover};
use procura_token::{ParseError, UnixTime, VerifyError};

use crate::guard::Inner;
use crate::{Cause, Guard};

impl Guard {
    /// Verifies a Biscuit of the issuer for this resource, and the WIT of everybody it was handed to. Who shows it is
    /// proved elsewhere.
    pub(crate) async fn verify_handover(&self, text: &str, now: UnixTime) -> Result<Arc<VerifiedHandover>, Cause> {
        let Inner { issuer, audience, skew, handovers, .. } = &*self.0;
        let keys = handovers.as_ref().ok_or(Cause::Token(ParseError::NotCompact.into()))?;
        let unverified = UnverifiedHandover::parse(text).map_err(|error| Cause::Token(error.into()))?;
        if unverified.issuer() != issuer {
            return Err(Cause::Token(VerifyError::Issuer));
        }
        let mut current = keys.current(now).await?;
        if !unverified.is_known_to(&current.keys) {
            current = keys.newer(now).await?;
        }
        let rules = HandoverRules { issuer, audience: Some(audience), skew: *skew };
        let rooted = unverified.verify_root(&current.keys, &rules, now).map_err(Cause::Token)?;
        let mut wits = Vec::new();
        for wit in rooted.wits() {
            wits.push(self.verify_wit(wit, now).await.map_err(of_token)?);
        }
        let wits: Vec<_> = wits.iter().map(|wit| &**wit).collect();
        rooted.verify(&wits).map(Arc::new).map_err(Cause::Token)
    }
}

/// What is wrong with a WIT in a token is wrong with the token.
fn of_token(cause: Cause) -> Cause {
    match cause {
        Cause::Wit(error) => Cause::Token(error),
        Cause::TrustDomain => Cause::Token(VerifyError::UnknownKey),
        other => other,
    }
}
