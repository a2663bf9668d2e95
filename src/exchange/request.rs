//! **parse**: form and headers become an [`ExchangeRequest`] whose every value is well formed.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use procura_token::{
    AuthorizationDetails, DpopProof, MAX_TOKEN, ParseError, Resource, ScopeSet, TokenType, Unverified, VerifyError,
};

use super::authentication::Authentication;
use super::statement::Statements;
use super::{ExchangeError, GRANT_TYPE, Incoming, OWN_GRANT_TYPE, details, own};

/// The subject token that stands for the certificate of the connection.
const CERTIFICATE: &str = "mtls_client_certificate";
/// The most parameters a form may have.
const MAX_PARAMETERS: usize = 32;
const NOT_UTF8: ExchangeError = ExchangeError::Request("a parameter is not UTF-8");

/// A request whose syntax is right. Nothing in it is believed yet.
pub(super) struct ExchangeRequest<'a> {
    pub(super) caller: ClaimedCaller<'a>,
    pub(super) asked: Asked,
}

/// Who the caller says it is.
pub(super) struct ClaimedCaller<'a> {
    pub(super) client_id: Option<String>,
    /// The nonce that the DPoP proof names, if there is one.
    pub(super) nonce: Option<String>,
    pub(super) authentication: Authentication<'a>,
}

/// What the caller asks for, and with what.
pub(super) struct Asked {
    pub(super) proof: Option<Unverified<DpopProof>>,
    pub(super) subject: SubjectToken,
    pub(super) actor: Option<Presented>,
    pub(super) wanted: Wanted,
}

/// A token as it was presented: of the characters and the length of a JWS in compact serialization, of the base64url of some
/// other credential, or, if it is an access token, of any token.
pub(super) struct Presented(String);

/// How a user's token is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserTokenType {
    IdToken,
    AccessToken,
}

impl Presented {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for the subject.
pub(super) enum SubjectToken {
    Token(Presented),
    /// A delegation of ours that was handed over without us.
    Biscuit(Presented),
    /// The very credential of a platform that authenticates the caller, byte for byte.
    Assertion,
    /// The certificate of the connection.
    Certificate,
    /// There is none: the caller asks in its own name.
    Nobody,
}

/// How a delegation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenForm {
    /// An access token.
    Jwt,
    /// What its holder can hand over without us.
    Biscuit,
}

/// What is asked for.
pub(super) enum Wanted {
    /// An access token on behalf of the user that a token of this type names.
    Delegation {
        user: UserTokenType,
        form: TokenForm,
        target: TargetName,
        scope: Option<ScopeSet>,
        details: Option<AuthorizationDetails>,
        statements: Statements,
    },
    /// An access token of the caller's own, for nobody else.
    Own { target: TargetName, scope: Option<ScopeSet> },
    /// A WIT for the caller itself.
    Wit,
}

/// How the request names its one target: by URI, by name, or by both.
pub(super) enum TargetName {
    Resource(Resource),
    Audience(String),
    Both(Resource, String),
}

impl<'a> ExchangeRequest<'a> {
    /// # Errors
    /// [`ExchangeError`] for everything that can be wrong without knowing who calls.
    pub(super) fn parse(incoming: &Incoming<'a>, accepts_legacy_wpt: bool) -> Result<Self, ExchangeError> {
        let form = Form::parse(incoming.form)?;
        let is_own = match form.get("grant_type") {
            Some(GRANT_TYPE) => false,
            Some(OWN_GRANT_TYPE) => true,
            Some(_) => return Err(ExchangeError::GrantType),
            None => return Err(ExchangeError::Request("`grant_type` is missing")),
        };
        let authentication = Authentication::parse(&form, incoming, accepts_legacy_wpt)?;
        let (subject, actor, wanted) = match is_own {
            true => (SubjectToken::Nobody, None, own::parse(&form)?),
            false => exchanged(&form, &authentication)?,
        };
        let proof = proof(incoming.headers)?;
        let client_id = form.get("client_id").map(str::to_owned);
        let nonce = proof.as_ref().and_then(|proof| proof.nonce().map(str::to_owned));
        let caller = ClaimedCaller { client_id, nonce, authentication };
        Ok(Self { caller, asked: Asked { proof, subject, actor, wanted } })
    }
}

/// What is exchanged, who is to act, and for what.
fn exchanged(
    form: &Form<'_>,
    authentication: &Authentication<'_>,
) -> Result<(SubjectToken, Option<Presented>, Wanted), ExchangeError> {
    let subject_type = token_type(form, "subject_token_type")?;
    let (Some(subject), Some(subject_type)) = (form.get("subject_token"), subject_type) else {
        return Err(ExchangeError::Request("`subject_token` or `subject_token_type` is missing"));
    };
    let subject = subject_token(subject, subject_type, authentication)?;
    Ok((subject, actor(form)?, wanted(form, subject_type)?))
}

