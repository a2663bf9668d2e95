//! Whom an entry of the list names.

use std::fmt;
use std::str::FromStr;

use procura_token::{Issuer, ParseError, TrustDomain, UnixTime, WorkloadId};

use super::rfc3339;

/// Somebody who can be disabled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A workload, or those below a path.
    Workload(WorkloadPattern),
    /// Every workload of a trust domain, however it is known.
    TrustDomain(TrustDomain),
    /// An issuer, of users' tokens or of a platform's.
    Issuer(Issuer),
    /// The platform rule of that name.
    Platform(String),
}

impl Party {
    /// The key that names it in the file.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Workload(_) => "workload",
            Self::TrustDomain(_) => "trust_domain",
            Self::Issuer(_) => "issuer",
            Self::Platform(_) => "platform",
        }
    }

    /// Its name there.
    pub fn name(&self) -> &str {
        match self {
            Self::Workload(pattern) => pattern.as_str(),
            Self::TrustDomain(name) => name.as_str(),
            Self::Issuer(issuer) => issuer.as_str(),
            Self::Platform(rule) => rule,
        }
    }
}

/// Such as ``trust domain `prod.example` ``.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Workload(_) => "workload",
            Self::TrustDomain(_) => "trust domain",
            Self::Issuer(_) => "issuer",
            Self::Platform(_) => "platform rule",
        };
        write!(f, "{kind} `{}`", self.name())
    }
}

/// The identifier of one workload, or, ending in `/*`, of every workload below it: `spiffe://prod.example/agent/*` covers
/// `spiffe://prod.example/agent/a/b`, not `spiffe://prod.example/agent` and not `spiffe://prod.example/agent-evil`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadPattern(Box<str>);

impl WorkloadPattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier above all that it covers, if it covers more than one.
    pub fn above(&self) -> Option<&str> {
        self.0.strip_suffix("/*")
    }

    /// Whether it is, or is above, the identifier.
    pub fn covers(&self, id: &WorkloadId) -> bool {
        match self.above() {
            Some(above) => id.as_str().strip_prefix(above).is_some_and(|below| below.starts_with('/')),
            None => id.as_str() == self.as_str(),
        }
    }

    /// The trust domain's name.
    pub fn trust_domain(&self) -> &str {
        let after = self.0.split_once("://").map_or("", |(_, after)| after);
        after.split('/').next().unwrap_or_default()
    }
}

impl FromStr for WorkloadPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_suffix("/*") {
            // A path below it is an identifier exactly if it is one, or a trust domain.
            Some(above) => format!("{above}/x").parse::<WorkloadId>()?,
            None => text.parse::<WorkloadId>()?,
        };
        Ok(Self(text.into()))
    }
}

/// As it was written.
impl fmt::Display for WorkloadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody is believed no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Who.
    pub party: Party,
    /// Since when, as whoever wrote it says. It holds whatever stands here.
    pub since: UnixTime,
    /// Why: for people and for the audit log.
    pub reason: String,
}

/// Such as ``trust domain `prod.example` is disabled since 2026-11-22T07:30:00Z: stolen keys``.
impl fmt::Display for Tombstone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is disabled since {}: {}", self.party, rfc3339(self.since), self.reason)
    }
}
