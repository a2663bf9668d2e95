//! JWS compact serialization (RFC 7515 section 7.1): taken apart strictly, put together plainly.

use std::borrow::Cow;

use serde::{Deserialize, de};

use crate::json::{present, present_object};
use crate::jwk::{MAX_KEY_ID, RawJwk};
use crate::{Algorithm, Jwk, ParseError, base64url, json};

/// The longest token or proof this crate reads, in bytes. The form a token arrives in is bounded by the server.
pub const MAX_TOKEN: usize = 16 * 1024;

/// What the first part of a token says. Nothing in it is trusted: it only selects, from what the verifier already has.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) typ: Option<String>,
    pub(crate) key_id: Option<String>,
    /// Only ever present in kinds that carry their own key.
    pub(crate) jwk: Option<Jwk>,
}

impl Header {
    /// Whether `typ` names `media_type`: case-insensitively, with or without `application/` (RFC 7515 section 4.1.9).
    pub(crate) fn is_typed(&self, media_type: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| {
            let bare = match typ.split_at_checked(12) {
                Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
                _ => typ,
            };
            bare.eq_ignore_ascii_case(media_type)
        })
    }

    /// Whether `typ` is absent or one of the names that mean "some JWT".
    pub(crate) fn is_untyped(&self, names: &[&str]) -> bool {
        self.typ.is_none() || names.iter().any(|name| self.is_typed(name))
    }
}

/// A token taken apart, its signature not yet looked at.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) signing_input: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes `text` apart. A `jwk` header is an error unless `carries_key`.
    pub(crate) fn parse(text: &'a str, carries_key: bool) -> Result<Self, ParseError> {
        if text.len() > MAX_TOKEN {
            return Err(ParseError::TooLong { limit: MAX_TOKEN });
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(ParseError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(ParseError::NotCompact)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(ParseError::NotCompact);
        }
        let header = json::parse::<RawHeader<'_>>(&base64url::decode(header)?)?.refine(carries_key)?;
        Ok(Self { header, payload: base64url::decode(payload)?, signing_input, signature: base64url::decode(signature)? })
    }
}

#[derive(Deserialize)]
struct RawHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present_object")]
    jwk: Option<RawJwk>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    b64: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jku: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5u: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5c: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    enc: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    zip: Option<de::IgnoredAny>,
}

impl RawHeader<'_> {
    /// `crit` is refused whatever it lists, since no extension is understood here (RFC 7515 section 4.1.11); keys and
    /// places to find keys are refused because nobody may choose the key they are judged by (RFC 8725 section 3.10).
    fn refine(self, carries_key: bool) -> Result<Header, ParseError> {
        let refused = [
            ("crit", self.crit.is_some()),
            ("b64", self.b64.is_some()),
            ("jku", self.jku.is_some()),
            ("x5u", self.x5u.is_some()),
            ("x5c", self.x5c.is_some()),
            ("enc", self.enc.is_some()),
            ("zip", self.zip.is_some()),
            ("jwk", self.jwk.is_some() && !carries_key),
        ];
        if let Some((name, _)) = refused.into_iter().find(|(_, is_there)| *is_there) {
            return Err(ParseError::HeaderParameter(name));
        }
        if self.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KEY_ID) {
            return Err(ParseError::value("`kid`", "longer than 256 bytes"));
        }
        Ok(Header {
            algorithm: self.alg.parse()?,
            typ: self.typ,
            key_id: self.kid,
            jwk: self.jwk.map(Jwk::try_from).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str) -> String {
        format!("{}.{}.{}", base64url::encode(header), base64url::encode("{}"), base64url::encode([1]))
    }

    #[test]
    fn only_three_non_empty_parts_are_a_token() {
        for text in ["", ".", "..", "a.b", "e30.e30.", ".e30.AQ", "e30..AQ", "e30.e30.AQ.AQ", "{}", "e30=.e30.AQ", "e30.e30.AQ "]
        {
            assert!(Jws::parse(text, false).is_err(), "{text:?}");
        }
        assert_eq!(Jws::parse(&"a".repeat(MAX_TOKEN + 1), false).unwrap_err(), ParseError::TooLong { limit: MAX_TOKEN });
    }

    #[test]
    fn algorithms_outside_the_list_are_refused() {
        for alg in ["none", "None", "noNE", "HS256", "es256", "ES256 ", "", "RSA-OAEP", "ES256K"] {
            assert_eq!(Jws::parse(&token(&format!(r#"{{"alg":"{alg}"}}"#)), false).unwrap_err(), ParseError::Algorithm);
        }
    }

    #[test]
    fn parameters_that_choose_keys_or_meaning_are_refused_with_any_value() {
        for name in ["crit", "b64", "jku", "x5u", "x5c", "enc", "zip"] {
            for value in ["null", "[]", "\"x\"", "false"] {
                let text = token(&format!(r#"{{"alg":"ES256","{name}":{value}}}"#));
                assert_eq!(Jws::parse(&text, true).unwrap_err(), ParseError::HeaderParameter(name));
            }
        }
    }

    #[test]
    fn typ_is_a_media_type() {
        let typ = |typ: &str| Jws::parse(&token(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)), false).unwrap().header;
        for same in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(typ(same).is_typed("at+jwt"), "{same}");
        }
        for other in ["", "jwt", "at+jwt ", "application/", "text/at+jwt", "application/application/at+jwt"] {
            assert!(!typ(other).is_typed("at+jwt"), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,200}", carries_key: bool) {
            let _ = Jws::parse(&text, carries_key);
        }

        #[test]
        fn no_header_makes_the_parser_panic(header in "[ -~]{0,200}", carries_key: bool) {
            let _ = Jws::parse(&token(&header), carries_key);
        }
    }
}
