//! Workload identifiers: canonical, or not at all.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ParseError, TrustDomain};

/// The most bytes of a workload identifier (SPIFFE ID section 2.3, WIMSE identifier section 4.1).
pub const MAX_WORKLOAD_ID: usize = 2048;

/// The name of a workload inside its trust domain: `spiffe://prod.example/agent/planner` or `wimse://…`.
///
/// There is one spelling of each name. Upper case in scheme or trust domain, user information, port, query, fragment,
/// percent-encoding, empty, `.` and `..` segments and a trailing `/` are refused, never repaired, so that comparing bytes
/// compares identities. A `wimse` name must also not end its trust domain with a dot, and its segments may use `~`
/// (SPIFFE ID section 2; WIMSE identifier section 4.1 with the canonical form proposed for it).
///
/// Being well formed proves nothing: an identifier is authenticated only inside a `Verified` credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WorkloadId {
    uri: Box<str>,
    domain: core::ops::Range<usize>,
}

impl WorkloadId {
    /// The whole identifier.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// The trust domain's name.
    pub fn trust_domain(&self) -> &str {
        self.uri.get(self.domain.clone()).unwrap_or_default()
    }

    /// The path, beginning with `/`. It means something only together with the trust domain.
    pub fn path(&self) -> &str {
        self.uri.get(self.domain.end..).unwrap_or_default()
    }

    /// Scheme and trust domain, such as `spiffe://prod.example`: the namespace that `act.iss` names.
    pub fn origin(&self) -> &str {
        self.uri.get(..self.domain.end).unwrap_or_default()
    }

    /// Whether its scheme is `spiffe`.
    pub fn is_spiffe(&self) -> bool {
        self.uri.starts_with("spiffe:")
    }
}

impl FromStr for WorkloadId {
    type Err = ParseError;

    fn from_str(uri: &str) -> Result<Self, ParseError> {
        let err = |reason| ParseError::value("workload identifier", reason);
        if uri.len() > MAX_WORKLOAD_ID {
            return Err(err("longer than 2048 bytes"));
        }
        let (scheme, rest) = uri.split_once("://").ok_or(err("not an absolute URI with a trust domain"))?;
        let is_spiffe = match scheme {
            "spiffe" => true,
            "wimse" => false,
            _ => return Err(err("the scheme must be `spiffe` or `wimse`")),
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let (domain, path) = rest.split_at(end);
        TrustDomain::rule(domain)?;
        if !is_spiffe && domain.ends_with('.') {
            return Err(err("the trust domain ends with a dot"));
        }
        let segments = path.strip_prefix('/').ok_or(err("the path is empty"))?;
        for segment in segments.split('/') {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || (!is_spiffe && byte == b'~');
            match segment {
                "" => return Err(err("a path segment is empty")),
                "." | ".." => return Err(err("a path segment is `.` or `..`")),
                _ if !segment.bytes().all(allowed) => return Err(err("a character is not allowed in a path")),
                _ => {}
            }
        }
        let start = scheme.len() + 3;
        Ok(Self { uri: uri.into(), domain: start..start + end })
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl fmt::Debug for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.uri, f)
    }
}

impl Serialize for WorkloadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.uri)
    }
}

impl<'de> Deserialize<'de> for WorkloadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_an_identifier() {
        let id: WorkloadId = "spiffe://prod.example/agent/planner".parse().unwrap();
        assert_eq!((id.trust_domain(), id.path(), id.origin()), ("prod.example", "/agent/planner", "spiffe://prod.example"));
    }

    #[test]
    fn length_is_bounded_at_2048() {
        let of_length = |length: usize| format!("spiffe://example.org/{}", "a".repeat(length - 21)).parse::<WorkloadId>();
        assert!(of_length(MAX_WORKLOAD_ID).is_ok());
        assert!(of_length(MAX_WORKLOAD_ID + 1).is_err());
    }

    proptest! {
        #[test]
        fn an_identifier_is_its_own_canonical_form(uri in "(spiffe|wimse|SPIFFE)://[a-zA-Z0-9.%_-]{0,9}[/a-zA-Z0-9.%~_-]{0,20}") {
            if let Ok(id) = uri.parse::<WorkloadId>() {
                prop_assert_eq!(id.as_str(), &uri);
                prop_assert_eq!(format!("{}{}", id.origin(), id.path()), uri.clone());
                prop_assert!(!uri.contains('%') && !uri.contains("//a/..") && !uri.ends_with('/'));
            }
        }
    }
}
