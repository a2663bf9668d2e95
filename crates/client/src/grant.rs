//! The answer to an exchange (RFC 8693 section 2.2), judged.

use core::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use procura_token::{
    Audience, AuthorizationDetails, Confirmation, MAX_TOKEN, ParseError, Resource, ScopeSet, TokenType, UnixTime, parse_json,
};
use serde::Deserialize;

use crate::error::printable;
use crate::nonce::nonce_of;
use crate::payload::unverified_payload;
use crate::{ClockOffset, ErrorCode, ExchangeError, OAuthError, RequiredApproval, Secret};

/// What a good answer looks like: see [`ExchangeRequest::expectations`](crate::ExchangeRequest::expectations).
#[derive(Clone, Debug)]
pub struct Expectations {
    /// What was asked for.
    pub issued_token_type: TokenType,
    /// The key or the certificate it must be bound to.
    pub binding: Confirmation,
    /// What it must be for, where the server says what it is for; `None` if that was asked for by another name than its URI.
    pub resource: Option<Resource>,
    /// The most scope it may carry; `None` if all was asked for.
    pub scope: Option<ScopeSet>,
    /// The authorization details asked for.
    pub authorization_details: Option<AuthorizationDetails>,
    /// When the request was sent.
    pub now: UnixTime,
}

/// A token that was granted. It is opaque: nothing here reads it (RFC 9068 section 6), but for what a `Bearer` token is bound
/// to.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token.
    pub token: Secret,
    /// What it is.
    pub issued_token_type: TokenType,
    /// The key or the certificate that it was to be bound to: ours, or that of whom it is handed to.
    pub binding: Confirmation,
    /// How long it lives, counted from the request; unknown if the server did not say.
    pub expires_in: Option<Duration>,
    /// Its scope: what the server said, else what was asked for.
    pub scope: Option<ScopeSet>,
    /// Its authorization details, as the server granted them (RFC 9396 section 7).
    pub authorization_details: Option<AuthorizationDetails>,
}

/// Judges the answer of a token endpoint.
///
/// A token bound to a key is of type `DPoP`; what the answer's `cnf` says must be our key. `Bearer` is accepted only if a
/// binding to our certificate was asked for and the token itself names it: its payload is read for that, unverified.
///
/// Not checked: the token itself (its resource does that), and for `DPoP` tokens without `cnf` in the answer to which key they
/// are bound: the resource finds out at the first call.
///
/// # Errors
/// [`ExchangeError`]: everything but a token of the kind asked for, for what was asked for, bound as asked for, with no more scope than
/// asked for.
pub fn judge_exchange(response: &Response<Vec<u8>>, expected: &Expectations) -> Result<Grant, ExchangeError> {
    if response.status() != StatusCode::OK {
        return Err(judge_refusal(response, expected.now));
    }
    let malformed = |cause| ExchangeError::Malformed { status: 200, cause };
    let value = |name, reason| malformed(ParseError::Value { name, reason });
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(value("`Content-Type`", "not application/json"));
    }
    let answer: Answer = parse_json(response.body()).map_err(malformed)?;
    expected.verify_kind(&answer)?;
    if !is_token68(&answer.access_token) {
        return Err(value("`access_token`", "empty, longer than 16 KiB, or not a token"));
    }
    let scope = answer.scope.map(|scope| scope.parse::<ScopeSet>()).transpose().map_err(malformed)?;
    if let (Some(granted), Some(asked)) = (&scope, &expected.scope)
        && !granted.is_subset(asked)
    {
        return Err(ExchangeError::Widened);
    }
    expected.verify_resource(answer.resource.as_ref())?;
    if !expected.covers(answer.authorization_details.as_ref()) {
        return Err(ExchangeError::Widened);
    }
    Ok(Grant {
        token: answer.access_token.into(),
        issued_token_type: expected.issued_token_type,
        binding: expected.binding,
        expires_in: answer.expires_in.map(Duration::from_secs),
        scope: scope.or_else(|| expected.scope.clone()),
        authorization_details: answer.authorization_details,
    })
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    issued_token_type: String,
    token_type: String,
    expires_in: Option<u64>,
    scope: Option<String>,
    resource: Option<Audience>,
    authorization_details: Option<AuthorizationDetails>,
    cnf: Option<Confirmation>,
}

