//! WITs with an HTTP message signature (RFC 9421, draft-ietf-wimse-http-signature).

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, Version};
use procura_token::{
    MAX_PROOF_AHEAD, RequestHead, RequestSignatureRules, UnixTime, UnverifiedRequestSignature, Verified, VerifiedHead,
    VerifiedSignature, Wit, sha256,
};

use crate::caller::Proved;
use crate::credentials::BoundToken;
use crate::dpop::ProvedToken;
use crate::guard::Claim;
use crate::response::Reply;
use crate::{Caller, Cause, Guard, Identity};

/// A signed request of which everything was verified but the body; nothing is claimed yet.
pub(crate) struct SignedHead<'a> {
    request: &'a Parts,
    target: &'a str,
    wit: Arc<Verified<Wit>>,
    head: VerifiedHead<'a>,
    token: Option<ProvedToken>,
}

impl Guard {
    /// The WIT, then the signature, then the token and the proof that it covers.
    ///
    /// The body comes later: nobody makes this server read one who cannot sign.
    pub(crate) async fn verify_signed_head<'a>(
        &self,
        wit_text: &str,
        bound: Option<&BoundToken<'_>>,
        request: &'a Parts,
        target: &'a str,
        now: UnixTime,
    ) -> Result<SignedHead<'a>, Cause> {
        let wit = self.verify_wit(wit_text, now).await?;
        let head = RequestHead { method: request.method.as_str(), target, headers: &request.headers };
        let signature = UnverifiedRequestSignature::parse(&head).map_err(|error| Cause::Signature(error.into()))?;
        let rules = RequestSignatureRules {
            wit: wit_text,
            confirmation: wit.confirmation(),
            audiences: &self.0.urls_of(request.uri.path()),
            algorithms: &self.0.proof_algorithms,
        };
        let head = signature.ok_or(Cause::NoWorkloadProof)?.verify(&rules, now).map_err(Cause::Signature)?;
        let token = match bound {
            Some(bound) => Some(self.verify_dpop(bound, request, now).await?),
            None => None,
        };
        Ok(SignedHead { request, target, wit, head, token })
    }

    /// The body, that its response can be signed if it must be, and the claims last.
    pub(crate) async fn verify_signed_body(
        &self,
        signed: SignedHead<'_>,
        body: &[u8],
        now: UnixTime,
    ) -> Result<(Caller, Option<Reply>), Cause> {
        let SignedHead { request, target, wit, head, token } = signed;
        let signature = head.with_body(body).map_err(Cause::Signature)?;
        let (token, proof) = token.map(|proved| (proved.token, proved.proof)).unzip();
        let caller = Caller::of_wit(&wit, Proved::Signature(signature.thumbprint()), token)?;
        let reply = self.identity(&signature, now)?.map(|identity| Reply {
            identity,
            request_nonce: signature.nonce().clone(),
            method: request.method.clone(),
            target: target.to_owned(),
        });
        self.claim_signature(&signature, now).await?;
        if let Some(proof) = proof {
            self.claim_dpop(&proof, now).await?;
        }
        Ok((caller, reply))
    }

    /// Who signs the response, if it must be signed (WIMSE HTTP signature section 3.4).
    fn identity(&self, signature: &VerifiedSignature, now: UnixTime) -> Result<Option<Arc<Identity>>, Cause> {
        let signing = self.0.responses.as_ref();
        if !signature.wants_signed_response() && !signing.is_some_and(|signing| signing.is_for_every_response) {
            return Ok(None);
        }
        signing.and_then(|signing| signing.identity(now)).ok_or(Cause::Unsigned).map(Some)
    }

    async fn claim_signature(&self, signature: &VerifiedSignature, now: UnixTime) -> Result<(), Cause> {
        let claim = Claim {
            // One store remembers proofs of every kind: this one shall not meet a DPoP proof of the same key and name.
            key: sha256(&[b"signature\0".as_slice(), &signature.replay_key()].concat()),
            // A clock that lags as far as it may would have let it in so much earlier.
            since: Some(signature.made_since() - MAX_PROOF_AHEAD),
            until: signature.replay_until(self.0.skew),
        };
        self.claim(claim, Cause::SignatureReplayed, now).await
    }
}

/// The request target as it stood on the wire (RFC 9421 section 2.2.5, RFC 9112 section 3.2).
///
/// HTTP/2 has it in parts, of which the path counts; HTTP/1.1 may have it with scheme and host.
pub(crate) fn target_of(request: &Parts) -> Cow<'_, str> {
    let is_whole = request.version < Version::HTTP_2 && request.uri.authority().is_some() && request.method != Method::CONNECT;
    match request.uri.path_and_query() {
        Some(target) if !is_whole => target.as_str().into(),
        _ => request.uri.to_string().into(),
    }
}
