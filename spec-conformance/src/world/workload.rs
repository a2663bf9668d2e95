use super::{Exchange, Present, Wire, World};
use crate::clock::now;
use crate::jose::{Draft, Key, decode, token_hash, unique};
use anyhow::{Context, Result};
use serde_json::json;
use std::sync::Arc;

/// A workload that has a WIT, and the key in it.
pub(crate) struct Workload {
    pub(crate) key: Key,
    pub(crate) wit: String,
    ends: i64,
}

/// A token request whose caller shows a WIT and a WPT; right until a case changes it.
#[derive(Clone)]
pub(crate) struct WptCall {
    pub(crate) exchange: Exchange,
    pub(crate) wit: String,
    pub(crate) wpt: Draft,
    /// Changes the finished request.
    pub(crate) finish: fn(&mut Wire),
}

impl World {
    /// The agent with a WIT of its own; the same until the WIT is about to end.
    pub(crate) async fn workload(&self) -> Result<Arc<Workload>> {
        let mut kept = self.workload.lock().await;
        if let Some(workload) = kept.as_ref().filter(|workload| workload.ends > now() + 60) {
            return Ok(workload.clone());
        }
        let workload = Arc::new(self.workload_of(Key::generate()).await?);
        *kept = Some(workload.clone());
        Ok(workload)
    }

    /// The agent with a new WIT for this key.
    pub(crate) async fn workload_of(&self, key: Key) -> Result<Workload> {
        let body = self.wit_request(&key).send(self).await?.success().context("no WIT")?;
        let wit = body["access_token"].as_str().context("no `access_token`")?.to_owned();
        let ends = decode(&wit)?.claims["exp"].as_i64().context("a WIT without `exp`")?;
        Ok(Workload { key, wit, ends })
    }

    /// A good WPT for the token endpoint.
    pub(crate) fn wpt(&self, workload: &Workload) -> Draft {
        let header = json!({"typ": "wpt+jwt", "alg": workload.key.algorithm()});
        let claims = json!({
            "aud": self.token_endpoint, "iat": now(), "exp": now() + 120, "jti": unique(), "wth": token_hash(&workload.wit),
        });
        Draft::new(header, claims, workload.key.clone())
    }

    /// The agent asks for a token on behalf of the user and proves itself with a WPT; the token is bound to the WIT's key.
    pub(crate) fn wpt_call(&self, workload: &Workload) -> WptCall {
        let wit = workload.wit.clone();
        WptCall { exchange: self.exchange_of(workload), wit, wpt: self.wpt(workload), finish: |_| () }
    }

    /// The same request without client assertion and, until a case asks for one, without DPoP proof.
    pub(crate) fn exchange_of(&self, workload: &Workload) -> Exchange {
        let mut exchange = self.exchange_with(&workload.key);
        exchange.remove("client_assertion");
        exchange.remove("client_assertion_type");
        exchange.present = Present::Never;
        exchange
    }

    /// A WIT as the server would sign it, to be spoilt: where the key for it was given.
    pub(crate) fn own_wit(&self, key: &Key) -> Option<Draft> {
        let options = &self.options;
        let signer = options.wit_key.clone()?;
        let mut jwk = key.public();
        jwk["alg"] = key.algorithm().into();
        let header = json!({"typ": "wit+jwt", "alg": "ES256", "kid": signer.kid});
        let claims = json!({
            "iss": format!("spiffe://{}/token-service", options.trust_domain), "sub": options.agent, "iat": now(),
            "exp": now() + 300, "jti": unique(), "cnf": {"jwk": jwk},
        });
        Some(Draft::new(header, claims, signer))
    }
}

impl Workload {
    /// A workload whose WIT a case made itself.
    pub(crate) const fn with_wit(key: Key, wit: String) -> Self {
        Self { key, wit, ends: i64::MAX }
    }
}

impl WptCall {
    /// The request as it goes over the wire.
    pub(crate) fn wire(&self, world: &World) -> Wire {
        let mut wire = self.exchange.wire(&self.exchange.signed_proof(world));
        wire.add("workload-identity-token", &self.wit);
        wire.add("authorization", &format!("WPT {}", self.wpt.sign()));
        (self.finish)(&mut wire);
        wire
    }

    /// Sends the request; a nonce challenge is answered once, with the same WPT, which no server may have burnt.
    pub(crate) async fn send(&self, world: &World) -> Result<super::Answer> {
        let answer = self.wire(world).send(world).await?;
        if answer.error().as_deref() == Some("use_dpop_nonce") {
            return self.wire(world).send(world).await;
        }
        Ok(answer)
    }
}
