use super::{Answer, Wire, World};
use crate::jose::{Draft, Key};
use anyhow::Result;

/// The RFC 8693 grant type.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The client assertion type of a JWT-SVID.
const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
/// How a token type URN begins.
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// Which nonce goes into the proof.
#[derive(Clone)]
pub(crate) enum Nonce {
    /// The newest one; a challenge is answered once.
    Fresh,
    /// None, and no second try.
    Absent,
    /// This one, and no second try.
    Fixed(String),
}

/// How the proof is put into the request.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Present {
    Once,
    Never,
    TwoHeaders,
    OneHeaderJoined,
}

/// A token request that is right until a case changes it.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) proof: Draft,
    pub(crate) nonce: Nonce,
    pub(crate) present: Present,
    pub(crate) url: String,
}

impl World {
    /// The agent asks for a token on behalf of the user, with a new key.
    pub(crate) fn exchange(&self) -> Exchange {
        self.exchange_with(&Key::generate())
    }

    /// The same, with this proof key.
    pub(crate) fn exchange_with(&self, key: &Key) -> Exchange {
        let mut exchange = self.blank(key);
        exchange.set("subject_token", &self.id_token().sign());
        exchange.set("subject_token_type", &format!("{TYPE}id_token"));
        exchange.set("resource", &self.options.resource);
        exchange.set("scope", &self.options.scope);
        exchange
    }

    /// The agent asks for a WIT for itself.
    pub(crate) fn wit_request(&self, key: &Key) -> Exchange {
        let mut exchange = self.blank(key);
        let svid = self.svid().sign();
        exchange.set("client_assertion", &svid);
        exchange.set("subject_token", &svid);
        exchange.set("subject_token_type", &format!("{TYPE}jwt"));
        exchange.set("requested_token_type", "urn:procura:token-type:wit");
        exchange
    }

    /// The workload `id` asks for a token of its own.
    pub(crate) fn own_request(&self, key: &Key, id: &str) -> Exchange {
        let mut exchange = self.blank(key);
        exchange.set("grant_type", "client_credentials");
        let mut svid = self.svid();
        svid.claim("sub", id);
        exchange.set("client_assertion", &svid.sign());
        exchange
    }

    fn blank(&self, key: &Key) -> Exchange {
        let mut exchange = Exchange {
            params: Vec::new(),
            headers: Vec::new(),
            proof: self.proof(key),
            nonce: Nonce::Fresh,
            present: Present::Once,
            url: self.token_endpoint.clone(),
        };
        exchange.set("grant_type", GRANT);
        exchange.set("client_assertion_type", JWT_SPIFFE);
        exchange.set("client_assertion", &self.svid().sign());
        exchange
    }
}

impl Exchange {
    /// Sets a parameter, once.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds a parameter, even a second time.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.params.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a parameter away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.params.retain(|(known, _)| known != name);
    }

    /// Adds a request header.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The form as it goes over the wire.
    pub(crate) fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.params).finish()
    }

    /// The proof with the nonce in it.
    pub(crate) fn signed_proof(&self, world: &World) -> String {
        let mut proof = self.proof.clone();
        let nonce = match &self.nonce {
            Nonce::Fresh => world.nonce(),
            Nonce::Absent => None,
            Nonce::Fixed(nonce) => Some(nonce.clone()),
        };
        if let Some(nonce) = nonce {
            proof.claim("nonce", nonce);
        }
        proof.sign()
    }

    /// Sends the request; a nonce challenge is answered once, with the same `jti`, which no server may have burnt.
    pub(crate) async fn send(&self, world: &World) -> Result<Answer> {
        let answer = self.send_once(world, &self.signed_proof(world)).await?;
        if matches!(self.nonce, Nonce::Fresh) && answer.error().as_deref() == Some("use_dpop_nonce") {
            return self.send_once(world, &self.signed_proof(world)).await;
        }
        Ok(answer)
    }

    /// Sends the request with exactly this proof.
    pub(crate) async fn send_once(&self, world: &World, proof: &str) -> Result<Answer> {
        self.wire(proof).send(world).await
    }

    /// The request as it goes over the wire, with exactly this proof.
    pub(crate) fn wire(&self, proof: &str) -> Wire {
        let content_type = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        let mut wire = Wire { url: self.url.clone(), fields: vec![content_type], body: self.form() };
        match self.present {
            Present::Once => wire.add("dpop", proof),
            Present::Never => {}
            Present::TwoHeaders => {
                wire.add("dpop", proof);
                wire.add("dpop", proof);
            }
            Present::OneHeaderJoined => wire.add("dpop", &format!("{proof}, {proof}")),
        }
        wire.fields.extend_from_slice(&self.headers);
        wire
    }
}
