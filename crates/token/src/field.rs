//! Header fields that carry proofs and tokens, read so that nobody can mean two things by them.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::ParseError;

/// The header field that carries a WIT (WIMSE workload credentials section 5.1.1), in lower case.
pub const WORKLOAD_IDENTITY_TOKEN: &str = "workload-identity-token";
/// The header field that carries a transaction token, in lower case.
pub const TXN_TOKEN: &str = "txn-token";

/// The value of a field that may occur once, without the white space around it; `None` if it is not there.
///
/// # Errors
/// [`ParseError::Value`] if it occurs twice (also with equal values), is empty, or is not printable ASCII.
pub fn sole_field<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ParseError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ParseError::value("header field", "occurs more than once"));
    }
    match value.to_str().map(trim) {
        Ok("") | Err(_) => Err(ParseError::value("header field", "empty or not printable ASCII")),
        Ok(text) => Ok(Some(text)),
    }
}

/// The WIT of a request or response, unverified; `None` if there is none.
///
/// # Errors
/// [`ParseError::Value`] if there are two.
pub fn workload_identity_token(headers: &HeaderMap) -> Result<Option<&str>, ParseError> {
    sole_field(headers, WORKLOAD_IDENTITY_TOKEN)
}

/// The credentials of `Authorization: WPT <token68>` (WIMSE WPT section 2); `None` if there is no `Authorization` or it has
/// another scheme. The scheme's case does not matter; one space or several follow it.
///
/// # Errors
/// [`ParseError::Value`] if there are two `Authorization` fields, whatever their schemes, or what follows `WPT` is not one
/// token68.
pub fn wpt_credentials(headers: &HeaderMap) -> Result<Option<&str>, ParseError> {
    let Some(value) = sole_field(headers, AUTHORIZATION.as_str())? else { return Ok(None) };
    // Where the scheme's name ends, so does the freedom: a tab or nothing at all after `WPT` is an error, not another scheme.
    let (scheme, rest) = value.split_at(value.find(|c: char| !is_token_char(c)).unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case("WPT") {
        return Ok(None);
    }
    let credentials = rest.trim_start_matches(' ');
    if credentials.len() == rest.len() || !is_token68(credentials) {
        return Err(ParseError::value("`Authorization`", "not `WPT`, a space and one token68"));
    }
    Ok(Some(credentials))
}

/// Which of the fields `names` a message has, with their values: what [`WptRules`](crate::WptRules) and
/// [`NewWpt`](crate::NewWpt) take as other tokens. `names` are in lower case.
///
/// # Errors
/// [`ParseError::Value`] if one occurs twice: a hash covers one value (WIMSE WPT section 2).
pub fn token_fields<'a>(headers: &'a HeaderMap, names: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>, ParseError> {
    let mut present = Vec::new();
    for name in names {
        present.extend(sole_field(headers, name)?.map(|value| (*name, value)));
    }
    Ok(present)
}

/// Without optional white space at both ends (RFC 9110 section 5.6.3).
pub(crate) fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// RFC 9110 section 5.6.2.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// RFC 9110 section 11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// WPT-02.
    #[test]
    fn the_scheme_has_any_case_and_a_space_after_it() {
        for value in ["WPT a.b.c", "wpt a.b.c", "Wpt   a.b.c", " WPT a.b.c "] {
            assert_eq!(wpt_credentials(&headers(&[("authorization", value)])), Ok(Some("a.b.c")), "{value:?}");
        }
        for value in
            ["WPT", "WPT ", "WPT\ta.b.c", "WPT \ta.b.c", "WPT a.b.c, d", "WPT a b", "WPT =", "WPT a=b", "WPT,a", "WPT\"a\""]
        {
            assert!(wpt_credentials(&headers(&[("authorization", value)])).is_err(), "{value:?}");
        }
        for value in ["Bearer a.b.c", "WPTa.b.c", "DPoP WPT", "W PT"] {
            assert_eq!(wpt_credentials(&headers(&[("authorization", value)])), Ok(None), "{value:?}");
        }
        assert_eq!(wpt_credentials(&HeaderMap::new()), Ok(None));
    }

    /// WPT-15, WPT-28.
    #[test]
    fn two_authorization_fields_are_refused_whatever_they_say() {
        for pair in [["WPT a", "WPT a"], ["Bearer a", "WPT a"], ["WPT a", "Bearer a"], ["Bearer a", "DPoP b"]] {
            let two = headers(&pair.map(|value| ("authorization", value)));
            assert!(wpt_credentials(&two).is_err(), "{pair:?}");
        }
    }

    /// WPT-12, WIT-28.
    #[test]
    fn a_field_that_occurs_twice_is_refused() {
        let two = headers(&[("workload-identity-token", "a"), ("Workload-Identity-Token", "a"), ("x-user", "u")]);
        assert!(workload_identity_token(&two).is_err());
        assert_eq!(token_fields(&two, &["x-user", "x-other"]), Ok(vec![("x-user", "u")]));
        assert!(token_fields(&two, &["x-user", "workload-identity-token"]).is_err());
    }
}
