//! The credentials of one request: exactly one token and exactly one proof.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::Cause;

/// A token and a proof, as text; nothing about them is believed yet.
pub(crate) struct Credentials<'a> {
    pub(crate) token: &'a str,
    pub(crate) proof: &'a str,
}

impl<'a> Credentials<'a> {
    /// Reads them: one `Authorization: DPoP <token68>` and one `DPoP` field (RFC 9449 sections 4.3 and 7.1).
    ///
    /// A token in the query is never used; beside a header it makes two tokens, which is an error (RFC 6750 section 2).
    pub(crate) fn parse(request: &'a Parts) -> Result<Self, Cause> {
        let authorization = sole(&request.headers, AUTHORIZATION.as_str(), Cause::SeveralTokens)?;
        let authorization = authorization.ok_or(Cause::NoCredentials)?;
        if request.uri.query().is_some_and(has_token) {
            return Err(Cause::SeveralTokens);
        }
        let token = authorization.and_then(token_of).ok_or(Cause::Scheme)?;
        let proof = sole(&request.headers, "dpop", Cause::SeveralProofs)?.ok_or(Cause::NoProof)?;
        Ok(Self { token, proof: proof.unwrap_or_default() })
    }
}

/// The value of a field that may stand once: absent, or text, or not even text.
fn sole<'a>(headers: &'a HeaderMap, name: &str, several: Cause) -> Result<Option<Option<&'a str>>, Cause> {
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

/// `"DPoP" 1*SP token68` (RFC 9110 section 11.4), the scheme in any case, nothing before or after.
fn token_of(authorization: &str) -> Option<&str> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("dpop") && is_token68(token)).then_some(token)
}

fn is_token68(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !unpadded.is_empty() && unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_dpop_in_any_case_and_the_token_stands_alone() {
        for value in ["DPoP a.b.c", "dpop a.b.c", "DPOP  a.b.c", "dPoP   a.b.c"] {
            assert_eq!(token_of(value), Some("a.b.c"), "{value:?}");
        }
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "Bearer  a.b.c",
            "Bearer\ta.b.c",
            "DPoP\ta.b.c",
            "DPoP \ta.b.c",
            "DPoP a.b.c ",
            " DPoP a.b.c",
            "DPoP",
            "DPoP ",
            "DPoPa.b.c",
            "DPoP a.b.c, Bearer a.b.c",
            "DPoP a.b.c d.e.f",
            "DPoP token=a.b.c;",
            "DPoP:a.b.c",
            "a.b.c",
            "",
            "DPoP ====",
            "DPoP \u{e9}",
        ] {
            assert_eq!(token_of(value), None, "{value:?}");
        }
    }
}
