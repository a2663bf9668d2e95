//! The credentials of one request, as text: which way of calling was tried, and nothing else beside it.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use procura_token::{ParseError, TXN_TOKEN, sole_field, token_fields, workload_identity_token};

use crate::Cause;
use crate::authorization::Authorization;

const WORKLOAD_IDENTITY_TOKEN: HeaderName = HeaderName::from_static(procura_token::WORKLOAD_IDENTITY_TOKEN);
/// Where wpt-00 and -01 had the proof.
const WORKLOAD_PROOF_TOKEN: HeaderName = HeaderName::from_static("workload-proof-token");
const DPOP: HeaderName = HeaderName::from_static("dpop");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// What a server takes besides `Authorization: DPoP`.
#[derive(Default)]
pub(crate) struct Accepted {
    /// `Authorization: Bearer` with a token that is bound to the connection's certificate.
    pub(crate) certificates: bool,
    /// A WIT with `Authorization: WPT`.
    pub(crate) wpt: bool,
    /// A WIT with `Workload-Proof-Token`.
    pub(crate) legacy_wpt: bool,
    /// A WIT with a message signature.
    pub(crate) signatures: bool,
    /// The field that carries the delegation token beside a WPT.
    pub(crate) delegation: Option<HeaderName>,
    /// Other fields with tokens.
    pub(crate) others: Vec<HeaderName>,
}

impl Accepted {
    pub(crate) const fn wits(&self) -> bool {
        self.wpt || self.legacy_wpt || self.signatures
    }

    /// All fields with tokens that a WPT must cover by `oth`.
    fn token_fields(&self) -> Vec<&str> {
        self.delegation.iter().chain(&self.others).map(HeaderName::as_str).collect()
    }

    fn has_token_field(&self, headers: &HeaderMap) -> bool {
        self.delegation.iter().chain(&self.others).any(|name| headers.contains_key(name))
    }
}

/// The way of calling that a request tried: the one an error is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Dpop,
    Bearer,
    Wpt,
    LegacyWpt,
    Signature,
}

/// Tokens and proofs, as text; nothing about them is believed yet.
pub(crate) enum Credentials<'a> {
    Dpop(BoundToken<'a>),
    Bearer(&'a str),
    Wpt(WptCredentials<'a>),
    /// The signature stays in its fields.
    Signature {
        wit: &'a str,
        token: Option<BoundToken<'a>>,
    },
}

/// A token and the DPoP proof beside it.
pub(crate) struct BoundToken<'a> {
    pub(crate) token: &'a str,
    pub(crate) proof: &'a str,
}

/// A WIT, its proof, and the tokens that the proof covers.
pub(crate) struct WptCredentials<'a> {
    pub(crate) wit: &'a str,
    pub(crate) proof: &'a str,
    pub(crate) is_legacy: bool,
    pub(crate) transaction_token: Option<&'a str>,
    /// The delegation token, too.
    pub(crate) others: Vec<(&'a str, &'a str)>,
    pub(crate) delegation: Option<&'a str>,
}

type Failure = (Attempt, Cause);

impl<'a> Credentials<'a> {
    /// Reads them: one `Authorization: DPoP <token68>` and one `DPoP` field (RFC 9449 sections 4.3 and 7.1), or what else is
    /// accepted.
    ///
    /// A token in the query is never used; beside a header it makes two tokens, which is an error (RFC 6750 section 2).
    pub(crate) fn parse(request: &'a Parts, accepted: &'a Accepted) -> Result<Self, Failure> {
        let dpop = |cause| (Attempt::Dpop, cause);
        let headers = &request.headers;
        let authorization = sole(headers, AUTHORIZATION, Cause::SeveralTokens).map_err(dpop)?;
        let authorization = authorization.map(|value| value.map_or(Authorization::Other, Authorization::of));
        let has_token = request.uri.query().is_some_and(has_token);
        if accepted.wits() && is_of_wit(headers, authorization.as_ref()) {
            return Self::of_wit(headers, authorization, accepted, has_token);
        }
        let authorization = authorization.ok_or(dpop(Cause::NoCredentials))?;
        let attempt = match authorization {
            Authorization::Bearer(_) if accepted.certificates => Attempt::Bearer,
            _ => Attempt::Dpop,
        };
        let is_delegated = || accepted.delegation.as_ref().is_some_and(|name| headers.contains_key(name));
        if has_token || is_delegated() {
            return Err((attempt, Cause::SeveralTokens));
        }
        match authorization {
            Authorization::Dpop(token) => BoundToken::beside(token, headers).map(Self::Dpop).map_err(dpop),
            Authorization::Bearer(token) if accepted.certificates => Ok(Self::Bearer(token)),
            _ => Err(dpop(Cause::Scheme)),
        }
    }

