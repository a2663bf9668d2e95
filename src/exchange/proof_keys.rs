//! The keys that DPoP proofs were verified with lately, ready to verify again.

use procura_token::{DpopProof, DpopRules, Jwk, UnixTime, Unverified, VerifiedDpopProof, VerifyError, VerifyingKey};
use quick_cache::sync::Cache;

/// How many keys are remembered; the least used are forgotten first. About 1 KiB each, 8 KiB of the longest RSA key.
const CAPACITY: usize = 8192;

/// Keys by what they are made of and their `alg`. Nothing follows from a key's being here: it only is not made ready again.
pub struct ProofKeys(Cache<Jwk, VerifyingKey>);

impl Default for ProofKeys {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl ProofKeys {
    /// Verifies `proof`, and remembers its key if it is good: one that is not leaves nothing behind.
    pub(super) fn verify(
        &self,
        proof: Unverified<DpopProof>,
        rules: &DpopRules<'_>,
        now: UnixTime,
    ) -> Result<VerifiedDpopProof, VerifyError> {
        let mut new = None;
        let verified = proof.verify_with(rules, now, |jwk| {
            // What else a client says of its key neither matters nor has a limit.
            let mut bare = jwk.clone();
            (bare.key_id, bare.public_key_use) = (None, None);
            if let Some(key) = self.0.get(&bare) {
                return Ok(key);
            }
            new = Some(bare);
            VerifyingKey::new(jwk)
        })?;
        if let Some(jwk) = new {
            self.0.insert(jwk, verified.key().key.clone());
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use procura_token::{Algorithm, Freshness, Htu, NewDpopProof, Signer as _, SigningKey, TokenId, random_bytes};

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

    struct Scene {
        keys: ProofKeys,
        uris: [Htu; 1],
    }

    impl Scene {
        fn new() -> Self {
            Self { keys: ProofKeys::default(), uris: ["https://sts.example/token".parse().unwrap()] }
        }

        fn proof(&self, key: &SigningKey) -> String {
            let jti = TokenId::from_random(random_bytes());
            NewDpopProof { jti, htm: "POST", htu: &self.uris[0], iat: NOW, ath: None, nonce: None }.sign(key).unwrap()
        }

        fn verify(&self, proof: &str) -> Result<VerifiedDpopProof, VerifyError> {
            let (uris, algorithms, freshness) = (&self.uris, &[Algorithm::Es256], Freshness::default());
            let rules = DpopRules { method: "POST", uris, access_token: None, algorithms, freshness };
            self.keys.verify(Unverified::parse(proof).unwrap(), &rules, NOW)
        }
    }

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::Es256).unwrap()
    }

    /// `proof` under the signature of `other`.
    fn forged(proof: &str, other: &str) -> String {
        let ((said, _), (_, signature)) = (proof.rsplit_once('.').unwrap(), other.rsplit_once('.').unwrap());
        format!("{said}.{signature}")
    }

    #[test]
    fn each_proof_is_verified_whether_its_key_is_known_or_not() {
        let (scene, key, other) = (Scene::new(), key(), key());
        for _ in 0..2 {
            let bad = forged(&scene.proof(&key), &scene.proof(&other));
            assert_eq!(scene.verify(&bad).unwrap_err(), VerifyError::Signature);
            for key in [&key, &other] {
                let verified = scene.verify(&scene.proof(key)).unwrap();
                assert_eq!(verified.thumbprint(), key.public_key().thumbprint());
            }
        }
    }

    #[test]
    fn only_good_proofs_leave_their_key_and_each_key_once() {
        let (scene, key, other) = (Scene::new(), key(), key());
        assert!(scene.verify(&forged(&scene.proof(&key), &scene.proof(&other))).is_err());
        assert_eq!(scene.keys.0.len(), 0);
        for _ in 0..3 {
            scene.verify(&scene.proof(&key)).unwrap();
        }
        assert_eq!(scene.keys.0.len(), 1);
    }
}
