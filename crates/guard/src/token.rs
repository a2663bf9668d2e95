//! Access tokens: believed or not, and remembered.

use std::sync::Arc;

use core::ops::Deref;

#[cfg(feature = "handover")]
use procura_handover::VerifiedHandover;
use procura_token::{AccessToken, AccessTokenRules, Confirmation, UnixTime, Unverified, Verified, VerifyError};

use crate::guard::Inner;
use crate::{Cause, Guard};

/// A token that is believed, in whichever form it came. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum BelievedToken {
    Jwt(Arc<Verified<AccessToken>>),
    #[cfg(feature = "handover")]
    Biscuit(Arc<VerifiedHandover>),
}

impl Deref for BelievedToken {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        match self {
            Self::Jwt(token) => token,
            #[cfg(feature = "handover")]
            Self::Biscuit(handover) => handover.token(),
        }
    }
}

impl BelievedToken {
    /// Whether the token is bound to what was `proved`, a key or a certificate.
    pub(crate) fn verify_binding(&self, proved: impl Into<Confirmation>) -> Result<(), VerifyError> {
        if self.cnf == proved.into() { Ok(()) } else { Err(VerifyError::Binding) }
    }
}

impl Guard {
    /// Verifies all but what the token is bound to. A JWT has dots, and nothing else does.
    pub(crate) async fn verify_token(&self, text: &str, now: UnixTime) -> Result<BelievedToken, Cause> {
        #[cfg(feature = "handover")]
        if !text.contains('.') {
            return self.verify_handover(text, now).await.map(BelievedToken::Biscuit);
        }
        self.verify_jwt(text, now).await.map(BelievedToken::Jwt)
    }

    /// Verifies all but what the token is bound to (RFC 9068 section 4).
    async fn verify_jwt(&self, text: &str, now: UnixTime) -> Result<Arc<Verified<AccessToken>>, Cause> {
        let Inner { issuer, audience, token_algorithms: algorithms, skew, keys, tokens, .. } = &*self.0;
        let mut current = keys.current(now).await?;
        if let Some((revision, token)) = tokens.get(text)
            && revision == current.revision
        {
            token.verify_time(now, *skew).map_err(Cause::Token)?;
            return Ok(token);
        }
        let unverified = Unverified::<AccessToken>::parse(text).map_err(|error| Cause::Token(error.into()))?;
        if unverified.issuer() != issuer {
            return Err(Cause::Token(VerifyError::Issuer));
        }
        if !current.keys.knows(unverified.key_id()) {
            current = keys.newer(now).await?;
        }
        let rules = AccessTokenRules { issuer, audience, algorithms, skew: *skew };
        let token = Arc::new(unverified.verify(&current.keys, &rules, now).map_err(Cause::Token)?);
        tokens.insert(text, current.revision, Arc::clone(&token));
        Ok(token)
    }
}
