//! Who acts: the `act` claim (RFC 8693 section 4.1).

use serde::{Deserialize, Serialize, de};

use crate::json::{object, present, present_object};
use crate::{ParseError, WorkloadId};

/// The most actors a chain may have.
pub const MAX_ACTORS: usize = 8;
/// The most bytes the names of all actors of a chain may have, so that a token still fits into a header field.
pub const MAX_ACTOR_NAMES: usize = 4096;

/// One workload that acts, or acted, for the subject of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The workload. Its origin, such as `spiffe://prod.example`, is written as the actor's `iss`.
    pub id: WorkloadId,
    /// What kind of entity it is, such as `ai_agent`; history to us, never a basis for a decision.
    pub profile: Option<String>,
}

impl Actor {
    fn size(&self) -> usize {
        self.id.as_str().len() + self.profile.as_ref().map_or(0, String::len)
    }
}

/// The actors of a token, newest first; at least one, at most [`MAX_ACTORS`].
///
/// Only the first, the *current* actor, counts for access decisions. The others are history, worth what our signature
/// says of them (RFC 8693 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorChain(Vec<Actor>);

impl ActorChain {
    /// A chain of one.
    pub fn new(current: Actor) -> Self {
        Self(vec![current])
    }

    /// This chain, unchanged, under a new current actor.
    ///
    /// # Errors
    /// [`ParseError::Value`] if the chain is full, or would be longer than [`MAX_ACTOR_NAMES`].
    pub fn extend(&self, current: Actor) -> Result<Self, ParseError> {
        if self.0.len() >= MAX_ACTORS {
            return Err(ParseError::value("`act`", "more than 8 actors"));
        }
        let actors: Vec<Actor> = core::iter::once(current).chain(self.0.iter().cloned()).collect();
        match actors.iter().map(Actor::size).sum::<usize>() {
            0..=MAX_ACTOR_NAMES => Ok(Self(actors)),
            _ => Err(ParseError::value("`act`", "names of more than 4096 bytes")),
        }
    }

    /// Whether `id` is one of the actors.
    pub fn contains(&self, id: &WorkloadId) -> bool {
        self.0.iter().any(|actor| actor.id == *id)
    }

    /// Who acts now.
    #[expect(clippy::indexing_slicing, reason = "every constructor puts at least one actor in")]
    pub fn current(&self) -> &Actor {
        &self.0[0]
    }

    /// All actors, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Actor> {
        self.0.iter()
    }

    /// How many actors there are.
    #[expect(clippy::len_without_is_empty, reason = "a chain is never empty")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

#[derive(Serialize)]
struct Nested<'a> {
    iss: &'a str,
    sub: &'a WorkloadId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Nested<'a>>>,
}

impl Serialize for ActorChain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn nested<'a>(actor: &'a Actor, act: Option<Box<Nested<'a>>>) -> Nested<'a> {
            Nested { iss: actor.id.origin(), sub: &actor.id, sub_profile: actor.profile.as_deref(), act }
        }
        let mut chain = None;
        for actor in self.0.iter().rev() {
            chain = Some(Box::new(nested(actor, chain)));
        }
        chain.serialize(serializer)
    }
}

/// `exp`, `nbf`, `aud`, `iat`, `jti`, `cnf` and `scope` have no meaning inside `act` and are refused there.
#[derive(Deserialize)]
struct RawActor {
    iss: String,
    sub: WorkloadId,
    #[serde(default, deserialize_with = "present")]
    sub_profile: Option<String>,
    #[serde(default, deserialize_with = "present_object")]
    act: Option<Box<RawActor>>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    cnf: Option<de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<de::IgnoredAny>,
}

impl<'de> Deserialize<'de> for ActorChain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut actors = Vec::new();
        let mut next = Some(object::<D, Box<RawActor>>(deserializer)?);
        while let Some(raw) = next.take() {
            let foreign = [&raw.exp, &raw.nbf, &raw.iat, &raw.aud, &raw.jti, &raw.cnf, &raw.scope];
            if foreign.iter().any(|claim| claim.is_some()) {
                return Err(de::Error::custom("`act` holds a claim that does not identify an actor"));
            }
            if raw.iss != raw.sub.origin() {
                return Err(de::Error::custom("`act.iss` is not the origin of `act.sub`"));
            }
            if actors.len() >= MAX_ACTORS {
                return Err(de::Error::custom("`act` holds more than 8 actors"));
            }
            actors.push(Actor { id: raw.sub, profile: raw.sub_profile });
            next = raw.act;
        }
        Ok(Self(actors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = r#"{"iss":"spiffe://a.test","sub":"spiffe://a.test/tool","act":{"iss":"spiffe://a.test","sub":"spiffe://a.test/agent","sub_profile":"ai_agent"}}"#;

    #[test]
    fn a_chain_is_written_newest_first_and_read_back_unchanged() {
        let first = ActorChain::new(Actor { id: "spiffe://a.test/agent".parse().unwrap(), profile: Some("ai_agent".into()) });
        let chain = first.extend(Actor { id: "spiffe://a.test/tool".parse().unwrap(), profile: None }).unwrap();
        assert_eq!(serde_json::to_string(&chain).unwrap(), NESTED);
        assert_eq!(serde_json::from_str::<ActorChain>(NESTED).unwrap(), chain);
        assert_eq!(chain.current().id.path(), "/tool");
    }

    #[test]
    fn anything_but_a_chain_of_identities_is_refused() {
        for act in [
            "null",
            "[]",
            "\"x\"",
            "{}",
            r#"["spiffe://a.test","spiffe://a.test/x"]"#,
            r#"{"iss":"spiffe://a.test","sub":"spiffe://a.test/x","act":["spiffe://a.test","spiffe://a.test/y"]}"#,
            r#"{"sub":"spiffe://a.test/x"}"#,
            r#"{"iss":"spiffe://b.test","sub":"spiffe://a.test/x"}"#,
        ] {
            assert!(serde_json::from_str::<ActorChain>(act).is_err(), "{act}");
        }
        for claim in ["exp", "nbf", "iat", "aud", "jti", "cnf", "scope"] {
            let act = format!(r#"{{"iss":"spiffe://a.test","sub":"spiffe://a.test/x","{claim}":null}}"#);
            assert!(serde_json::from_str::<ActorChain>(&act).is_err(), "{act}");
        }
    }

    #[test]
    fn a_chain_is_bounded() {
        let actor = |n: usize| Actor { id: format!("spiffe://a.test/{n}").parse().unwrap(), profile: None };
        let full = (1..MAX_ACTORS).fold(ActorChain::new(actor(0)), |chain, n| chain.extend(actor(n)).unwrap());
        assert!(full.extend(actor(99)).is_err());
        let long = |n| Actor { id: format!("spiffe://a.test/{n}/{}", "x".repeat(2000)).parse().unwrap(), profile: None };
        let two = ActorChain::new(long(1)).extend(long(2)).unwrap();
        assert!(two.extend(long(3)).is_err() && two.contains(&long(1).id) && !two.contains(&long(3).id));
        let text = serde_json::to_string(&full).unwrap();
        let too_deep = format!(r#"{{"iss":"spiffe://a.test","sub":"spiffe://a.test/99","act":{text}}}"#);
        assert!(serde_json::from_str::<ActorChain>(&text).is_ok() && serde_json::from_str::<ActorChain>(&too_deep).is_err());
    }
}