    pub(crate) const fn attempt(&self) -> Attempt {
        match self {
            Self::Dpop(_) => Attempt::Dpop,
            Self::Bearer(_) => Attempt::Bearer,
            Self::Wpt(wpt) if wpt.is_legacy => Attempt::LegacyWpt,
            Self::Wpt(_) => Attempt::Wpt,
            Self::Signature { .. } => Attempt::Signature,
        }
    }

    /// Reads a WIT and exactly one proof of it (WIMSE WPT section 2, WIMSE HTTP signature section 3).
    fn of_wit(
        headers: &'a HeaderMap,
        authorization: Option<Authorization<'a>>,
        accepted: &'a Accepted,
        has_token: bool,
    ) -> Result<Self, Failure> {
        let wpt = authorization.as_ref().and_then(Authorization::wpt);
        let is_legacy = headers.contains_key(WORKLOAD_PROOF_TOKEN);
        let is_signed = accepted.signatures && (headers.contains_key(SIGNATURE) || headers.contains_key(SIGNATURE_INPUT));
        let attempt = match () {
            () if wpt.is_some() && accepted.wpt => Attempt::Wpt,
            () if is_signed => Attempt::Signature,
            () if is_legacy && accepted.legacy_wpt => Attempt::LegacyWpt,
            () if accepted.wpt => Attempt::Wpt,
            () if accepted.signatures => Attempt::Signature,
            () => Attempt::LegacyWpt,
        };
        let read = || {
            let wit = workload_identity_token(headers).map_err(|error| Cause::Wit(error.into()))?.ok_or(Cause::NoWit)?;
            if u8::from(wpt.is_some()) + u8::from(is_legacy) + u8::from(is_signed) > 1 {
                return Err(Cause::SeveralWorkloadProofs);
            }
            if has_token {
                return Err(Cause::SeveralTokens);
            }
            match (attempt, wpt) {
                (Attempt::Wpt, Some(proof)) => WptCredentials::read(wit, proof, headers, accepted).map(Self::Wpt),
                (Attempt::LegacyWpt, _) if is_legacy && authorization.is_some() => Err(Cause::SeveralTokens),
                (Attempt::LegacyWpt, _) if is_legacy => {
                    let proof = sole_field(headers, WORKLOAD_PROOF_TOKEN.as_str()).map_err(|error| Cause::Wpt(error.into()))?;
                    let read = WptCredentials::read(wit, proof.unwrap_or_default(), headers, accepted)?;
                    Ok(Self::Wpt(WptCredentials { is_legacy, ..read }))
                }
                (Attempt::Signature, _) if is_signed => {
                    // What the signature covers of other fields is not looked at, so no token may be in them.
                    if accepted.has_token_field(headers) {
                        return Err(Cause::SeveralTokens);
                    }
                    let token = match authorization {
                        None => None,
                        Some(Authorization::Dpop(token)) => Some(BoundToken::beside(token, headers)?),
                        Some(_) => return Err(Cause::Scheme),
                    };
                    Ok(Self::Signature { wit, token })
                }
                _ => Err(Cause::NoWorkloadProof),
            }
        };
        read().map_err(|cause| (attempt, cause))
    }
}

impl<'a> BoundToken<'a> {
    fn beside(token: &'a str, headers: &'a HeaderMap) -> Result<Self, Cause> {
        let proof = sole(headers, DPOP, Cause::SeveralProofs)?.ok_or(Cause::NoProof)?;
        Ok(Self { token, proof: proof.unwrap_or_default() })
    }
}

impl<'a> WptCredentials<'a> {
    fn read(wit: &'a str, proof: &'a str, headers: &'a HeaderMap, accepted: &'a Accepted) -> Result<Self, Cause> {
        let malformed = |error: ParseError| Cause::Wpt(error.into());
        let transaction_token = sole_field(headers, TXN_TOKEN).map_err(malformed)?;
        let others = token_fields(headers, &accepted.token_fields()).map_err(malformed)?;
        let name = accepted.delegation.as_ref().map(HeaderName::as_str);
        let delegation = others.iter().find(|(other, _)| Some(*other) == name).map(|(_, token)| *token);
        Ok(Self { wit, proof, is_legacy: false, transaction_token, others, delegation })
    }
}

/// Whether a WIT or a proof of one is there.
fn is_of_wit(headers: &HeaderMap, authorization: Option<&Authorization<'_>>) -> bool {
    headers.contains_key(WORKLOAD_IDENTITY_TOKEN)
        || matches!(authorization, Some(Authorization::Wpt(_)))
        || headers.contains_key(WORKLOAD_PROOF_TOKEN)
}

/// The value of a field that may stand once: absent, or text, or not even text.
fn sole(headers: &HeaderMap, name: HeaderName, several: Cause) -> Result<Option<Option<&str>>, Cause> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(several);
    }
    Ok(first.map(|value| value.to_str().ok()))
}

fn has_token(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("access_token"))
}
