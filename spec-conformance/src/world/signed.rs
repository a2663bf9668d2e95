use super::{Answer, Exchange, Wire, Workload, World};
use crate::clock::now;
use crate::signature::{Signing, content_digest};
use anyhow::Result;

/// A token request whose caller shows a WIT and signs the message; right until a case changes it.
#[derive(Clone)]
pub(crate) struct SignedCall {
    pub(crate) exchange: Exchange,
    pub(crate) wit: String,
    /// By which algorithm the body is hashed; none, no `Content-Digest`.
    pub(crate) digest: Option<&'static str>,
    pub(crate) signing: Signing,
    /// Changes the request before it is signed.
    pub(crate) prepare: fn(&mut Wire),
    /// Changes the signed request.
    pub(crate) finish: fn(&mut Wire),
}

impl World {
    /// The agent asks for a token on behalf of the user and signs the request with the key of its WIT.
    pub(crate) fn signed_call(&self, workload: &Workload) -> SignedCall {
        SignedCall {
            exchange: self.exchange_of(workload),
            wit: workload.wit.clone(),
            digest: Some("sha-256"),
            signing: Signing::new(&workload.key, &self.token_endpoint, now()),
            prepare: |_| (),
            finish: |_| (),
        }
    }
}

impl SignedCall {
    /// The request as it goes over the wire.
    pub(crate) fn wire(&self, world: &World) -> Wire {
        let mut wire = self.exchange.wire(&self.exchange.signed_proof(world));
        wire.add("workload-identity-token", &self.wit);
        if let Some(algorithm) = self.digest {
            wire.add("content-digest", &content_digest(algorithm, wire.body.as_bytes()));
        }
        (self.prepare)(&mut wire);
        self.signing.sign(&mut wire);
        (self.finish)(&mut wire);
        wire
    }

    /// Sends the request; a nonce challenge is answered once, with the same signature nonce, which no server may have burnt.
    pub(crate) async fn send(&self, world: &World) -> Result<Answer> {
        let answer = self.wire(world).send(world).await?;
        if answer.error().as_deref() == Some("use_dpop_nonce") {
            return self.wire(world).send(world).await;
        }
        Ok(answer)
    }
}
