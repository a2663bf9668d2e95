//! The request of an exchange (RFC 8693 section 2.1).

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request};
use procura_token::{AuthorizationDetails, Confirmation, Htu, ParseError, Resource, ScopeSet, TokenType, UnixTime};

use crate::proof::{Message, WitHolder, sensitive};
use crate::{Authentication, Binding, ExchangeError, Expectations, HeldWit, Proof, Secret, WitProof};

/// What to exchange, and for what. It carries no proof and no credential of the caller: those are new for every attempt.
#[derive(Clone, Debug)]
pub struct ExchangeRequest {
    subject: Subject,
    target: Option<Target>,
    scope: Option<ScopeSet>,
    authorization_details: Option<AuthorizationDetails>,
    actor: Option<(Secret, TokenType)>,
    /// What the token will be bound to if it is for somebody else.
    handed_to: Option<Confirmation>,
    approval: Option<Secret>,
    posture: Option<Secret>,
    requested: TokenType,
}

#[derive(Clone, Debug)]
enum Subject {
    Token(Secret, TokenType),
    /// What authenticates the caller is the subject too.
    Caller,
    /// There is none: the caller asks in its own name.
    Nobody,
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
    /// How the caller proves who it is.
    pub authentication: Authentication<'a>,
    /// What the new token will be bound to.
    pub binding: Binding<'a>,
    /// The newest nonce of that server, if it gave one.
    pub nonce: Option<&'a str>,
    /// The present instant.
    pub now: UnixTime,
}

impl ExchangeRequest {
    const fn new(subject: Subject, target: Option<Target>, requested: TokenType) -> Self {
        Self {
            subject,
            target,
            scope: None,
            authorization_details: None,
            actor: None,
            handed_to: None,
            approval: None,
            posture: None,
            requested,
        }
    }

    /// Asks for a token to act on behalf of the subject of `subject_token`: a user's ID token, or a token to hand on.
    pub fn delegation(subject_token: impl Into<Secret>, subject_token_type: TokenType, target: impl Into<Target>) -> Self {
        let subject = Subject::Token(subject_token.into(), subject_token_type);
        Self::new(subject, Some(target.into()), TokenType::AccessToken)
    }

    /// Asks for a token by which the workload of `next` acts on, after the caller, at the target that `token` is for. It is
    /// bound to the key of that WIT, so the caller cannot use it, nor anybody else on its way there.
    ///
    /// `token` is one of the caller's own: the key it is bound to must be the client's.
    pub fn hand_on(token: impl Into<Secret>, target: impl Into<Target>, next: &HeldWit) -> Self {
        let request = Self::delegation(token, TokenType::AccessToken, target);
        Self { handed_to: Some(next.confirmation()), ..request.actor_token(next.text().clone(), TokenType::Jwt) }
    }

    /// Asks for a token in the caller's own name, for nobody else (`client_credentials`, RFC 6749 section 4.4): it has no `act`, and
    /// cannot be handed on.
    pub fn as_self(target: impl Into<Target>) -> Self {
        Self::new(Subject::Nobody, Some(target.into()), TokenType::AccessToken)
    }

    /// Asks for a Workload Identity Token of the caller itself, bound to its key.
    pub const fn wit() -> Self {
        Self::new(Subject::Caller, None, TokenType::Wit)
    }

    /// Asks for a Biscuit in place of an access token: it can be handed over without the issuer.
    #[must_use]
    pub fn as_biscuit(mut self) -> Self {
        if self.requested == TokenType::AccessToken {
            self.requested = TokenType::Biscuit;
        }
        self
    }

    /// Asks for this scope instead of all that policy grants at the target.
    #[must_use]
    pub fn scope(mut self, scope: ScopeSet) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Asks for what these say (RFC 9396), beside a scope or in place of one: without a scope none is granted then. All of them are
    /// granted or nothing is.
    #[must_use]
    pub fn authorization_details(mut self, details: AuthorizationDetails) -> Self {
        self.authorization_details = Some(details);
        self
    }

    /// Names the actor by a token of its own, such as a WIT or a JWT-SVID. Without one the caller is the actor.
    #[must_use]
    pub fn actor_token(mut self, actor_token: impl Into<Secret>, actor_token_type: TokenType) -> Self {
        self.actor = Some((actor_token.into(), actor_token_type));
        self
    }

    /// Shows that the user approved: what an approver signed, for this agent and target.
    #[must_use]
    pub fn approval_token(mut self, approval_token: impl Into<Secret>) -> Self {
        self.approval = Some(approval_token.into());
        self
    }

    /// Shows in which state the agent is: what an attester signed.
    #[must_use]
    pub fn posture_token(mut self, posture_token: impl Into<Secret>) -> Self {
        self.posture = Some(posture_token.into());
        self
    }

