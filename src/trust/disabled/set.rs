//! Tombstones, found by whom they name.

use std::collections::HashMap;
use std::sync::Arc;

use procura_token::WorkloadId;

use super::{Party, Tombstone};

/// The tombstones of one moment. Finding one costs a look-up for each segment of an identifier, however many there are.
#[derive(Debug, Default)]
pub(in crate::trust) struct Set {
    tombstones: Vec<Arc<Tombstone>>,
    workloads: Index,
    /// By the identifier above those that are disabled.
    below: Index,
    trust_domains: Index,
    issuers: Index,
    platforms: Index,
}

type Index = HashMap<Box<str>, Arc<Tombstone>>;

impl Set {
    /// The first tombstone of everybody counts.
    pub(in crate::trust) fn new(tombstones: impl IntoIterator<Item = Tombstone>) -> Self {
        let mut set = Self::default();
        tombstones.into_iter().for_each(|tombstone| set.add(Arc::new(tombstone)));
        set
    }

    /// These, and whoever else is in `other`.
    pub(in crate::trust) fn with(mut self, other: &Self) -> Self {
        other.tombstones.iter().cloned().for_each(|tombstone| self.add(tombstone));
        self
    }

    pub(in crate::trust) fn tombstones(&self) -> &[Arc<Tombstone>] {
        &self.tombstones
    }

    pub(in crate::trust) fn workload(&self, id: &WorkloadId) -> Option<&Arc<Tombstone>> {
        if self.tombstones.is_empty() {
            return None;
        }
        let own = || self.workloads.get(id.as_str());
        let above = || ancestors(id).find_map(|above| self.below.get(above));
        self.trust_domains.get(id.trust_domain()).or_else(own).or_else(above)
    }

    pub(in crate::trust) fn trust_domain(&self, name: &str) -> Option<&Arc<Tombstone>> {
        self.trust_domains.get(name)
    }

    pub(in crate::trust) fn issuer(&self, issuer: &str) -> Option<&Arc<Tombstone>> {
        self.issuers.get(issuer)
    }

    pub(in crate::trust) fn platform(&self, rule: &str) -> Option<&Arc<Tombstone>> {
        self.platforms.get(rule)
    }

    pub(in crate::trust) fn names_platforms(&self) -> bool {
        !self.issuers.is_empty() || !self.platforms.is_empty()
    }

    fn add(&mut self, tombstone: Arc<Tombstone>) {
        let (index, name) = match &tombstone.party {
            Party::Workload(pattern) => match pattern.above() {
                Some(above) => (&mut self.below, above),
                None => (&mut self.workloads, pattern.as_str()),
            },
            Party::TrustDomain(name) => (&mut self.trust_domains, name.as_str()),
            Party::Issuer(issuer) => (&mut self.issuers, issuer.as_str()),
            Party::Platform(rule) => (&mut self.platforms, rule.as_str()),
        };
        if !index.contains_key(name) {
            index.insert(name.into(), Arc::clone(&tombstone));
            self.tombstones.push(tombstone);
        }
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.tombstones == other.tombstones
    }
}

/// `spiffe://a` and `spiffe://a/b` for `spiffe://a/b/c`.
fn ancestors(id: &WorkloadId) -> impl Iterator<Item = &str> {
    let origin = id.origin().len();
    id.path().match_indices('/').filter_map(move |(slash, _)| id.as_str().get(..origin + slash))
}
