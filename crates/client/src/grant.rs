//! The answer to an exchange (RFC 8693 section 2.2), judged.

use core::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use procura_token::{MAX_TOKEN, ParseError, ScopeSet, Thumbprint, TokenType, UnixTime, parse_json};
use serde::Deserialize;

use crate::error::printable;
use crate::nonce::nonce_of;
use crate::{ClockOffset, ErrorCode, ExchangeError, OAuthError, Secret};

/// What a good answer looks like: see [`ExchangeRequest::expectations`](crate::ExchangeRequest::expectations).
#[derive(Clone, Debug)]
pub struct Expectations {
    /// What was asked for.
    pub issued_token_type: TokenType,
    /// The key it must be bound to.
    pub key: Thumbprint,
    /// The most scope it may carry; `None` if all was asked for.
    pub scope: Option<ScopeSet>,
    /// When the request was sent.
    pub now: UnixTime,
}

/// A token that was granted. It is opaque: nothing here reads it (RFC 9068 section 6).
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token.
    pub token: Secret,
    /// What it is.
    pub issued_token_type: TokenType,
    /// How long it lives, counted from the request; unknown if the server did not say.
    pub expires_in: Option<Duration>,
    /// Its scope: what the server said, else what was asked for.
    pub scope: Option<ScopeSet>,
}

/// Judges the answer of a token endpoint.
///
/// Not checked: the token itself (its resource does that), and for access tokens to which key they are bound: the resource
/// finds out at the first call.
///
/// # Errors
/// [`ExchangeError`]: everything but a token of the kind asked for, bound to a key, with no more scope than asked for.
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
    Ok(Grant {
        token: answer.access_token.into(),
        issued_token_type: expected.issued_token_type,
        expires_in: answer.expires_in.map(Duration::from_secs),
        scope: scope.or_else(|| expected.scope.clone()),
    })
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    issued_token_type: String,
    token_type: String,
    expires_in: Option<u64>,
    scope: Option<String>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
struct Confirmation {
    jkt: Thumbprint,
}

impl Expectations {
    /// An access token is of type `DPoP`; a WIT is no access token (`N_A`) and says which key it is bound to.
    fn verify_kind(&self, answer: &Answer) -> Result<(), ExchangeError> {
        let is_wit = self.issued_token_type == TokenType::Wit;
        if !answer.token_type.eq_ignore_ascii_case(if is_wit { "N_A" } else { "DPoP" }) {
            return Err(ExchangeError::Downgraded { token_type: printable(&answer.token_type, 100) });
        }
        if answer.issued_token_type != self.issued_token_type.as_str() {
            return Err(ExchangeError::OtherKind { issued_token_type: printable(&answer.issued_token_type, 200) });
        }
        match &answer.cnf {
            Some(cnf) if cnf.jkt != self.key => Err(ExchangeError::Binding),
            None if is_wit => Err(ExchangeError::Binding),
            _ => Ok(()),
        }
    }
}

fn judge_refusal(response: &Response<Vec<u8>>, now: UnixTime) -> ExchangeError {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
        error_description: Option<String>,
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
    let clock = if code == ErrorCode::InvalidDpopProof { ClockOffset::of(response.headers(), now) } else { None };
    let description = answer.error_description.map(|text| printable(&text, 300));
    ExchangeError::Refused { error: OAuthError { code, description }, clock }
}

/// What can stand after a scheme in `Authorization` (RFC 9110 section 11.2).
fn is_token68(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    text.len() <= MAX_TOKEN && !unpadded.is_empty() && unpadded.bytes().all(is_allowed)
}
