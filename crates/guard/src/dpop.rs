//! Tokens that are bound to a key, and their DPoP proofs (RFC 9449).

use http::request::Parts;
use procura_token::{Confirmation, DpopProof, DpopRules, UnixTime, Unverified, VerifiedDpopProof};

use crate::credentials::BoundToken;
use crate::guard::Claim;
use crate::token::BelievedToken;
use crate::{Cause, Guard};

/// A token whose key was proved, by a proof that is not claimed yet.
pub(crate) struct ProvedToken {
    pub(crate) token: BelievedToken,
    pub(crate) proof: VerifiedDpopProof,
}

impl Guard {
    pub(crate) async fn verify_dpop(&self, bound: &BoundToken<'_>, request: &Parts, now: UnixTime) -> Result<ProvedToken, Cause> {
        let token = self.verify_token(bound.token, now).await?;
        let proof = self.verify_proof(bound, request, now)?;
        token.verify_binding(proof.thumbprint()).map_err(|error| match token.cnf {
            Confirmation::Key(_) => Cause::Proof(error),
            Confirmation::Certificate(_) => Cause::Token(error),
        })?;
        self.verify_nonce(&proof, now)?;
        Ok(ProvedToken { token, proof })
    }

    fn verify_proof(&self, bound: &BoundToken<'_>, request: &Parts, now: UnixTime) -> Result<VerifiedDpopProof, Cause> {
        let proof = Unverified::<DpopProof>::parse(bound.proof).map_err(|error| Cause::Proof(error.into()))?;
        let rules = DpopRules {
            method: request.method.as_str(),
            uris: &self.0.urls_of(request.uri.path()),
            access_token: Some(bound.token),
            algorithms: &self.0.proof_algorithms,
            freshness: self.0.freshness,
        };
        proof.verify(&rules, now).map_err(Cause::Proof)
    }

    fn verify_nonce(&self, proof: &VerifiedDpopProof, now: UnixTime) -> Result<(), Cause> {
        let Some(nonces) = &self.0.nonces else { return Ok(()) };
        let is_recent = |nonce| nonces.recognise(nonce, now, self.0.replay.epoch());
        if proof.nonce().is_some_and(is_recent) { Ok(()) } else { Err(Cause::Nonce) }
    }

    pub(crate) async fn claim_dpop(&self, proof: &VerifiedDpopProof, now: UnixTime) -> Result<(), Cause> {
        let claim = Claim {
            key: proof.replay_key(),
            // The earliest that a clock which lags as far as it may would have let it in. A nonce says more: it is of the store's
            // present memory.
            since: self.0.nonces.is_none().then(|| proof.made_since() - self.0.freshness.ahead),
            until: proof.replay_until(self.0.freshness, self.0.skew),
        };
        self.claim(claim, Cause::Replayed, now).await
    }
}
