//! The names OAuth deals in, each well formed or absent.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{is_uri_text, split_scheme, text};
use crate::{ParseError, WorkloadId};

/// The most bytes of an issuer identifier or a resource.
const MAX_URI: usize = 2048;
/// The most bytes of a `scope` string, and the most scope tokens in one.
const MAX_SCOPE: (usize, usize) = (4096, 128);

/// An issuer identifier: an `https` URL without query and fragment (RFC 8414 section 2), compared byte by byte.
///
/// `http` parses too, for development on the loopback interface; whoever trusts an issuer asks [`Issuer::is_protected`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer(Box<str>);

text!(Issuer);

impl Issuer {
    fn rule(url: &str) -> Result<(), ParseError> {
        let err = |reason| Err(ParseError::value("issuer", reason));
        let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http")) else {
            return err("not an https URL");
        };
        if url.len() > MAX_URI {
            return err("longer than 2048 bytes");
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') {
            return err("the host is missing or carries user information");
        }
        if !is_uri_text(url) || url.contains('?') {
            return err("a query, a fragment or a character that no URL has");
        }
        Ok(())
    }

    /// Whether what it serves is protected on the way: `https`, or `http` that does not leave this machine.
    pub fn is_protected(&self) -> bool {
        let Some(rest) = self.0.strip_prefix("http://") else { return true };
        let authority = rest.split('/').next().unwrap_or_default();
        let port = ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|host| authority.strip_prefix(host));
        port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
    }

    /// Where its metadata is: the well-known path stands between host and path (RFC 8414 section 3.1).
    pub fn metadata_url(&self) -> String {
        const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
        let authority = self.0.find("://").map_or(0, |scheme| scheme + 3);
        let path = self.0.get(authority..).and_then(|rest| rest.find('/')).map_or(self.0.len(), |slash| authority + slash);
        let (origin, path) = self.0.split_at(path);
        format!("{origin}{WELL_KNOWN}{}", path.strip_suffix('/').unwrap_or(path))
    }
}

/// A target: the absolute URI, without fragment, of what a token is for (RFC 8707 section 2). It is the token's `aud`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource(Box<str>);

text!(Resource);

impl Resource {
    fn rule(uri: &str) -> Result<(), ParseError> {
        let err = |reason| Err(ParseError::value("resource", reason));
        match split_scheme(uri) {
            _ if uri.len() > MAX_URI => err("longer than 2048 bytes"),
            None => err("not an absolute URI"),
            Some((_, "" | "//")) => err("nothing follows the scheme"),
            Some(_) if uri.contains('#') => err("a fragment is not allowed"),
            Some(_) if !is_uri_text(uri) => err("a character that no URI has"),
            Some(_) => Ok(()),
        }
    }
}

/// Whose authority a token carries: the top-level `sub`. Of users, `<issuer alias>:<subject at that issuer>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Box<str>);

text!(Subject);

impl Subject {
    fn rule(subject: &str) -> Result<(), ParseError> {
        if subject.is_empty() || subject.len() > MAX_URI || subject.chars().any(char::is_control) {
            return Err(ParseError::value("`sub`", "empty, longer than 2048 bytes, or with control characters"));
        }
        Ok(())
    }
}

/// A workload that acts for itself has its own name.
impl From<&WorkloadId> for Subject {
    fn from(id: &WorkloadId) -> Self {
        Self(id.as_str().into())
    }
}

/// The name of one token or proof: `jti`, or the `nonce` of a message signature; 1 to 256 printable ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(Box<str>);

text!(TokenId);

impl TokenId {
    fn rule(id: &str) -> Result<(), ParseError> {
        if id.is_empty() || id.len() > 256 || !id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(ParseError::value("`jti` or `nonce`", "not 1 to 256 printable ASCII characters"));
        }
        Ok(())
    }

    /// The base64url text of 16 random bytes: 128 bits, so that two never meet (RFC 9449 section 4.2).
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(crate::base64url::encode(bytes).into())
    }
}

/// One scope-token (RFC 6749 section 3.3): visible ASCII without `"` and `\`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Box<str>);

text!(Scope);

impl Scope {
    fn rule(token: &str) -> Result<(), ParseError> {
        if token.is_empty() || !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(ParseError::value("scope", "not scope-tokens separated by single spaces"));
        }
        Ok(())
    }
}

/// A set of scope-tokens: order and repetition mean nothing. At most 128 tokens and 4,096 bytes. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(
    /// In order, each once.
    Arc<[Scope]>,
);

impl ScopeSet {
    /// Whether it grants nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether `scope` is in it.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// Whether everything in it is in `other` too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.contains(scope))
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.iter().filter(|scope| other.contains(scope)).cloned().collect())
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.into())
    }
}

