//! The keys that DPoP proofs were verified with lately, ready to verify again.

use procura_token::{DpopProof, DpopRules, Jwk, UnixTime, Unverified, VerifiedDpopProof, VerifyError, VerifyingKey};
use quick_cache::sync::Cache;

/// How many keys are remembered; the least used are forgotten first. About 1 KiB each, 3 KiB of the longest.
const CAPACITY: usize = 8192;

/// Keys by what they are made of. Nothing follows from a key's being here: it only is not made ready again.
pub struct ProofKeys(Cache<Jwk, VerifyingKey>);

impl Default for ProofKeys {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl ProofKeys {
    /// Verifies `proof`, and remembers its key if it is good: who has none cannot push out those of others.
    pub(super) fn verify(
        &self,
        proof: Unverified<DpopProof>,
        rules: &DpopRules<'_>,
        now: UnixTime,
    ) -> Result<VerifiedDpopProof, VerifyError> {
        let mut new = None;
        let verified = proof.verify_with(rules, now, |jwk| match self.0.get(jwk) {
            Some(key) => Ok(key),
            None => {
                let key = VerifyingKey::new(jwk)?;
                new = Some((jwk.clone(), key.clone()));
                Ok(key)
            }
        })?;
        if let Some((jwk, key)) = new {
            self.0.insert(jwk, key);
        }
        Ok(verified)
    }
}
