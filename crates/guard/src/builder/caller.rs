//! Which callers are taken besides those with `Authorization: DPoP`.

use std::sync::Arc;

use http::HeaderName;
use procura_token::TrustDomain;

use super::{BuildError, GuardBuilder};
use crate::credentials::Accepted;
use crate::response::ResponseSigning;
use crate::{Bundle, Identity, Keys};

/// The most header fields with tokens: a WPT covers no more.
const MAX_TOKEN_FIELDS: usize = 16;

impl GuardBuilder {
    /// Takes `Authorization: Bearer` too, with tokens that are bound to a client certificate (`cnf.x5t#S256`, RFC 8705 section
    /// 3), over the connection that proved this certificate: see [`PeerCertificate`](crate::PeerCertificate).
    ///
    /// A token that is bound to a key stays refused under `Bearer`, and one that is bound to a certificate under `DPoP`.
    #[must_use]
    pub const fn certificate_bound_tokens(mut self) -> Self {
        self.accepted.certificates = true;
        self
    }

    /// Believes WITs that name workloads `spiffe://<name>/…`, if a key of `bundle` signed them. Keys of one trust domain never
    /// count for another.
    ///
    /// How they are to be proved is for [`workload_proof_tokens`](Self::workload_proof_tokens) and
    /// [`message_signatures`](Self::message_signatures) to say.
    #[must_use]
    pub fn trust_domain(mut self, name: &TrustDomain, bundle: Bundle) -> Self {
        self.domains.push((format!("spiffe://{name}").into(), bundle.0));
        self
    }

    /// Believes WITs that name workloads `wimse://<name>/…`, if one of `keys` signed them.
    #[must_use]
    pub fn wimse_trust_domain(mut self, name: &TrustDomain, keys: Keys) -> Self {
        self.domains.push((format!("wimse://{name}").into(), keys));
        self
    }

    /// Takes delegations that were handed over as Biscuits wherever it takes access tokens, if one of `keys` signed them. The
    /// proof is by the key of the last holder; the WIT of every holder must be of a configured trust domain.
    ///
    /// `keys` are what the issuer's metadata name in `procura_handover_jwks_uri`, never those of its access tokens.
    ///
    /// Nobody sees here whether the delegation was revoked, or an agent disabled: what was handed over goes on until it
    /// ends. A server that cannot accept this asks for tokens that were exchanged.
    #[cfg(feature = "handover")]
    #[must_use]
    pub fn handovers(mut self, keys: Keys) -> Self {
        self.handovers = Some(keys);
        self
    }

    /// Takes a WIT in `Workload-Identity-Token`, proved by `Authorization: WPT` (draft-ietf-wimse-wpt-02).
    ///
    /// A `Txn-Token` must then be covered by the WPT's `tth`. It is not verified here, and says nothing about the caller.
    #[must_use]
    pub const fn workload_proof_tokens(mut self) -> Self {
        self.accepted.wpt = true;
        self
    }

    /// Takes the WPT from `Workload-Proof-Token`, as wpt-00 and -01 had it, beside no `Authorization` at all. For clients that
    /// cannot be changed yet; errors of theirs are 400.
    #[must_use]
    pub const fn legacy_workload_proof_header(mut self) -> Self {
        self.accepted.legacy_wpt = true;
        self
    }

    /// The header field in which a delegation token comes beside a WPT, since `Authorization` is taken. The WPT's `oth` must
    /// cover it, and the token must be bound to the WIT's key and be the WIT's workload's. Beside anything but a WPT the field
    /// is refused.
    #[must_use]
    pub fn delegation_header(mut self, name: HeaderName) -> Self {
        self.accepted.delegation = Some(name);
        self
    }

    /// A header field with some other token about users or authorization, which the guard does not read: beside a WPT it is
    /// refused unless `oth` covers it. May be given several times; fields that are not named here must not be in `oth`.
    #[must_use]
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.accepted.others.push(name);
        self
    }

    /// Takes a WIT in `Workload-Identity-Token`, proved by an HTTP message signature (draft-ietf-wimse-http-signature); beside
    /// it `Authorization: DPoP` with its proof, which the signature then covers, or no token.
    #[must_use]
    pub const fn message_signatures(mut self) -> Self {
        self.accepted.signatures = true;
        self
    }

    /// The most bytes of a body that is read to be verified, or to be signed. Default 1 MiB. Signed requests with a longer one
    /// are refused with 413. Bodies of other requests are not read.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Signs the response to a signed request that asks for it, with what `identity` gives then. Without this, and whenever
    /// there is no identity that is still good, such a request is refused with 501.
    ///
    /// `identity` is asked at every such request and must not block: some task of yours keeps it fresh.
    #[must_use]
    pub fn sign_responses(mut self, identity: impl Fn() -> Option<Arc<Identity>> + Send + Sync + 'static) -> Self {
        self.responses = Some(ResponseSigning { source: Box::new(identity), is_for_every_response: false });
        self
    }

    /// Like [`sign_responses`](Self::sign_responses), for every signed request, asked or not.
    #[must_use]
    pub fn sign_every_response(mut self, identity: impl Fn() -> Option<Arc<Identity>> + Send + Sync + 'static) -> Self {
        self.responses = Some(ResponseSigning { source: Box::new(identity), is_for_every_response: true });
        self
    }
}

/// A field that says something else already must not come to carry a token.
pub(super) fn verify_token_fields(accepted: &Accepted) -> Result<(), BuildError> {
    const TAKEN: [&str; 10] = [
        "authorization",
        "proxy-authorization",
        "dpop",
        "workload-identity-token",
        "workload-proof-token",
        "txn-token",
        "signature",
        "signature-input",
        "content-digest",
        "cookie",
    ];
    let fields: Vec<_> = accepted.delegation.iter().chain(&accepted.others).collect();
    let mut seen = fields.iter().enumerate();
    let wrong = seen.find(|(at, name)| {
        *at >= MAX_TOKEN_FIELDS || TAKEN.contains(&name.as_str()) || fields.iter().take(*at).any(|before| before == *name)
    });
    wrong.map_or(Ok(()), |(_, name)| Err(BuildError::TokenField((*name).clone())))
}
