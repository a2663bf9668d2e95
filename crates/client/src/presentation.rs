//! How a token is shown to a resource.

use http::header::AUTHORIZATION;
use procura_token::{ParseError, TXN_TOKEN, WORKLOAD_IDENTITY_TOKEN};

use crate::ResponseSignature;

/// One `Authorization` field cannot hold a token and a WPT, so there are three ways.
#[derive(Clone, Debug, Default)]
pub(crate) enum Presentation {
    /// `Authorization: DPoP` with a DPoP proof; `Authorization: Bearer` for a token that is bound to the connection's
    /// certificate.
    #[default]
    Token,
    /// The WIT, `Authorization: WPT`, and the token in a field that the proof covers.
    Wpt(TokenFields),
    /// The WIT, a signature over the message, `Authorization: DPoP` and a DPoP proof.
    Signature(ResponseSignature),
}

/// The fields that a WPT covers by `oth`; the token is in the first.
#[derive(Clone, Debug)]
pub(crate) struct TokenFields(Vec<String>);

impl TokenFields {
    pub(crate) fn new(token_field: &str, also_covered: &[&str]) -> Result<Self, ParseError> {
        let names = core::iter::once(&token_field).chain(also_covered).map(|name| name.to_ascii_lowercase());
        let err = |reason| Err(ParseError::Value { name: "header field", reason });
        let mut fields = Vec::new();
        for name in names {
            match name.as_str() {
                _ if http::HeaderName::from_lowercase(name.as_bytes()).is_err() => return err("not a field name"),
                "dpop" | "cookie" | "host" | TXN_TOKEN | WORKLOAD_IDENTITY_TOKEN => return err("has another meaning"),
                name if name == AUTHORIZATION => return err("has another meaning"),
                _ if fields.contains(&name) => return err("named twice"),
                _ => fields.push(name),
            }
        }
        Ok(Self(fields))
    }

    /// Where the token is.
    pub(crate) fn token(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_a_meaning_of_their_own_carry_no_token() {
        assert_eq!(TokenFields::new("Delegation-Token", &["x-user"]).unwrap().names(), ["delegation-token", "x-user"]);
        for (field, more) in [
            ("Authorization", &[][..]),
            ("workload-identity-token", &[]),
            ("DPoP", &[]),
            ("a b", &[]),
            ("", &[]),
            ("x", &["txn-token"]),
            ("x", &["X"]),
        ] {
            assert!(TokenFields::new(field, more).is_err(), "{field:?} {more:?}");
        }
    }
}
