use crate::cases::NotTried;
use crate::jose::{Draft, Key};
use crate::world::{Exchange, Granted, TYPE, World};
use anyhow::{Context, Result};

pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// An agent, and the key it proves.
pub(super) struct Hand {
    pub(super) id: String,
    pub(super) key: Key,
}

impl Hand {
    /// The agent with a new key.
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), key: Key::generate() }
    }

    /// A good JWT-SVID.
    pub(super) fn svid(&self, world: &World) -> String {
        let mut svid = world.svid();
        svid.claim("sub", self.id.clone());
        svid.sign()
    }

    /// A WIT for its key, from the server.
    pub(super) async fn wit(&self, world: &World) -> Result<String> {
        let mut request = world.wit_request(&self.key);
        let svid = self.svid(world);
        request.set("client_assertion", &svid);
        request.set("subject_token", &svid);
        let body = request.send(world).await?.success().context("no WIT")?;
        Ok(body["access_token"].as_str().context("no `access_token`")?.to_owned())
    }

    /// A WIT for its key that the server did not sign itself, to be spoilt.
    pub(super) fn own_wit(&self, world: &World) -> Result<Draft> {
        let mut wit = world.own_wit(&self.key).ok_or(NotTried("no key for WITs was given"))?;
        wit.claim("sub", self.id.clone());
        Ok(wit)
    }

    /// Asks, with its key, for what `token` still permits.
    pub(super) fn onward(&self, world: &World, token: &Granted) -> Exchange {
        let mut exchange = world.exchange_with(&self.key);
        exchange.set("client_assertion", &self.svid(world));
        exchange.set("subject_token", &token.token);
        exchange.set("subject_token_type", &format!("{TYPE}access_token"));
        exchange
    }
}
