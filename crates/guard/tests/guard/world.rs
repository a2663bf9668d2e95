//! An issuer, an agent, and the requests they make possible.

use std::time::Duration;

use http::Request;
use http::request::{Builder, Parts};
use procura_guard::{
    Actor, ActorChain, Algorithm, Bundle, Caller, Delegation, Guard, GuardBuilder, HeaderName, JwkSet, Keys, Refusal, UnixTime,
};
use procura_token::{
    AccessToken, Authentication, Htu, JwkConfirmation, NewDpopProof, NewRequestSignature, NewWit, NewWpt, RequestHead, Signer,
    SigningKey, TokenId, access_token_hash, base64url, random_bytes,
};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);
pub(crate) const ISSUER: &str = "https://sts.example";
pub(crate) const AUDIENCE: &str = "https://api.example/calendar";
pub(crate) const URL: &str = "https://api.example/calendar";
pub(crate) const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
pub(crate) const DELEGATION: &str = "delegation-token";

pub(crate) struct World {
    pub(crate) issuer_key: SigningKey,
    pub(crate) agent_key: SigningKey,
    /// Signs the WITs of dev.procura.test.
    pub(crate) domain_key: SigningKey,
}

pub(crate) fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self { issuer_key: new_key(), agent_key: new_key(), domain_key: new_key() }
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

    pub(crate) fn bundle(&self) -> Bundle {
        Bundle::fixed(&JwkSet { keys: vec![self.domain_key.public_key().for_use("wit-svid")] })
    }

    /// Takes WITs in either way, and a delegation token beside a WPT.
    pub(crate) fn workloads(&self) -> GuardBuilder {
        let name = "dev.procura.test".parse().unwrap();
        let builder = self.builder().trust_domain(&name, self.bundle()).workload_proof_tokens().message_signatures();
        builder.delegation_header(HeaderName::from_static(DELEGATION))
    }

    /// The planner's WIT.
    pub(crate) fn wit(&self) -> String {
        self.wit_of(PLANNER, &self.agent_key)
    }

    pub(crate) fn wit_of(&self, id: &str, key: &SigningKey) -> String {
        self.wit_until(id, key, NOW + Duration::from_secs(3600))
    }

    pub(crate) fn wit_until(&self, id: &str, key: &SigningKey, exp: UnixTime) -> String {
        let cnf = JwkConfirmation::try_from(key.public_key().for_algorithm(key.algorithm())).unwrap();
        let iss = "spiffe://dev.procura.test/token-service".to_owned();
        let wit = NewWit { iss, sub: &id.parse().unwrap(), iat: NOW, exp, jti: TokenId::from_random(random_bytes()), cnf: &cnf };
        wit.issue(&self.domain_key).unwrap()
    }

    pub(crate) fn claims(&self) -> AccessToken {
        let planner = PLANNER;
        AccessToken {
            iss: ISSUER.parse().unwrap(),
            sub: "dev:alice".parse().unwrap(),
            aud: AUDIENCE.parse().unwrap(),
            client_id: planner.parse().unwrap(),
            iat: NOW,
            exp: NOW + Duration::from_secs(600),
            jti: "token-1".parse().unwrap(),
            scope: "calendar.read".parse().unwrap(),
            authorization_details: None,
            act: Some(ActorChain::new(Actor { id: planner.parse().unwrap(), profile: None })),
            cnf: self.agent_key.public_key().thumbprint().into(),
            delegation: Some(Delegation {
                id: "delegation-1".parse().unwrap(),
                until: NOW + Duration::from_secs(1800),
                parent: None,
            }),
            authentication: Authentication::default(),
            groups: Some(Vec::new()),
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

/// A WPT to be made, good unless changed.
pub(crate) struct Wpt<'a> {
    pub(crate) wit: &'a str,
    pub(crate) url: &'a str,
    pub(crate) iat: UnixTime,
    pub(crate) exp: UnixTime,
    pub(crate) jti: TokenId,
    pub(crate) transaction_token: Option<&'a str>,
    pub(crate) others: &'a [(&'a str, &'a str)],
}

impl<'a> Wpt<'a> {
    pub(crate) fn of(wit: &'a str) -> Self {
        let jti = TokenId::from_random(random_bytes());
        Self { wit, url: URL, iat: NOW, exp: NOW + Duration::from_secs(60), jti, transaction_token: None, others: &[] }
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        let wpt = NewWpt {
            audience: &self.url.parse().unwrap(),
            iat: self.iat,
            exp: self.exp,
            jti: self.jti.clone(),
            wit: self.wit,
            transaction_token: self.transaction_token,
            other_tokens: self.others,
            access_token: None,
        };
        wpt.sign(key).unwrap()
    }
}

/// A request with a WIT and a WPT, to which more can be added.
pub(crate) fn wpt_request(wit: &str, wpt: &str) -> Builder {
    Request::get(URL).header("workload-identity-token", wit).header("authorization", format!("WPT {wpt}"))
}

pub(crate) fn parts(builder: Builder) -> Parts {
    builder.body(()).unwrap().into_parts().0
}

/// A message signature to be made, good unless changed.
pub(crate) struct Signature<'a> {
    pub(crate) url: &'a str,
    pub(crate) target: &'a str,
    pub(crate) created: UnixTime,
    pub(crate) expires: UnixTime,
    pub(crate) nonce: TokenId,
    pub(crate) sign_response: bool,
}

impl Signature<'_> {
    pub(crate) fn new() -> Self {
        let nonce = TokenId::from_random(random_bytes());
        let expires = NOW + Duration::from_secs(60);
        Self { url: URL, target: "/calendar", created: NOW, expires, nonce, sign_response: false }
    }

    /// Signs `request`, which has everything but the signature and, if it has a body, `Content-Digest`.
    pub(crate) fn sign(&self, mut request: Parts, body: &[u8], key: &SigningKey) -> Parts {
        let audience: Htu = self.url.parse().unwrap();
        let signature = NewRequestSignature {
            audience: &audience,
            created: self.created,
            expires: self.expires,
            nonce: &self.nonce,
            sign_response: self.sign_response,
        };
        let head = RequestHead { method: request.method.as_str(), target: self.target, headers: &request.headers };
        let fields = signature.sign(key, &head, body).unwrap();
        fields.insert_into(&mut request.headers);
        request
    }
}

/// A JWS of any header and claims.
pub(crate) fn jws(header: &serde_json::Value, claims: &serde_json::Value, key: &SigningKey) -> String {
    let input = format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

/// The challenges of a response, in their order.
pub(crate) fn challenges<B>(response: &http::Response<B>) -> Vec<String> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The status, the name of the error and the cause of a refusal.
pub(crate) fn told(result: Result<Caller, Refusal>) -> (u16, &'static str, String) {
    let refusal = result.unwrap_err();
    (refusal.status().as_u16(), refusal.error(), refusal.cause().to_string())
}
