//! Groups of agents, and the groups those are in.

use std::collections::{BTreeMap, BTreeSet};

use super::super::file::SourceFile;
use super::super::toml_error::nearest;
use super::super::{Place, PolicyError, Report};
use super::file::{Document, NAME, is_name};

/// The most groups there are, and the most that one agent is in: each is looked for at every decision.
const MAX_GROUPS: usize = 10_000;
const MAX_GROUPS_OF_ONE: usize = 64;

/// Each group with the groups it is in directly.
#[derive(Default)]
pub(super) struct Groups(BTreeMap<String, Group>);

struct Group {
    within: Vec<String>,
    place: Place,
}

impl Groups {
    /// Reads the groups of all files. What is wrong goes into `report`.
    pub(super) fn read(documents: &[(&SourceFile, Document)], report: &mut Report) -> Self {
        let mut groups = Self::default();
        for (file, group) in documents.iter().flat_map(|(file, document)| document.group.iter().map(move |group| (file, group))) {
            let name = group.name.get_ref();
            let place = file.place(Some(group.name.span().start));
            let mut wrong = |reason: &str| {
                let reason = format!("the group `{}` {reason}", name.escape_debug());
                report.errors.push(PolicyError::entity(place.clone(), &reason));
            };
            if !is_name(name) {
                wrong(&format!("has no name: {NAME}"));
            } else if groups.0.contains_key(name) {
                wrong("occurs twice: keep one of them");
            } else if groups.0.len() == MAX_GROUPS {
                wrong("is one more than the 10,000 there may be");
                break;
            } else {
                groups.0.insert(name.clone(), Group { within: group.within.clone(), place });
            }
        }
        groups.look_for_strangers(report);
        groups.look_for_circles(report);
        groups
    }

    /// Names in `in` that are no group's.
    fn look_for_strangers(&self, report: &mut Report) {
        for (name, group) in &self.0 {
            if let Some(stranger) = group.within.iter().find(|outer| !self.0.contains_key(*outer)) {
                let reason = format!("the group `{name}` is in {}", self.unknown(stranger));
                report.errors.push(PolicyError::entity(group.place.clone(), &reason));
            }
        }
    }

    /// Groups that are in themselves.
    fn look_for_circles(&self, report: &mut Report) {
        for (name, group) in &self.0 {
            if self.outer(&group.within).contains(name.as_str()) {
                let reason = format!("the group `{name}` is in itself, by way of its `in`: break the circle");
                report.errors.push(PolicyError::entity(group.place.clone(), &reason));
            }
        }
    }

    /// `names` and all groups those are in.
    fn outer<'a>(&'a self, names: &'a [String]) -> BTreeSet<&'a str> {
        let (mut found, mut todo) = (BTreeSet::new(), names.iter().map(String::as_str).collect::<Vec<_>>());
        while let Some(name) = todo.pop() {
            if found.insert(name) {
                todo.extend(self.0.get(name).into_iter().flat_map(|group| group.within.iter().map(String::as_str)));
            }
        }
        found
    }

    /// All groups that a member of `names` is in; else what is wrong with it.
    pub(super) fn all_of(&self, names: &[String]) -> Result<BTreeSet<String>, String> {
        if let Some(stranger) = names.iter().find(|name| !self.0.contains_key(*name)) {
            return Err(format!("is in {}", self.unknown(stranger)));
        }
        let all = self.outer(names);
        if all.len() > MAX_GROUPS_OF_ONE {
            return Err(format!(
                "is in more than {MAX_GROUPS_OF_ONE} groups, those that its groups are in included: leave some out"
            ));
        }
        Ok(all.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn into_names(self) -> BTreeSet<String> {
        self.0.into_keys().collect()
    }

    fn unknown(&self, name: &str) -> String {
        let similar = nearest(name, self.0.keys().map(String::as_str)).map(|known| format!("; did you mean `{known}`?"));
        format!("`{}`, which no `[[group]]` describes{}", name.escape_debug(), similar.unwrap_or_default())
    }
}
