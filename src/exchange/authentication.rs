//! How a caller wants to be known: in one way, and no second beside it (RFC 6749 section 2.3).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use procura_token::{
    ParseError, Unverified, UnverifiedRequestSignature, Wpt, sole_field, workload_identity_token, wpt_credentials,
};

use super::request::{Form, Presented, presented, presented_evidence};
use super::{CLIENT_ASSERTION_TYPE, ExchangeError, Incoming};
use crate::trust::AssertionType;

/// The header field of a WPT before wpt-02.
const WORKLOAD_PROOF_TOKEN: &str = "workload-proof-token";

/// The way a caller chose. Nothing in it is believed yet.
pub(super) enum Authentication<'a> {
    /// A JWT-SVID as client assertion.
    Assertion(Presented),
    /// A credential of a platform as client assertion, of this type.
    Platform(AssertionType, Presented),
    /// A WIT, and a WPT by its key.
    Wpt { wit: Presented, proof: Unverified<Wpt> },
    /// A WIT, and a signature over the request by its key.
    Signature { wit: Presented, signature: UnverifiedRequestSignature<'a> },
    /// The X.509-SVID the connection was made with.
    Certificate,
}

impl<'a> Authentication<'a> {
    /// A certificate beside another way is no second way: the connection may need it. That it names the same workload is
    /// judged later. `accepts_legacy_wpt` is whether the field of the drafts before wpt-02 is looked at.
    pub(super) fn parse(form: &Form<'_>, incoming: &Incoming<'a>, accepts_legacy_wpt: bool) -> Result<Self, ExchangeError> {
        let headers = incoming.headers;
        if form.get("client_secret").is_some() {
            return Err(ExchangeError::CallerUnknown("a client secret is no way to authenticate here"));
        }
        let has_assertion = form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some();
        let signature = UnverifiedRequestSignature::parse(&incoming.head()).map_err(caller)?;
        let wit = workload_identity_token(headers).map_err(caller)?;
        let proof = wpt(headers, accepts_legacy_wpt)?;
        match (has_assertion, wit, proof, signature) {
            (true, None, None, None) => assertion(form),
            (false, Some(wit), Some(proof), None) => {
                Ok(Self::Wpt { wit: credential(wit)?, proof: Unverified::parse(proof).map_err(caller)? })
            }
            (false, Some(wit), None, Some(signature)) => Ok(Self::Signature { wit: credential(wit)?, signature }),
            (false, Some(_), None, None) => Err(ExchangeError::CallerUnknown("there is a WIT and no proof of its key")),
            (false, None, None, None) => match incoming.certificate {
                Ok(Some(_)) => Ok(Self::Certificate),
                Ok(None) => Err(ExchangeError::CallerUnknown("there is no client assertion, no WIT and no certificate")),
                Err(cause) => Err(ExchangeError::CertificateField(cause)),
            },
            (false, None, _, _) => Err(ExchangeError::CallerUnknown("there is a proof and no WIT")),
            _ => Err(ExchangeError::CallerUnknown("there is more than one authentication method")),
        }
    }
}

/// The WPT of the request, in the one place where it may stand. Every other use of `Authorization` is a method that is not
/// served here.
fn wpt(headers: &HeaderMap, accepts_legacy: bool) -> Result<Option<&str>, ExchangeError> {
    let current = wpt_credentials(headers).map_err(caller)?;
    if current.is_none() && headers.contains_key(AUTHORIZATION) {
        return Err(ExchangeError::CallerUnknown("the scheme of `Authorization` is not WPT"));
    }
    match (current, sole_field(headers, WORKLOAD_PROOF_TOKEN).map_err(caller)?) {
        (current, None) => Ok(current),
        (None, Some(legacy)) if accepts_legacy => Ok(Some(legacy)),
        (None, Some(_)) => {
            Err(ExchangeError::CallerUnknown("`Workload-Proof-Token` is not accepted; WPTs go into `Authorization`"))
        }
        (Some(_), Some(_)) => Err(ExchangeError::CallerUnknown("there is a WPT in each of two fields")),
    }
}

fn assertion<'a>(form: &Form<'_>) -> Result<Authentication<'a>, ExchangeError> {
    match (form.get("client_assertion_type"), form.get("client_assertion")) {
        (Some(CLIENT_ASSERTION_TYPE), Some(text)) => credential(text).map(Authentication::Assertion),
        (Some(name), Some(text)) => match AssertionType::find(name) {
            Some(assertion) => platform_credential(assertion, text).map(|text| Authentication::Platform(assertion, text)),
            None => Err(ExchangeError::CallerUnknown("the assertion type is not supported")),
        },
        _ => Err(ExchangeError::CallerUnknown("there is no client assertion, or no type of it")),
    }
}

fn credential(text: &str) -> Result<Presented, ExchangeError> {
    presented("client_assertion", text).map_err(|_| ExchangeError::CallerUnknown("the credential is not a JWT"))
}

/// One of another kind than a JWT is base64url, whatever it holds.
fn platform_credential(assertion: AssertionType, text: &str) -> Result<Presented, ExchangeError> {
    if assertion == AssertionType::JWT_BEARER {
        return credential(text);
    }
    presented_evidence(text).map_err(|_| ExchangeError::CallerUnknown("the credential is not base64url"))
}

/// What is malformed where the caller should be known leaves the caller unknown.
fn caller(error: ParseError) -> ExchangeError {
    ExchangeError::CallerProof(error.into())
}