/// A credential that is presented twice is verified once; it may be of a kind that is no JWT.
fn subject_token(text: &str, kind: TokenType, authentication: &Authentication<'_>) -> Result<SubjectToken, ExchangeError> {
    match (kind, authentication) {
        (TokenType::Mtls, _) if text == CERTIFICATE => Ok(SubjectToken::Certificate),
        (TokenType::Mtls, _) => Err(ExchangeError::SubjectUnfit("of its type it can only be `mtls_client_certificate`")),
        (TokenType::Jwt, Authentication::Platform(_, credential)) if credential.as_str() == text => Ok(SubjectToken::Assertion),
        (TokenType::AccessToken, _) => access_token(text).map(SubjectToken::Token),
        (TokenType::Biscuit, _) => access_token(text).map(SubjectToken::Biscuit),
        _ => presented("subject_token", text).map(SubjectToken::Token),
    }
}

fn actor(form: &Form<'_>) -> Result<Option<Presented>, ExchangeError> {
    match (form.token("actor_token")?, token_type(form, "actor_token_type")?) {
        (None, None) => Ok(None),
        (Some(token), Some(TokenType::Jwt)) => Ok(Some(token)),
        (Some(_), Some(_)) => Err(ExchangeError::ActorUnfit("its type is not accepted")),
        (Some(_), None) => Err(ExchangeError::Request("`actor_token_type` is missing")),
        (None, Some(_)) => Err(ExchangeError::Request("`actor_token_type` without `actor_token`")),
    }
}

/// The pairs of subject and result that exist (RFC 8693 section 2.1).
fn wanted(request: &Form<'_>, subject: TokenType) -> Result<Wanted, ExchangeError> {
    let delegation = |user, form| {
        let scope = request.get("scope").map(str::parse).transpose().map_err(ExchangeError::ScopeSyntax)?;
        let (details, statements) = (details::parse(request)?, Statements::parse(request)?);
        if form == TokenForm::Biscuit && details.is_some() {
            return Err(ExchangeError::Request("a Biscuit carries no `authorization_details`"));
        }
        Ok(Wanted::Delegation { user, form, target: target(request)?, scope, details, statements })
    };
    match (token_type(request, "requested_token_type")?.unwrap_or(TokenType::AccessToken), subject) {
        (TokenType::AccessToken, TokenType::IdToken) => delegation(UserTokenType::IdToken, TokenForm::Jwt),
        (TokenType::AccessToken, TokenType::AccessToken | TokenType::Biscuit) => {
            delegation(UserTokenType::AccessToken, TokenForm::Jwt)
        }
        (TokenType::Biscuit, TokenType::IdToken) => delegation(UserTokenType::IdToken, TokenForm::Biscuit),
        (TokenType::Biscuit, TokenType::AccessToken) => delegation(UserTokenType::AccessToken, TokenForm::Biscuit),
        (TokenType::Wit, TokenType::Jwt | TokenType::Mtls) if Statements::parse(request)?.are_none() => Ok(Wanted::Wit),
        (TokenType::Wit, TokenType::Jwt | TokenType::Mtls) => {
            Err(ExchangeError::Request("approvals and postures are for delegations"))
        }
        (TokenType::AccessToken | TokenType::Wit | TokenType::Biscuit, _) => {
            Err(ExchangeError::SubjectUnfit("its type is not accepted"))
        }
        _ => Err(ExchangeError::Request("`requested_token_type` is not issued")),
    }
}

/// At most one name of each kind (RFC 8707 section 2, RFC 8693 section 2.1).
pub(super) fn target(form: &Form<'_>) -> Result<TargetName, ExchangeError> {
    let sole = |name: &str| {
        let mut all = form.all(name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(ExchangeError::Target("more than one target is named")),
            (sole, None) => Ok(sole),
        }
    };
    let resource = sole("resource")?.map(str::parse).transpose();
    let resource = resource.map_err(|_| ExchangeError::Target("`resource` is not an absolute URI without fragment"))?;
    match (resource, sole("audience")?.map(str::to_owned)) {
        (Some(resource), None) => Ok(TargetName::Resource(resource)),
        (None, Some(name)) => Ok(TargetName::Audience(name)),
        (Some(resource), Some(name)) => Ok(TargetName::Both(resource, name)),
        (None, None) => Err(ExchangeError::Target("no target is named")),
    }
}

/// At most one `DPoP` field, with one proof (RFC 9449 section 4.3). Whether the request needs one, its binding decides.
fn proof(headers: &HeaderMap) -> Result<Option<Unverified<DpopProof>>, ExchangeError> {
    let mut values = headers.get_all("dpop").iter();
    let (Some(value), another) = (values.next(), values.next()) else { return Ok(None) };
    if another.is_some() {
        return Err(ExchangeError::ProofMissing("there is more than one"));
    }
    let text = value.to_str().map_err(|_| ExchangeError::Proof(ParseError::NotCompact.into()))?;
    let proof = Unverified::parse(text).map_err(|error| ExchangeError::Proof(VerifyError::Malformed(error)))?;
    Ok(Some(proof))
}

fn token_type(form: &Form<'_>, name: &'static str) -> Result<Option<TokenType>, ExchangeError> {
    form.get(name).map(|text| text.parse().map_err(|error| ExchangeError::Parameter(name, error))).transpose()
}

