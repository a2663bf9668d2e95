//! Rules over workload paths: whole segments, never characters.

use std::fmt;
use std::str::FromStr;

use procura_token::{ParseError, WorkloadId};

/// The path of one workload, such as `/agent/planner`, or, ending in `/*`, of every workload below a path.
///
/// `/agent/*` covers `/agent/planner` and `/agent/a/b`, not `/agent` and not `/agent-evil`. `/*` covers a whole trust
/// domain; an empty pattern does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    path: String,
    below: bool,
}

impl PathPattern {
    /// Whether it covers the workload. The trust domain has been compared before.
    pub fn covers(&self, id: &WorkloadId) -> bool {
        match id.path().strip_prefix(self.path.as_str()) {
            Some(rest) if self.below => rest.starts_with('/'),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }
}

impl FromStr for PathPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (path, below) = text.strip_suffix("/*").map_or((text, false), |path| (path, true));
        if !(below && path.is_empty()) {
            format!("spiffe://pattern{path}").parse::<WorkloadId>()?;
        }
        Ok(Self { path: path.to_owned(), below })
    }
}

/// As it was written.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, if self.below { "/*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_segments() {
        for (pattern, path, covers) in [
            ("/agent/planner", "/agent/planner", true),
            ("/agent/planner", "/agent/planner-evil", false),
            ("/agent/planner", "/agent/planner/x", false),
            ("/agent/*", "/agent/planner", true),
            ("/agent/*", "/agent/a/b", true),
            ("/agent/*", "/agent", false),
            ("/agent/*", "/agent-evil/planner", false),
            ("/*", "/anything", true),
        ] {
            let id = format!("spiffe://prod.example{path}").parse().unwrap();
            assert_eq!(pattern.parse::<PathPattern>().unwrap().covers(&id), covers, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_are_no_paths_are_refused() {
        for pattern in ["", "*", "/", "agent/*", "/agent/*/x", "/agent/**", "/ag%65nt", "/../*", "/agent/pl*"] {
            assert!(pattern.parse::<PathPattern>().is_err(), "{pattern}");
        }
    }
}