impl Expectations {
    /// What the token is said to be for (draft-skokan-oauth-resource-response; in draft-mcguinness-oauth-resource-token-resp it may be
    /// one text) is what was asked for, and nothing else.
    fn verify_resource(&self, said: Option<&Audience>) -> Result<(), ExchangeError> {
        match (said, &self.resource) {
            (Some(said), Some(asked)) if said.sole() != Some(asked.as_str()) => {
                let resource = printable(&said.iter().collect::<Vec<_>>().join(" "), 200);
                Err(ExchangeError::OtherResource { resource })
            }
            _ => Ok(()),
        }
    }

    /// Whether what was granted is of types that were asked for: of more only the server knows what is wider.
    fn covers(&self, granted: Option<&AuthorizationDetails>) -> bool {
        let is_asked =
            |kind: &str| self.authorization_details.iter().flat_map(|asked| asked.iter()).any(|asked| asked.kind() == kind);
        granted.is_none_or(|granted| granted.iter().all(|granted| is_asked(granted.kind())))
    }

    /// An access token is of type `DPoP`, or `Bearer` if it is bound to a certificate; a WIT or a Biscuit is no access token
    /// (`N_A`), and the answer says which key it is bound to.
    fn verify_kind(&self, answer: &Answer) -> Result<(), ExchangeError> {
        let is_other = self.issued_token_type != TokenType::AccessToken;
        let token_type = match self.binding {
            _ if is_other => "N_A",
            Confirmation::Key(_) => "DPoP",
            Confirmation::Certificate(_) => "Bearer",
        };
        let downgraded = || ExchangeError::Downgraded { token_type: printable(&answer.token_type, 100) };
        if !answer.token_type.eq_ignore_ascii_case(token_type) {
            return Err(downgraded());
        }
        if answer.issued_token_type != self.issued_token_type.as_str() {
            return Err(ExchangeError::OtherKind { issued_token_type: printable(&answer.issued_token_type, 200) });
        }
        match answer.cnf {
            Some(binding) if binding != self.binding => return Err(ExchangeError::Binding),
            None if is_other => return Err(ExchangeError::Binding),
            _ => {}
        }
        if token_type == "Bearer" {
            let claims: BoundClaims = unverified_payload(&answer.access_token).map_err(|_| downgraded())?;
            if claims.cnf != self.binding {
                return Err(ExchangeError::Binding);
            }
        }
        Ok(())
    }
}

/// Of a certificate-bound token, the one claim that tells it from a bearer token (RFC 8705 section 3.1).
#[derive(Deserialize)]
struct BoundClaims {
    cnf: Confirmation,
}

fn judge_refusal(response: &Response<Vec<u8>>, now: UnixTime) -> ExchangeError {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
        error_description: Option<String>,
    }
    #[derive(Deserialize)]
    struct Needed {
        procura_approval_required: RequiredApproval,
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return ExchangeError::Unavailable { retry_after: seconds.map(Duration::from_secs) };
    }
    let answer: Answer = match parse_json(response.body()) {
        Ok(answer) => answer,
        Err(cause) => return ExchangeError::Malformed { status: response.status().as_u16(), cause },
    };
    let code = ErrorCode::parse(&answer.error);
    if code == ErrorCode::UseDpopNonce {
        return ExchangeError::NonceWanted { nonce: nonce_of(response.headers()).map(str::to_owned) };
    }
    if let (ErrorCode::ConsentRequired, Ok(needed)) = (&code, parse_json::<Needed>(response.body())) {
        return ExchangeError::ApprovalRequired(needed.procura_approval_required);
    }
    let is_about_time = matches!(code, ErrorCode::InvalidDpopProof | ErrorCode::InvalidClient);
    let clock = if is_about_time { ClockOffset::of(response.headers(), now) } else { None };
    let description = answer.error_description.map(|text| printable(&text, 300));
    ExchangeError::Refused { error: OAuthError { code, description }, clock }
}

/// What can stand after a scheme in `Authorization` (RFC 9110 section 11.2).
fn is_token68(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    text.len() <= MAX_TOKEN && !unpadded.is_empty() && unpadded.bytes().all(is_allowed)
}