pub(super) fn presented(name: &'static str, text: &str) -> Result<Presented, ExchangeError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_' | b'.');
    if text.len() > MAX_TOKEN {
        return Err(ExchangeError::Parameter(name, ParseError::TooLong { limit: MAX_TOKEN }));
    }
    if !each(text, fits) || text.matches('.').count() != 2 {
        return Err(ExchangeError::Parameter(name, ParseError::NotCompact));
    }
    Ok(Presented(text.to_owned()))
}

/// Whether every byte of `text` fits. It looks at all of them, which is faster than to stop at the first that does not.
fn each(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & fits(byte))
}

/// One `name=value` between two `&`.
fn pair(encoded: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), ExchangeError> {
    let (name, value) = encoded.split_once('=').unwrap_or((encoded, ""));
    Ok((decoded(name)?, decoded(value)?))
}

/// What `encoded` means. Tokens are most of a form and have nothing to decode, so they are not copied.
fn decoded(encoded: &str) -> Result<Cow<'_, str>, ExchangeError> {
    if each(encoded, |byte| !matches!(byte, b'%' | b'+')) {
        return Ok(encoded.into());
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    bytes.extend(percent_decode_str(&encoded.replace('+', " ")));
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| NOT_UTF8)
}

/// A credential that is no JWT: base64url of at most 16 KiB.
pub(super) fn presented_evidence(text: &str) -> Result<Presented, ParseError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
    match text.len() {
        1..=MAX_TOKEN if each(text, fits) => Ok(Presented(text.to_owned())),
        1..=MAX_TOKEN => Err(ParseError::Base64url),
        _ => Err(ParseError::TooLong { limit: MAX_TOKEN }),
    }
}

/// The characters that RFC 6749 appendix A.12 lets an access token have, without the space.
fn access_token(text: &str) -> Result<Presented, ExchangeError> {
    const NAME: &str = "subject_token";
    if text.len() > MAX_TOKEN {
        return Err(ExchangeError::Parameter(NAME, ParseError::TooLong { limit: MAX_TOKEN }));
    }
    if !each(text, |byte| byte.is_ascii_graphic()) {
        return Err(ExchangeError::Request("`subject_token` has characters that no access token has"));
    }
    Ok(Presented(text.to_owned()))
}

/// The parameters of a form: each at most once, except `resource` and `audience`; empty ones absent (RFC 6749 section 3.2).
pub(super) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ExchangeError> {
        let body = std::str::from_utf8(body).map_err(|_| NOT_UTF8)?;
        let mut parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(12);
        for encoded in body.split('&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(ExchangeError::Request("too many parameters"));
            }
            let (name, value) = pair(encoded)?;
            let may_repeat = matches!(&*name, "resource" | "audience");
            if !may_repeat && parameters.iter().any(|(known, _)| *known == name) {
                return Err(ExchangeError::Request("a parameter occurs twice"));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, value)| known == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn token(&self, name: &'static str) -> Result<Option<Presented>, ExchangeError> {
        self.get(name).map(|text| presented(name, text)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_as_it_was_meant() {
        let form = "a=b&&c=%20d+e%2B&resource=1&resource=2&empty=&f&=g&é=%c3%a9%ef%bf%bd&h=i=%6a%";
        let form = Form::parse(form.as_bytes()).unwrap();
        for (name, value) in [("a", "b"), ("c", " d e+"), ("é", "é\u{fffd}"), ("h", "i=j%")] {
            assert_eq!(form.get(name), Some(value), "{name}");
        }
        assert_eq!((form.get("empty"), form.get("f")), (None, None));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn what_is_no_form_is_not_read() {
        let many = |count: usize| (0..count).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::parse(many(MAX_PARAMETERS).as_bytes()).is_ok());
        assert!(Form::parse("&".repeat(1000).as_bytes()).is_ok(), "what is not there is not counted");
        let many = many(MAX_PARAMETERS + 1);
        for body in [b"a=\xff".as_slice(), b"a=%ff", b"%ed%a0%80=a", b"a=1&a=2", b"a=1&%61=2", many.as_bytes()] {
            assert!(Form::parse(body).is_err(), "{}", body.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_others_write_is_read(parameters in prop::collection::btree_map(".{1,10}", ".{1,20}", 0..8)) {
            let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
            let form = Form::parse(written.as_bytes()).unwrap();
            for (name, value) in &parameters {
                prop_assert_eq!(form.get(name), Some(&**value));
            }
        }

        #[test]
        fn what_is_read_is_what_others_read(body in "[a%=&+46é]{0,40}") {
            let theirs: Vec<_> = form_urlencoded::parse(body.as_bytes()).collect();
            match Form::parse(body.as_bytes()) {
                Ok(form) => prop_assert_eq!(form.0, theirs),
                Err(_) => {
                    let names: std::collections::BTreeSet<_> = theirs.iter().map(|(name, _)| name).collect();
                    let is_lossy = theirs.iter().any(|(name, value)| [name, value].iter().any(|text| text.contains('\u{fffd}')));
                    prop_assert!(is_lossy || names.len() < theirs.len());
                }
            }
        }
    }
}
