//! What a user agreed to, as his own token says: a claim that the issuer's configuration names.

use serde::Deserialize;
use serde_json::Value;

use crate::json::present;
use crate::{ParseError, Resource, ScopeSet, WorkloadId};

/// The most entries of the claim.
const MAX_CONSENTS: usize = 64;

/// The user agreed that a workload acts for him.
///
/// An entry of the claim is the workload's identifier alone, or an object with `agent` and, where the consent is to less than
/// everything, `target` and `scope`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The workload.
    pub agent: WorkloadId,
    /// Where. Nothing: everywhere.
    #[serde(default, deserialize_with = "present")]
    pub target: Option<Resource>,
    /// In what. Nothing: in all that the target has.
    #[serde(default, deserialize_with = "present")]
    pub scope: Option<ScopeSet>,
}

impl Consent {
    /// All of a claim. An entry that is not understood makes the token malformed: it may be a limit.
    pub(crate) fn read(claim: &Value) -> Result<Vec<Self>, ParseError> {
        const ODD: ParseError = ParseError::value("the claim of consent", "not a list of at most 64 agents");
        let entries = claim.as_array().filter(|entries| entries.len() <= MAX_CONSENTS).ok_or(ODD)?;
        entries.iter().map(|entry| Self::entry(entry).ok_or(ODD)).collect()
    }

    fn entry(entry: &Value) -> Option<Self> {
        match entry {
            Value::String(agent) => Some(Self { agent: agent.parse().ok()?, target: None, scope: None }),
            Value::Object(_) => {
                Self::deserialize(entry).ok().filter(|it| it.scope.as_ref().is_none_or(|scope| !scope.is_empty()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const AGENT: &str = "spiffe://prod.example/agent/planner";

    #[test]
    fn an_entry_is_an_agent_or_says_where_and_in_what() {
        let claim = json!([AGENT, {"agent": AGENT}, {"agent": AGENT, "target": "https://api.example/", "scope": "a b"}]);
        let read = Consent::read(&claim).unwrap();
        assert!(read.iter().all(|consent| consent.agent.as_str() == AGENT));
        assert!(read[..2].iter().all(|consent| consent.target.is_none() && consent.scope.is_none()));
        assert_eq!(read[2].target.as_ref().map(Resource::as_str), Some("https://api.example/"));
        assert_eq!(read[2].scope, Some("a b".parse().unwrap()));
        assert_eq!(Consent::read(&json!([])), Ok(vec![]));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_left_out() {
        for entry in [
            json!("planner"),
            json!(1),
            json!(null),
            json!([AGENT]),
            json!({"target": "https://api.example/"}),
            json!({"agent": AGENT, "until": 5}),
            json!({"agent": AGENT, "scope": ""}),
            json!({"agent": AGENT, "scope": null}),
            json!({"agent": AGENT, "target": "calendar"}),
        ] {
            assert!(Consent::read(&json!([AGENT, entry])).is_err(), "{entry}");
        }
        for claim in [json!(AGENT), json!({"agent": AGENT}), json!(null), json!(vec![AGENT; 65])] {
            assert!(Consent::read(&claim).is_err(), "{claim}");
        }
    }
}
