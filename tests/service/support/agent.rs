//! An agent: its SVID, its key, and the requests it makes.

use procura_token::{Algorithm, NewDpopProof, Signer as _, SigningKey, Thumbprint, TokenId, UnixTime, random_bytes};

use super::{ACCESS_TOKEN, CALENDAR, Form, ID_TOKEN, ISSUER, JWT, WIT, World, now};

pub(crate) struct Agent {
    pub(crate) key: SigningKey,
    pub(crate) svid: String,
}

impl Agent {
    pub(crate) fn new(world: &World, path: &str) -> Self {
        Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), svid: world.svid(path, 3600) }
    }

    /// A new proof for the token endpoint.
    pub(crate) fn proof(&self, nonce: Option<&str>) -> String {
        self.proof_at(ISSUER, nonce)
    }

    /// A new proof for the token endpoint below `base`.
    pub(crate) fn proof_at(&self, base: &str, nonce: Option<&str>) -> String {
        let proof = NewDpopProof {
            jti: TokenId::from_random(random_bytes()),
            htm: "POST",
            htu: &format!("{base}/token").parse().unwrap(),
            iat: UnixTime::from_secs(now()),
            ath: None,
            nonce,
        };
        proof.sign(&self.key).unwrap()
    }

    pub(crate) fn key_thumbprint(&self) -> Thumbprint {
        self.key.public_key().thumbprint()
    }

    /// Asks to act for the user of `user_token` at the calendar, with every scope there is.
    pub(crate) fn delegation(&self, user_token: &str) -> Form {
        self.authenticated().add("subject_token", user_token).add("subject_token_type", ID_TOKEN).add("resource", CALENDAR)
    }

    /// The same for the user of an access token.
    pub(crate) fn delegation_by_access_token(&self, access_token: &str) -> Form {
        self.delegation(access_token).set("subject_token_type", ACCESS_TOKEN)
    }

    /// Asks for what `token`, one of ours, still permits at the calendar.
    pub(crate) fn onward(&self, token: &str) -> Form {
        self.delegation_by_access_token(token)
    }

    /// Asks for a token of its own at `target`.
    pub(crate) fn as_self(&self, target: &str) -> Form {
        self.authenticated().set("grant_type", "client_credentials").add("resource", target)
    }

    /// The same for the workload of `wit`: the token shall be that one's.
    pub(crate) fn push(&self, token: &str, wit: &str) -> Form {
        self.onward(token).add("actor_token", wit).add("actor_token_type", JWT)
    }

    /// The same, with nothing in it that says who asks.
    pub(crate) fn unauthenticated(&self, user_token: &str) -> Form {
        self.delegation(user_token).without("client_assertion").without("client_assertion_type")
    }

    /// Asks for a WIT by the JWT-SVID or WIT in `subject_token`.
    pub(crate) fn wit(&self, subject_token: &str) -> Form {
        let form = self.authenticated().add("subject_token", subject_token).add("subject_token_type", JWT);
        form.add("requested_token_type", WIT)
    }

    fn authenticated(&self) -> Form {
        Form::default()
            .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe")
            .add("client_assertion", &self.svid)
    }
}
