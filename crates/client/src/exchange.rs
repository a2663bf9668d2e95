//! The request of an exchange (RFC 8693 section 2.1).

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Request};
use procura_token::{Htu, ParseError, Resource, ScopeSet, TokenType, UnixTime};

use crate::{AgentKey, ExchangeError, Expectations, Proof, Secret};

/// What to exchange, and for what. It carries no proof and no client assertion: those are new for every attempt.
#[derive(Clone, Debug)]
pub struct ExchangeRequest {
    subject: Subject,
    target: Option<Target>,
    scope: Option<ScopeSet>,
    actor: Option<(Secret, TokenType)>,
    requested: TokenType,
}

#[derive(Clone, Debug)]
enum Subject {
    Token(Secret, TokenType),
    /// The JWT-SVID that authenticates the caller is the subject too.
    Caller,
}

/// What a token is for: exactly one target per request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its URI (RFC 8707).
    Resource(Resource),
    /// By its logical name.
    Audience(String),
}

impl From<Resource> for Target {
    fn from(resource: Resource) -> Self {
        Self::Resource(resource)
    }
}

/// Who asks, where, with which key, and when.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The token endpoint's URL.
    pub token_endpoint: &'a Htu,
    /// The caller's JWT-SVID, whose `aud` is the issuer alone.
    pub client_assertion: &'a Secret,
    /// The key the new token will be bound to.
    pub key: &'a AgentKey,
    /// The newest nonce of that server, if it gave one.
    pub nonce: Option<&'a str>,
    /// The present instant.
    pub now: UnixTime,
}

impl ExchangeRequest {
    /// Asks for a token to act on behalf of the subject of `subject_token`: a user's ID token, or a token to hand on.
    pub fn delegation(subject_token: impl Into<Secret>, subject_token_type: TokenType, target: impl Into<Target>) -> Self {
        Self {
            subject: Subject::Token(subject_token.into(), subject_token_type),
            target: Some(target.into()),
            scope: None,
            actor: None,
            requested: TokenType::AccessToken,
        }
    }

    /// Asks for a Workload Identity Token of the caller itself, bound to its key.
    pub const fn wit() -> Self {
        Self { subject: Subject::Caller, target: None, scope: None, actor: None, requested: TokenType::Wit }
    }

    /// Asks for this scope instead of all that policy grants at the target.
    #[must_use]
    pub fn scope(mut self, scope: ScopeSet) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Names the actor by a token of its own, such as a WIT or a JWT-SVID. Without one the caller is the actor.
    #[must_use]
    pub fn actor_token(mut self, actor_token: impl Into<Secret>, actor_token_type: TokenType) -> Self {
        self.actor = Some((actor_token.into(), actor_token_type));
        self
    }

    /// What the token is for; none for a WIT.
    pub const fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The HTTP request, with a new proof. Send it once; for another attempt make another.
    ///
    /// # Errors
    /// [`ExchangeError::Request`] or [`ExchangeError::Sign`].
    pub fn to_http(&self, requester: &Requester<'_>) -> Result<Request<Secret>, ExchangeError> {
        let Requester { token_endpoint: url, key, nonce, now, .. } = *requester;
        let unusable = |reason| ExchangeError::Request(ParseError::Value { name: "token endpoint", reason });
        let proof = key.prove(&Proof { method: "POST", url, access_token: None, nonce, now })?;
        let mut proof = HeaderValue::try_from(proof).map_err(|_| unusable("the proof is not a header value"))?;
        proof.set_sensitive(true);
        Request::post(url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header("dpop", proof)
            .body(self.form(requester.client_assertion.expose()).into())
            .map_err(|_| unusable("not a URL"))
    }

    /// What a good answer to this request looks like.
    pub fn expectations(&self, key: &AgentKey, now: UnixTime) -> Expectations {
        Expectations { issued_token_type: self.requested, key: key.thumbprint(), scope: self.scope.clone(), now }
    }

    fn form(&self, client_assertion: &str) -> String {
        let (subject, subject_type) = match &self.subject {
            Subject::Token(token, kind) => (token.expose(), *kind),
            Subject::Caller => (client_assertion, TokenType::Jwt),
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe")
            .append_pair("client_assertion", client_assertion)
            .append_pair("subject_token", subject)
            .append_pair("subject_token_type", subject_type.as_str())
            .append_pair("requested_token_type", self.requested.as_str());
        if let Some((actor, kind)) = &self.actor {
            form.append_pair("actor_token", actor.expose()).append_pair("actor_token_type", kind.as_str());
        }
        match &self.target {
            Some(Target::Resource(resource)) => {
                form.append_pair("resource", resource.as_str());
            }
            Some(Target::Audience(name)) => {
                form.append_pair("audience", name);
            }
            None => {}
        }
        if let Some(scope) = &self.scope {
            form.append_pair("scope", &scope.to_string());
        }
        form.finish()
    }
}