impl FromStr for ScopeSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_SCOPE.0 || text.split(' ').count() > MAX_SCOPE.1 {
            return Err(ParseError::value("scope", "too long"));
        }
        text.split(' ').map(str::parse).collect()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A token type identifier (RFC 8693 section 3). Compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenType {
    /// An OAuth access token of this service.
    AccessToken,
    /// A refresh token. Known, never accepted.
    RefreshToken,
    /// An OpenID Connect ID token.
    IdToken,
    /// Some other JWT: its `typ` decides what it is (a WIT, a JWT-SVID).
    Jwt,
    /// A Workload Identity Token. None is registered; this name is ours.
    Wit,
    /// A delegation as a Biscuit, which its holder narrows and hands over offline. None is registered; this name is ours.
    Biscuit,
    /// The client certificate of the connection, in place of a token.
    Mtls,
}

impl TokenType {
    const ALL: [Self; 7] =
        [Self::AccessToken, Self::RefreshToken, Self::IdToken, Self::Jwt, Self::Wit, Self::Biscuit, Self::Mtls];

    /// The URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::Wit => "urn:procura:token-type:wit",
            Self::Biscuit => "urn:procura:token-type:biscuit",
            Self::Mtls => "urn:ietf:params:oauth:token-type:mtls",
        }
    }
}

impl FromStr for TokenType {
    type Err = ParseError;

    fn from_str(uri: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|known| known.as_str() == uri).ok_or(ParseError::value("token type", "unknown"))
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn issuers_are_urls_without_query_fragment_or_user() {
        for url in ["https://sts.example", "https://sts.example/t1", "https://sts.example:8443/", "http://127.0.0.1:8080"] {
            assert!(url.parse::<Issuer>().is_ok(), "{url}");
        }
        for url in [
            "sts.example",
            "ftp://a",
            "https://",
            "https:///x",
            "https://u@h",
            "https://h?q",
            "https://h#f",
            "https://h/ x",
            "https://h/\u{e9}",
        ] {
            assert!(url.parse::<Issuer>().is_err(), "{url}");
        }
    }

    #[test]
    fn http_is_protected_on_the_loopback_interface_only() {
        for (url, protected) in [
            ("https://sts.example", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080/x", true),
            ("http://localhost", true),
            ("http://sts.example", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("http://[::1].example", false),
        ] {
            assert_eq!(url.parse::<Issuer>().unwrap().is_protected(), protected, "{url}");
        }
    }

    #[test]
    fn the_well_known_path_is_inserted_before_the_path() {
        for (issuer, url) in [
            ("https://sts.example", "https://sts.example/.well-known/oauth-authorization-server"),
            ("https://sts.example/", "https://sts.example/.well-known/oauth-authorization-server"),
            ("http://127.0.0.1:8080/a/b/", "http://127.0.0.1:8080/.well-known/oauth-authorization-server/a/b"),
        ] {
            assert_eq!(issuer.parse::<Issuer>().unwrap().metadata_url(), url);
        }
    }

    #[test]
    fn resources_are_absolute_uris_without_fragment() {
        for uri in
            ["https://api.example/calendar", "https://api.example/?q=1", "urn:example:api", "spiffe://prod.example/server/x"]
        {
            assert!(uri.parse::<Resource>().is_ok(), "{uri}");
        }
        for uri in ["", "/calendar", "calendar", "https://api.example/#f", "https://api example", "1a:b", "https://", "a:%zz"] {
            assert!(uri.parse::<Resource>().is_err(), "{uri}");
        }
    }

    #[test]
    fn scopes_follow_the_grammar() {
        assert_eq!("b a b".parse::<ScopeSet>().unwrap().to_string(), "a b");
        for text in [" a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "a\u{e9}"] {
            assert!(text.parse::<ScopeSet>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn scope_sets_are_sets() {
        let set = |text: &str| text.parse::<ScopeSet>().unwrap();
        assert_eq!(set("b a b"), set("a b"));
        assert!(set("a").is_subset(&set("a b")) && set("").is_subset(&set("")) && !set("a c").is_subset(&set("a b")));
        assert_eq!(set("a b c").intersection(&set("d c b")), set("b c"));
        assert!(set("a b").contains(&"b".parse().unwrap()) && !set("a c").contains(&"b".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn a_scope_set_survives_its_own_text(text in "[ -~]{0,40}") {
            if let Ok(set) = text.parse::<ScopeSet>() {
                prop_assert_eq!(set.to_string().parse::<ScopeSet>().unwrap(), set);
            }
        }
    }
}
