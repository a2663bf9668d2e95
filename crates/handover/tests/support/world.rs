//! An issuer, a trust domain, agents; and the means to judge and to forge.

#![allow(dead_code, reason = "each test binary uses its part")]

use core::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use biscuit_auth::format::schema;
use procura_handover::{HandOver, HandOverError, HandoverRules, NewHandover, UnverifiedHandover, VerifiedHandover};
use procura_token::{
    AccessToken, Actor, ActorChain, Algorithm, Authentication, Delegation, Issuer, Jwk, JwkConfirmation, JwkSet, KeySet, NewWit,
    Resource, ScopeSet, Signer, SigningKey, UnixTime, Unverified, Verified, VerifyError, Wit, WorkloadId, base64url,
};
use prost::Message as _;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://sts.example";
pub(crate) const TARGET: &str = "https://api.example/calendar";

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

/// A workload and its key.
pub(crate) struct Agent {
    pub(crate) id: WorkloadId,
    pub(crate) key: SigningKey,
}

impl Agent {
    pub(crate) fn new(name: &str, algorithm: Algorithm) -> Self {
        // WIT-SVIDs have no EdDSA; WITs may.
        let scheme = if algorithm == Algorithm::Es256 { "spiffe" } else { "wimse" };
        let id = format!("{scheme}://prod.example/agent/{name}").parse().unwrap();
        Self { id, key: SigningKey::generate(algorithm).unwrap() }
    }

    pub(crate) fn jwk(&self) -> &Jwk {
        self.key.public_key()
    }

    /// The private key as `biscuit-auth` has it.
    pub(crate) fn biscuit_key(&self) -> biscuit_auth::PrivateKey {
        biscuit_key(&self.key)
    }
}

pub(crate) fn biscuit_key(key: &SigningKey) -> biscuit_auth::PrivateKey {
    let jwk: serde_json::Value = serde_json::from_str(&key.to_private_jwk().unwrap()).unwrap();
    let d = base64url::decode(jwk["d"].as_str().unwrap()).unwrap();
    let algorithm =
        if key.algorithm() == Algorithm::Es256 { biscuit_auth::Algorithm::Secp256r1 } else { biscuit_auth::Algorithm::Ed25519 };
    biscuit_auth::PrivateKey::from_bytes(&d, algorithm).unwrap()
}

