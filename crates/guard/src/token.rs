//! Access tokens: believed or not, and remembered.

use std::sync::Arc;

use procura_token::{AccessToken, AccessTokenRules, UnixTime, Unverified, Verified, VerifyError};

use crate::guard::Inner;
use crate::{Cause, Guard};

impl Guard {
    /// Verifies all but what the token is bound to (RFC 9068 section 4).
    pub(crate) async fn verify_token(&self, text: &str, now: UnixTime) -> Result<Arc<Verified<AccessToken>>, Cause> {
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
