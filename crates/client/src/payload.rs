//! The payload of a token that this side cannot verify.

use procura_token::{ParseError, base64url, parse_json};
use serde::de::DeserializeOwned;

/// Reads the payload of a JWT in compact serialization. It proves nothing: only good for comparing what somebody claims
/// with what we know, and refusing if it differs.
pub(crate) fn unverified_payload<T: DeserializeOwned>(token: &str) -> Result<T, ParseError> {
    match token.split('.').collect::<Vec<_>>()[..] {
        [_, payload, _] => parse_json(&base64url::decode(payload)?),
        _ => Err(ParseError::NotCompact),
    }
}
