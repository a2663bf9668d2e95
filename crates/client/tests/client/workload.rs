//! A trust domain that issues WITs, and workloads that have one.

use std::time::Duration;

use procura_client::{AgentKey, Client, Credential, Secret, SvidError, WitProof};
use procura_token::{
    Algorithm, Jwk, JwkConfirmation, JwkSet, KeySet, NewWit, Signer as _, SigningKey, TokenId, UnixTime, Unverified, Verified,
    Wit, WorkloadId, random_bytes,
};

use crate::server::{Seen, Server};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

pub(crate) struct Authority(SigningKey);

impl Authority {
    pub(crate) fn new() -> Self {
        Self(SigningKey::generate(Algorithm::Es256).unwrap())
    }

    pub(crate) fn bundle(&self) -> JwkSet {
        JwkSet { keys: vec![self.0.public_key().for_use("wit-svid")] }
    }

    pub(crate) fn wit(&self, id: &str, key: &Jwk, exp: UnixTime) -> String {
        let id: WorkloadId = id.parse().unwrap();
        let algorithm = key.algorithm.unwrap();
        let cnf = JwkConfirmation::try_from(key.for_algorithm(algorithm)).unwrap();
        let iss = format!("{}/token-service", id.origin());
        let jti = TokenId::from_random(random_bytes());
        NewWit { iss, sub: &id, iat: NOW, exp, jti, cnf: &cnf }.issue(&self.0).unwrap()
    }

    /// The WIT of a request, verified.
    pub(crate) fn verify(&self, seen: &Seen) -> Verified<Wit> {
        let keys = KeySet::new(&self.bundle(), &[Some("wit-svid")]);
        Unverified::<Wit>::parse(seen.sole("workload-identity-token")).unwrap().verify(&keys, Duration::ZERO, NOW).unwrap()
    }
}

/// A key that can be read twice: once for the agent, once to look at.
pub(crate) fn key() -> (AgentKey, Jwk) {
    key_for(Algorithm::Es256)
}

pub(crate) fn key_for(algorithm: Algorithm) -> (AgentKey, Jwk) {
    let key = SigningKey::generate(algorithm).unwrap();
    let public = key.public_key().clone();
    (AgentKey::new(key), public)
}

pub(crate) fn fixed(text: String) -> impl Fn() -> std::future::Ready<Result<Secret, SvidError>> + Send + Sync + 'static {
    move || std::future::ready(Ok(Secret::new(&text)))
}

/// The planner with a WIT of `authority`, at the issuer `server`.
pub(crate) async fn planner(server: &Server, authority: &Authority, proof: WitProof) -> Client {
    let (key, public) = key();
    let wit = authority.wit("spiffe://prod.example/agent/planner", &public, NOW + Duration::from_secs(3600));
    let credential = Credential::wit(fixed(wit), proof);
    Client::builder(server.url.parse().unwrap(), key, credential).clock(|| NOW).discover().await.unwrap()
}
