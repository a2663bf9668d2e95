//! Refusals, and the answers they give.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::Cause;
use crate::cause::Wire;
use crate::credentials::Attempt;

/// A refused request: the cause for us, and the answer for the client.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Refusal {
    cause: Cause,
    attempt: Attempt,
    challenges: Option<Arc<Challenges>>,
    nonce: Option<String>,
}

/// What a server says of itself in `WWW-Authenticate`.
#[derive(Debug)]
pub(crate) struct Challenges {
    /// For DPoP proofs.
    pub(crate) algorithms: Box<str>,
    /// If certificate-bound tokens are accepted: the resource.
    pub(crate) bearer: Option<Box<str>>,
    pub(crate) wpt: bool,
}

impl Refusal {
    pub(crate) const fn new(cause: Cause, attempt: Attempt) -> Self {
        Self { cause, attempt, challenges: None, nonce: None }
    }

    pub(crate) fn with_challenges(self, challenges: &Arc<Challenges>, nonce: Option<String>) -> Self {
        Self { challenges: Some(Arc::clone(challenges)), nonce, ..self }
    }

    /// Why. Not for the client.
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.cause.wire(self.attempt).0
    }

    /// The name of the error, which ends the `type` of the problem. For OAuth's own errors it is their code (RFC 6750 section
    /// 3.1, RFC 9449 section 7.1).
    pub const fn error(&self) -> &'static str {
        self.cause.wire(self.attempt).1
    }

    /// The answer: status, challenges, nonce, and a problem (RFC 9457) as body.
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let Wire(status, name, title) = self.cause.wire(self.attempt);
        let mut problem =
            serde_json::json!({ "type": format!("urn:procura:problem:{name}"), "title": title, "status": status.as_u16() });
        if let (Cause::Scope(scope), Some(problem)) = (&self.cause, problem.as_object_mut()) {
            problem.insert("scope".to_owned(), scope.as_str().into());
        }
        let mut response = Response::new(B::from(problem.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        for challenge in self.challenges() {
            if let Ok(challenge) = HeaderValue::try_from(challenge) {
                headers.append(WWW_AUTHENTICATE, challenge);
            }
        }
        if let Some(nonce) = self.nonce.as_ref().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert("dpop-nonce", nonce);
        }
        response
    }

    /// One challenge for each scheme that is accepted, the attempted one first; it alone carries the error (RFC 9449 sections
    /// 7.1 and 7.2). None where another scheme would not help.
    fn challenges(&self) -> Vec<String> {
        let attempt = self.attempt_told();
        let is_told = match self.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
            StatusCode::BAD_REQUEST => matches!(attempt, Attempt::Dpop | Attempt::Bearer),
            _ => false,
        };
        if !is_told {
            return Vec::new();
        }
        let offered = self.challenges.as_deref();
        let error_of = |scheme| if attempt == scheme { self.error_parameters() } else { Vec::new() };
        let mut challenges = Vec::new();
        if attempt == Attempt::Dpop || offered.is_some() {
            let algorithms = offered.map(|offered| format!("algs=\"{}\"", offered.algorithms));
            let parameters: Vec<_> = error_of(Attempt::Dpop).into_iter().chain(algorithms).collect();
            challenges.push((Attempt::Dpop, format!("DPoP {}", parameters.join(", "))));
        }
        let realm = offered.and_then(|offered| offered.bearer.as_deref());
        if attempt == Attempt::Bearer || realm.is_some() {
            let realm = realm.map(|realm| format!("realm=\"{realm}\""));
            let parameters: Vec<_> = realm.into_iter().chain(error_of(Attempt::Bearer)).collect();
            challenges.push((Attempt::Bearer, format!("Bearer {}", parameters.join(", "))));
        }
        if offered.is_some_and(|offered| offered.wpt) {
            challenges.push((Attempt::Wpt, "WPT".to_owned()));
        }
        challenges.sort_by_key(|(scheme, _)| *scheme != attempt);
        challenges.into_iter().map(|(_, challenge)| challenge).collect()
    }

    /// A token beside a message signature is told as where it stands alone.
    const fn attempt_told(&self) -> Attempt {
        match self.attempt {
            Attempt::Signature if self.cause.is_of_dpop() => Attempt::Dpop,
            attempt => attempt,
        }
    }

    /// None if no credentials were sent (RFC 6750 section 3.1). Scopes contain neither quote nor backslash, so nothing needs
    /// escaping; nor do the other parameters.
    fn error_parameters(&self) -> Vec<String> {
        match &self.cause {
            Cause::NoCredentials => Vec::new(),
            Cause::Scope(scope) => vec![format!("error=\"{}\"", self.error()), format!("scope=\"{scope}\"")],
            _ => vec![format!("error=\"{}\"", self.error())],
        }
    }
}

/// So that `?` in a function that answers with a response gives the refusal's answer.
impl<B: From<String>> From<Refusal> for Response<B> {
    fn from(refusal: Refusal) -> Self {
        refusal.to_response()
    }
}