    /// What the token is for; none for a WIT.
    pub const fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The HTTP request, with new proofs. Send it once; for another attempt make another.
    ///
    /// A caller with a WIT proves its key twice, once to authenticate and once by the DPoP proof that binds the token and
    /// carries the server's nonce.
    ///
    /// # Errors
    /// [`ExchangeError::Request`], [`ExchangeError::Proof`] or [`ExchangeError::Sign`].
    pub fn to_http(&self, requester: &Requester<'_>) -> Result<Request<Secret>, ExchangeError> {
        let Requester { token_endpoint: url, authentication, binding, nonce, now } = *requester;
        let body = self.form(authentication);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Binding::Key(key) = binding {
            let proof = key.prove(&Proof { method: "POST", url, access_token: None, nonce, now })?;
            headers.insert("dpop", sensitive(&proof).map_err(ExchangeError::Request)?);
        }
        let unusable = ParseError::Value { name: "token endpoint", reason: "not a URL" };
        let mut request = Request::post(url.as_str()).body(()).map_err(|_| ExchangeError::Request(unusable))?;
        match (authentication, binding) {
            (Authentication::Wit(wit, proof), Binding::Key(key)) => {
                let holder = WitHolder::new(wit, key, now).map_err(|cause| ExchangeError::Proof(cause.into()))?;
                let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
                let message = Message { method: &Method::POST, target, audience: url, body: body.expose().as_bytes() };
                match proof {
                    WitProof::Wpt => holder.add_wpt(&mut headers, url, &[])?,
                    WitProof::Signature => drop(holder.sign(message, &mut headers, false)?),
                }
            }
            (Authentication::X509Svid(_), _) | (Authentication::JwtSvid(_) | Authentication::Platform(..), Binding::Key(_)) => {}
            (_, Binding::Certificate(_)) => {
                let reason = "only the token of a caller with an X.509-SVID can be bound to a certificate";
                return Err(ExchangeError::Request(ParseError::Value { name: "binding", reason }));
            }
        }
        *request.headers_mut() = headers;
        Ok(request.map(|()| body))
    }

    /// What a good answer to this request looks like, when it was to be bound to `binding`: the thumbprint of a key or of a
    /// certificate. What is handed on is bound to the next workload's key whatever `binding` is.
    pub fn expectations(&self, binding: impl Into<Confirmation>, now: UnixTime) -> Expectations {
        Expectations {
            issued_token_type: self.requested,
            binding: self.handed_to.unwrap_or_else(|| binding.into()),
            resource: match &self.target {
                Some(Target::Resource(resource)) => Some(resource.clone()),
                Some(Target::Audience(_)) | None => None,
            },
            scope: self.scope.clone(),
            authorization_details: self.authorization_details.clone(),
            now,
        }
    }

    fn form(&self, authentication: Authentication<'_>) -> Secret {
        let subject = match (&self.subject, authentication) {
            (Subject::Token(token, kind), _) => Some((token.expose(), *kind)),
            (Subject::Caller, Authentication::JwtSvid(token) | Authentication::Platform(_, token)) => {
                Some((token.expose(), TokenType::Jwt))
            }
            (Subject::Caller, Authentication::Wit(wit, _)) => Some((HeldWit::text(wit).expose(), TokenType::Jwt)),
            (Subject::Caller, Authentication::X509Svid(_)) => Some(("mtls_client_certificate", TokenType::Mtls)),
            (Subject::Nobody, _) => None,
        };
        let grant_type = match subject {
            Some(_) => "urn:ietf:params:oauth:grant-type:token-exchange",
            None => "client_credentials",
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", grant_type);
        match authentication {
            Authentication::JwtSvid(svid) => {
                form.append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe")
                    .append_pair("client_assertion", svid.expose());
            }
            Authentication::Platform(assertion, credential) => {
                form.append_pair("client_assertion_type", assertion.assertion_type())
                    .append_pair("client_assertion", credential.expose());
            }
            Authentication::X509Svid(id) => drop(form.append_pair("client_id", id.as_str())),
            Authentication::Wit(..) => {}
        }
        if let Some((subject, kind)) = subject {
            form.append_pair("subject_token", subject)
                .append_pair("subject_token_type", kind.as_str())
                .append_pair("requested_token_type", self.requested.as_str());
        }
        if let Some((actor, kind)) = &self.actor {
            form.append_pair("actor_token", actor.expose()).append_pair("actor_token_type", kind.as_str());
        }
        for (name, statement) in [("approval_token", &self.approval), ("posture_token", &self.posture)] {
            if let Some(statement) = statement {
                form.append_pair(name, statement.expose());
            }
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
        if let Some(details) = &self.authorization_details {
            form.append_pair("authorization_details", &details.to_string());
        }
        form.finish().into()
    }
}
