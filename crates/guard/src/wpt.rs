//! WITs with a WPT (draft-ietf-wimse-wpt-02).

use http::request::Parts;
use procura_token::{MAX_PROOF_AHEAD, UnixTime, Unverified, Wpt, WptRules, sha256};

use crate::caller::Proved;
use crate::credentials::WptCredentials;
use crate::guard::Claim;
use crate::{Caller, Cause, Guard};

impl Guard {
    /// The WIT, then the WPT, then the token that the WPT covers, and the claim last.
    pub(crate) async fn verify_wpt(
        &self,
        credentials: &WptCredentials<'_>,
        request: &Parts,
        now: UnixTime,
    ) -> Result<Caller, Cause> {
        let wit = self.verify_wit(credentials.wit, now).await?;
        let wpt = Unverified::<Wpt>::parse(credentials.proof).map_err(|error| Cause::Wpt(error.into()))?;
        let rules = WptRules {
            wit: credentials.wit,
            confirmation: wit.confirmation(),
            audiences: &self.0.urls_of(request.uri.path()),
            transaction_token: credentials.transaction_token,
            other_tokens: &credentials.others,
            access_token: None,
            algorithms: &self.0.proof_algorithms,
        };
        let wpt = wpt.verify(&rules, now).map_err(Cause::Wpt)?;
        let token = match credentials.delegation {
            Some(text) => Some(self.verify_token(text, now).await?),
            None => None,
        };
        if let Some(token) = &token {
            token.verify_binding(wpt.thumbprint()).map_err(Cause::Token)?;
        }
        let caller = Caller::of_wit(&wit, Proved::Wpt(wpt.thumbprint()), token)?;
        let claim = Claim {
            // One store remembers proofs of every kind: this one shall not meet a DPoP proof of the same key and name.
            key: sha256(&[b"wpt\0".as_slice(), &wpt.replay_key()].concat()),
            // A clock that lags as far as it may would have let it in so much earlier.
            since: Some(wpt.made_since() - MAX_PROOF_AHEAD),
            until: wpt.replay_until(self.0.skew),
        };
        self.claim(claim, Cause::WptReplayed, now).await?;
        Ok(caller)
    }
}
