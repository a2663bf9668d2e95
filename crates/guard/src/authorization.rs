//! `Authorization`, of the schemes that are known here.

/// What an `Authorization` field says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Authorization<'a> {
    Dpop(&'a str),
    Bearer(&'a str),
    Wpt(&'a str),
    Other,
}

impl<'a> Authorization<'a> {
    /// `auth-scheme 1*SP token68` (RFC 9110 section 11.4), the scheme in any case, nothing before or after.
    pub(crate) fn of(value: &'a str) -> Self {
        let Some((scheme, rest)) = value.split_once(' ') else { return Self::Other };
        let token = rest.trim_start_matches(' ');
        match scheme {
            _ if !is_token68(token) => Self::Other,
            _ if scheme.eq_ignore_ascii_case("dpop") => Self::Dpop(token),
            _ if scheme.eq_ignore_ascii_case("bearer") => Self::Bearer(token),
            _ if scheme.eq_ignore_ascii_case("wpt") => Self::Wpt(token),
            _ => Self::Other,
        }
    }

    pub(crate) const fn wpt(&self) -> Option<&'a str> {
        match self {
            Self::Wpt(proof) => Some(proof),
            _ => None,
        }
    }
}

fn is_token68(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !unpadded.is_empty() && unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DPOP-27, WPT-02.
    #[test]
    fn a_scheme_has_any_case_and_its_token_stands_alone() {
        for value in ["DPoP a.b.c", "dpop a.b.c", "DPOP  a.b.c", "dPoP   a.b.c"] {
            assert_eq!(Authorization::of(value), Authorization::Dpop("a.b.c"), "{value:?}");
        }
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(Authorization::of(value), Authorization::Bearer("a.b.c"), "{value:?}");
        }
        for value in ["WPT a.b.c", "wpt a.b.c", "Wpt  a.b.c"] {
            assert_eq!(Authorization::of(value), Authorization::Wpt("a.b.c"), "{value:?}");
        }
        for value in [
            "Bearer\ta.b.c",
            "WPT\ta.b.c",
            "WPTa.b.c",
            "WPT a.b.c, WPT d",
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
            assert_eq!(Authorization::of(value), Authorization::Other, "{value:?}");
        }
    }
}
