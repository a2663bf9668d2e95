//! What tokens are for.

use std::collections::HashMap;

use procura_token::{Resource, ScopeSet, WorkloadId};

use super::TargetError;

/// Something a token can be for: an API, an MCP server, another agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its URI: what `resource` names and what becomes `aud`.
    pub resource: Resource,
    /// Its logical name: what `audience` may name instead (RFC 8693 section 2.1).
    pub name: Option<String>,
    /// Every scope it knows. No policy grants another one here.
    pub scopes: ScopeSet,
    /// Who answers for it; policies see it as `resource.owner`.
    pub owner: Option<String>,
    /// Free labels; policies see them as `resource.tags`.
    pub tags: Vec<String>,
    /// The workloads that serve it: what was sent to it, they may call further with.
    pub workloads: Vec<WorkloadId>,
}

/// All targets of a service: no two with one URI, no two with one name.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    list: Vec<Target>,
    by_resource: HashMap<Resource, usize>,
    by_name: HashMap<String, usize>,
}

impl Targets {
    /// Collects `targets`, keeping their order.
    ///
    /// # Errors
    /// [`TargetError`] when two have the same URI or the same name.
    pub fn new(targets: impl IntoIterator<Item = Target>) -> Result<Self, TargetError> {
        let mut all = Self::default();
        for target in targets {
            let index = all.list.len();
            if all.by_resource.insert(target.resource.clone(), index).is_some() {
                return Err(TargetError::DuplicateResource(target.resource));
            }
            if let Some(name) = &target.name
                && all.by_name.insert(name.clone(), index).is_some()
            {
                return Err(TargetError::DuplicateName(name.clone()));
            }
            all.list.push(target);
        }
        Ok(all)
    }

    /// The target with this URI, compared byte by byte.
    pub fn find(&self, resource: &Resource) -> Option<&Target> {
        self.by_resource.get(resource).and_then(|&index| self.list.get(index))
    }

    /// The target with this logical name.
    pub fn find_by_name(&self, name: &str) -> Option<&Target> {
        self.by_name.get(name).and_then(|&index| self.list.get(index))
    }

    /// All targets, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(resource: &str, name: Option<&str>) -> Target {
        Target {
            resource: resource.parse().unwrap(),
            name: name.map(str::to_owned),
            scopes: ScopeSet::default(),
            owner: None,
            tags: Vec::new(),
            workloads: Vec::new(),
        }
    }

    #[test]
    fn a_target_is_found_by_uri_and_by_name() {
        let targets = Targets::new([target("https://a.example", Some("a")), target("https://b.example", None)]).unwrap();
        assert_eq!(targets.find(&"https://b.example".parse().unwrap()).unwrap().name, None);
        assert_eq!(targets.find_by_name("a").unwrap().resource.as_str(), "https://a.example");
        assert!(targets.find(&"https://a.example/".parse().unwrap()).is_none());
        assert_eq!(targets.iter().count(), 2);
    }

    #[test]
    fn one_uri_or_one_name_twice_is_refused() {
        let twice = Targets::new([target("https://a.example", None), target("https://a.example", None)]);
        assert!(matches!(twice, Err(TargetError::DuplicateResource(_))));
        let twice = Targets::new([target("https://a.example", Some("a")), target("https://b.example", Some("a"))]);
        assert!(matches!(twice, Err(TargetError::DuplicateName(_))));
    }
}
