//! An issuer, an agent, and the requests they make possible.

use std::time::Duration;

use http::Request;
use http::request::Parts;
use procura_guard::{Actor, ActorChain, Algorithm, Caller, Delegation, Guard, GuardBuilder, JwkSet, Keys, Refusal, UnixTime};
use procura_token::{AccessToken, Authentication, NewDpopProof, Signer, SigningKey, TokenId, access_token_hash, random_bytes};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);
pub(crate) const ISSUER: &str = "https://sts.example";
pub(crate) const AUDIENCE: &str = "https://api.example/calendar";
pub(crate) const URL: &str = "https://api.example/calendar";

pub(crate) struct World {
    pub(crate) issuer_key: SigningKey,
    pub(crate) agent_key: SigningKey,
}

pub(crate) fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self { issuer_key: new_key(), agent_key: new_key() }
    }

    pub(crate) fn key_set(&self) -> JwkSet {
        JwkSet { keys: vec![self.issuer_key.public_key().clone()] }
    }

    pub(crate) fn builder(&self) -> GuardBuilder {
        Guard::builder(ISSUER.parse().unwrap(), AUDIENCE.parse().unwrap())
            .public_url("https://api.example")
            .keys(Keys::fixed(&self.key_set()))
            .clock(|| NOW)
    }

    pub(crate) fn guard(&self) -> Guard {
        self.builder().build().unwrap()
    }

    pub(crate) fn claims(&self) -> AccessToken {
        let planner = "spiffe://dev.procura.test/agent/planner";
        AccessToken {
            iss: ISSUER.parse().unwrap(),
            sub: "dev:alice".parse().unwrap(),
            aud: AUDIENCE.parse().unwrap(),
            client_id: planner.parse().unwrap(),
            iat: NOW,
            exp: NOW + Duration::from_secs(600),
            jti: "token-1".parse().unwrap(),
            scope: "calendar.read".parse().unwrap(),
            act: Some(ActorChain::new(Actor { id: planner.parse().unwrap(), profile: None })),
            cnf: self.agent_key.public_key().thumbprint().into(),
            delegation: Some(Delegation {
                id: "delegation-1".parse().unwrap(),
                until: NOW + Duration::from_secs(1800),
                parent: None,
            }),
            authentication: Authentication::default(),
        }
    }

    pub(crate) fn token(&self) -> String {
        self.claims().issue(&self.issuer_key).unwrap()
    }

    /// A good request.
    pub(crate) fn request(&self) -> Parts {
        let token = self.token();
        self.request_with(&token, &Proof::for_token(&token).sign(&self.agent_key))
    }

    pub(crate) fn request_with(&self, token: &str, proof: &str) -> Parts {
        let request = Request::get(URL).header("authorization", format!("DPoP {token}")).header("dpop", proof);
        request.body(()).unwrap().into_parts().0
    }
}

/// A proof to be made, good unless changed.
pub(crate) struct Proof {
    pub(crate) method: &'static str,
    pub(crate) url: &'static str,
    pub(crate) iat: UnixTime,
    pub(crate) ath: Option<String>,
    pub(crate) nonce: Option<String>,
}

impl Proof {
    pub(crate) fn for_token(token: &str) -> Self {
        Self { method: "GET", url: URL, iat: NOW, ath: Some(access_token_hash(token)), nonce: None }
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        let proof = NewDpopProof {
            jti: TokenId::from_random(random_bytes()),
            htm: self.method,
            htu: &self.url.parse().unwrap(),
            iat: self.iat,
            ath: self.ath.clone(),
            nonce: self.nonce.as_deref(),
        };
        proof.sign(key).unwrap()
    }
}

/// The status, the `error` of the challenge and the cause of a refusal.
pub(crate) fn told(result: Result<Caller, Refusal>) -> (u16, Option<&'static str>, String) {
    let refusal = result.unwrap_err();
    (refusal.status().as_u16(), refusal.error(), refusal.cause().to_string())
}