pub(crate) struct World {
    pub(crate) root: SigningKey,
    pub(crate) domain: SigningKey,
    pub(crate) planner: Agent,
    pub(crate) researcher: Agent,
    pub(crate) archivist: Agent,
    pub(crate) skew: Duration,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            root: SigningKey::generate(Algorithm::Ed25519).unwrap(),
            domain: SigningKey::generate(Algorithm::Es256).unwrap(),
            planner: Agent::new("planner", Algorithm::Es256),
            researcher: Agent::new("researcher", Algorithm::Es256),
            archivist: Agent::new("archivist", Algorithm::Ed25519),
            skew: Duration::ZERO,
        }
    }

    pub(crate) fn token(&self, holder: &Agent) -> AccessToken {
        AccessToken {
            iss: ISSUER.parse().unwrap(),
            sub: "corp:alice".parse().unwrap(),
            aud: TARGET.parse().unwrap(),
            client_id: holder.id.clone(),
            iat: at(NOW),
            exp: at(NOW + 600),
            jti: "token-1".parse().unwrap(),
            scope: scopes("calendar.read calendar.write"),
            act: Some(ActorChain::new(Actor { id: holder.id.clone(), profile: Some("ai_agent".into()) })),
            cnf: holder.jwk().thumbprint().into(),
            delegation: Some(Delegation { id: "delegation-1".parse().unwrap(), until: at(NOW + 1800), parent: None }),
            authentication: Authentication {
                auth_time: Some(at(NOW - 60)),
                acr: Some("phr".into()),
                amr: Some(vec!["hwk".into(), "user".into()]),
            },
            authorization_details: None,
            groups: Some(vec!["staff".into()]),
        }
    }

    /// A Biscuit of the planner.
    pub(crate) fn biscuit(&self) -> String {
        self.issue(&self.token(&self.planner), &self.planner)
    }

    pub(crate) fn issue(&self, token: &AccessToken, holder: &Agent) -> String {
        NewHandover { token, holder: holder.jwk() }.issue(&self.root).unwrap()
    }

    pub(crate) fn wit(&self, agent: &Agent) -> String {
        self.wit_until(agent, at(NOW + 3600))
    }

    pub(crate) fn wit_until(&self, agent: &Agent, exp: UnixTime) -> String {
        let cnf = JwkConfirmation::try_from(agent.jwk().for_algorithm(agent.key.algorithm())).unwrap();
        let iss = format!("{}/sts", agent.id.origin());
        NewWit { iss, sub: &agent.id, iat: at(NOW), exp, jti: "wit-1".parse().unwrap(), cnf: &cnf }.issue(&self.domain).unwrap()
    }

    /// The Biscuit in `from`'s hands, in `to`'s.
    pub(crate) fn hand_over(
        &self,
        text: &str,
        from: &Agent,
        to: &Agent,
        scope: Option<&str>,
        until: Option<u64>,
    ) -> Result<String, HandOverError> {
        let scope = scope.map(scopes);
        let to = HandOver { wit: &self.wit(to), scope: scope.as_ref(), until: until.map(at) };
        UnverifiedHandover::parse(text).unwrap().hand_over(&from.key, &to)
    }

    /// Planner to researcher, read only; researcher to archivist, until five minutes past.
    pub(crate) fn handed_over_twice(&self) -> String {
        let once = self.hand_over(&self.biscuit(), &self.planner, &self.researcher, Some("calendar.read"), None).unwrap();
        self.hand_over(&once, &self.researcher, &self.archivist, None, Some(NOW + 300)).unwrap()
    }

    pub(crate) fn keys(&self) -> KeySet {
        KeySet::new(&JwkSet { keys: vec![self.root.public_key().clone()] }, &[None])
    }

    pub(crate) fn verify_wit(&self, text: &str, now: UnixTime) -> Result<Verified<Wit>, VerifyError> {
        let keys = KeySet::new(&JwkSet { keys: vec![self.domain.public_key().clone()] }, &[None]);
        Unverified::<Wit>::parse(text)?.verify(&keys, self.skew, now)
    }

    /// As a resource server would.
    pub(crate) fn judge(&self, text: &str, now: u64) -> Result<VerifiedHandover, VerifyError> {
        let (issuer, target): (Issuer, Resource) = (ISSUER.parse().unwrap(), TARGET.parse().unwrap());
        let rules = HandoverRules { issuer: &issuer, audience: Some(&target), skew: self.skew };
        let rooted = UnverifiedHandover::parse(text)?.verify_root(&self.keys(), &rules, at(now))?;
        let wits = rooted.wits().map(|wit| self.verify_wit(wit, at(now))).collect::<Result<Vec<_>, _>>()?;
        rooted.verify(&wits.iter().collect::<Vec<_>>())
    }

    /// What `biscuit-auth` believes.
    pub(crate) fn biscuit_auth(&self, text: &str) -> Result<biscuit_auth::Biscuit, biscuit_auth::error::Token> {
        let root = biscuit_auth::KeyPair::from(&biscuit_key(&self.root)).public();
        biscuit_auth::Biscuit::from_base64(text, root)
    }

    /// The Biscuit with a block that `from` signed, of any Datalog at all.
    pub(crate) fn append(&self, text: &str, from: &Agent, datalog: &str) -> String {
        self.append_block(text, from, biscuit_auth::BlockBuilder::new().code(datalog).unwrap())
    }

    /// The same, of a block that was built.
    pub(crate) fn append_block(&self, text: &str, from: &Agent, block: biscuit_auth::BlockBuilder) -> String {
        let biscuit = self.biscuit_auth(text).unwrap();
        let block = biscuit.third_party_request().unwrap().create_block(&from.biscuit_key(), block).unwrap();
        let key = biscuit_auth::KeyPair::from(&from.biscuit_key()).public();
        biscuit.append_third_party(key, block).unwrap().to_base64().unwrap()
    }
}

/// The Biscuit with its parts changed.
pub(crate) fn forge(text: &str, change: impl FnOnce(&mut schema::Biscuit)) -> String {
    let mut biscuit = schema::Biscuit::decode(&*BASE64_URL_SAFE.decode(text).unwrap()).unwrap();
    change(&mut biscuit);
    BASE64_URL_SAFE.encode(biscuit.encode_to_vec())
}
