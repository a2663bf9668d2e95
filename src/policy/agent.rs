//! The agents an operator knows, and the groups they are in.

mod file;
mod group;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::EntityUid;
use procura_token::WorkloadId;

use super::file::SourceFile;
use super::vocabulary::Vocabulary;
use super::{PolicyError, Report};
use group::Groups;

/// The most agents, in all files.
const MAX_AGENTS: usize = 100_000;

/// What the operator says of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Who it is.
    pub id: WorkloadId,
    /// The groups it is in, by way of other groups too; policies name them as `principal in Group::"…"`.
    pub groups: BTreeSet<String>,
    /// Who answers for it; policies see it as `principal.owner`.
    pub owner: Option<String>,
    /// What kind of actor it is, such as `ai_agent`; policies see it as `principal.profile`, tokens as `act.sub_profile`.
    pub profile: Option<String>,
    /// Free labels; policies see them as `principal.tags`.
    pub tags: Vec<String>,
}

/// All agents and groups.
#[derive(Default)]
pub(super) struct Agents {
    agents: HashMap<WorkloadId, KnownAgent>,
    groups: BTreeSet<String>,
    /// Whether there are files that say which there are.
    is_configured: bool,
}

/// An agent and its groups in Cedar's terms.
pub(super) struct KnownAgent {
    pub(super) agent: Arc<Agent>,
    pub(super) groups: Vec<EntityUid>,
}

impl Agents {
    /// Reads the agents and groups of `files`. What is wrong goes into `report` and is left out.
    pub(super) fn read(vocabulary: &Vocabulary, files: Option<&[SourceFile]>, report: &mut Report) -> Self {
        let mut agents = Self { is_configured: files.is_some(), ..Self::default() };
        let mut documents = Vec::new();
        for file in files.unwrap_or_default() {
            match file::parse(file) {
                Ok(document) => documents.push((file, document)),
                Err(error) => report.errors.push(error),
            }
        }
        let groups = Groups::read(&documents, report);
        let written = documents.iter().flat_map(|(file, document)| document.agent.iter().map(move |agent| (*file, agent)));
        for (file, written) in written {
            if let Err(error) = agents.add(vocabulary, &groups, file, written) {
                report.errors.push(error);
            }
            if agents.agents.len() >= MAX_AGENTS {
                report.errors.push(PolicyError::entity(file.place(None), "with it there are 100,000 agents, and more cannot be"));
                break;
            }
        }
        agents.groups = groups.into_names();
        agents
    }

    fn add(
        &mut self,
        vocabulary: &Vocabulary,
        groups: &Groups,
        file: &SourceFile,
        written: &file::Agent,
    ) -> Result<(), PolicyError> {
        let place = || file.place(Some(written.id.span().start));
        let id = written.id.get_ref();
        if self.agents.contains_key(id) {
            return Err(PolicyError::entity(place(), &format!("the agent `{id}` occurs twice: keep one of them")));
        }
        let of = |reason: String| PolicyError::entity(place(), &format!("the agent `{id}` {reason}"));
        file::words(written).map_err(of)?;
        let groups = groups.all_of(&written.groups).map_err(of)?;
        let uids = groups.iter().map(|name| vocabulary.group(name)).collect();
        let (owner, profile, tags) = (written.owner.clone(), written.profile.clone(), written.tags.clone());
        let agent = Arc::new(Agent { id: id.clone(), groups, owner, profile, tags });
        self.agents.insert(id.clone(), KnownAgent { agent, groups: uids });
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.agents.len()
    }

    pub(super) fn find(&self, id: &WorkloadId) -> Option<&KnownAgent> {
        self.agents.get(id)
    }

    /// Whether `outer` is a group that `inner`, a workload, is in.
    pub(super) fn is_in(&self, inner: &EntityUid, outer: &EntityUid) -> bool {
        let id = inner.id().unescaped().parse::<WorkloadId>();
        id.is_ok_and(|id| self.find(&id).is_some_and(|known| known.groups.contains(outer)))
    }

    /// Whether a policy that names this group can ever mean somebody.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.groups.contains(name)
    }

    /// Whether a policy that names this workload can be suspected of a slip: agents are listed, and this is none of them.
    pub(super) fn misses(&self, id: &str) -> bool {
        let known = |id: WorkloadId| !self.is_configured || self.agents.contains_key(&id);
        !id.parse().is_ok_and(known)
    }
}
