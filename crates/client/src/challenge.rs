//! What a resource says when it refuses.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The challenge of an answer that says what is wrong with the token or its proof (RFC 9449 section 7.1, RFC 6750 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// `error`, such as `use_dpop_nonce`.
    pub error: Option<String>,
    /// `scope`: what would be needed.
    pub scope: Option<String>,
}

impl Challenge {
    /// Reads the first challenge of scheme `DPoP`, among others of other schemes.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Self::of_scheme(headers, "DPoP")
    }

    /// Reads the first challenge of this scheme. `WPT` has no parameters (WIMSE WPT section 2.1).
    pub fn of_scheme(headers: &HeaderMap, scheme: &str) -> Option<Self> {
        headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| Self::parse(value.to_str().ok()?, scheme))
    }

    /// Challenges and their parameters share one comma-separated list (RFC 9110 section 11.6.1).
    fn parse(value: &str, wanted: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        for item in split_unquoted(value) {
            let parameter = match item.split_once(' ') {
                Some((scheme, first)) if !scheme.contains('=') => {
                    if found.is_some() {
                        return found;
                    }
                    found = scheme.eq_ignore_ascii_case(wanted).then(Self::default);
                    first.trim()
                }
                _ if item.eq_ignore_ascii_case(wanted) => return Some(found.unwrap_or_default()),
                _ => item,
            };
            let (Some(challenge), Some((name, value))) = (found.as_mut(), parameter.split_once('=')) else { continue };
            let value = Some(value.trim_matches('"').to_owned());
            match name.to_ascii_lowercase().as_str() {
                "error" => challenge.error = value,
                "scope" => challenge.scope = value,
                _ => {}
            }
        }
        found
    }
}

fn split_unquoted(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let is_comma = move |letter: char| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    };
    list.split(is_comma).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dpop_challenge_is_found_among_others() {
        let nonce = Some(Challenge { error: Some("use_dpop_nonce".into()), scope: None });
        for (value, expected) in [
            (r#"DPoP error="use_dpop_nonce", algs="ES256 PS256""#, nonce.clone()),
            (r#"dpop algs="ES256",error=use_dpop_nonce"#, nonce.clone()),
            (r#"Bearer error="invalid_token", realm="a, DPoP error=x", DPoP error="use_dpop_nonce""#, nonce.clone()),
            (r#"DPoP error="use_dpop_nonce", Bearer error="invalid_token""#, nonce),
            (
                r#"DPoP error="insufficient_scope", scope="a b""#,
                Some(Challenge { error: Some("insufficient_scope".into()), scope: Some("a b".into()) }),
            ),
            ("DPoP", Some(Challenge::default())),
            (r#"Bearer error="invalid_token""#, None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(value, "DPoP"), expected, "{value}");
        }
    }

    #[test]
    fn a_challenge_is_found_by_its_scheme() {
        let both = r#"Bearer error="invalid_token", WPT"#;
        assert_eq!(Challenge::parse(both, "WPT"), Some(Challenge::default()));
        let bearer = Challenge { error: Some("invalid_token".into()), scope: None };
        assert_eq!(Challenge::parse(both, "Bearer"), Some(bearer));
        assert_eq!(Challenge::parse(both, "DPoP"), None);
    }
}
