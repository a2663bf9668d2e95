//! What one stream says of all trust domains.

use std::collections::HashMap;

use procura_token::{LeftOut, TrustDomain, UnixTime};

/// How a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It said nothing yet.
    Waiting,
    /// What it said last is what holds.
    Open,
    /// It broke. What it said last may be out of date.
    Lost,
    /// The server does not tell us, or does not have it: there is nothing.
    Silent,
}

/// One kind of keys, for all trust domains, as one stream tells them.
#[derive(Debug)]
pub(super) struct Part<S> {
    pub(super) state: State,
    told: HashMap<TrustDomain, Told<S>>,
}

/// The keys of one trust domain.
#[derive(Clone, Debug)]
pub(super) struct Told<S> {
    pub(super) set: S,
    pub(super) left_out: Vec<LeftOut>,
    /// When they were last known to be the newest.
    pub(super) good: UnixTime,
    /// Whether the newest message has them. If not, it has some for that trust domain that cannot be read.
    is_newest: bool,
}

impl<S> Default for Part<S> {
    fn default() -> Self {
        Self { state: State::Waiting, told: HashMap::new() }
    }
}

impl<S: Clone> Part<S> {
    /// A message came: it replaces everything that was there (Workload API section 4.4). Of a trust domain whose entry cannot
    /// be read, what was said before stays, and grows old.
    pub(super) fn replace(&mut self, message: HashMap<TrustDomain, Option<(S, Vec<LeftOut>)>>, now: UnixTime) {
        let mut old = std::mem::take(&mut self.told);
        self.state = State::Open;
        for (domain, entry) in message {
            let told = match entry {
                Some((set, left_out)) => Some(Told { set, left_out, good: now, is_newest: true }),
                None => old.remove(&domain).map(|told| Told { is_newest: false, ..told }),
            };
            self.told.extend(told.map(|told| (domain, told)));
        }
    }

    /// The stream broke.
    pub(super) fn lose(&mut self) {
        if self.state == State::Open {
            self.state = State::Lost;
        }
    }

    /// The server denies us what it told, if it told anything: that is void. One that told nothing may not know us yet. Whether
    /// anything changed.
    pub(super) fn deny(&mut self) -> bool {
        let changes = matches!(self.state, State::Open | State::Lost);
        if changes {
            self.silence();
        }
        changes
    }

    /// The server will not tell: what it told is void.
    pub(super) fn silence(&mut self) {
        *self = Self { state: State::Silent, told: HashMap::new() };
    }

    /// Time passed while the stream was open: what it said holds.
    pub(super) fn confirm(&mut self, now: UnixTime) {
        if self.state == State::Open {
            self.told.values_mut().filter(|told| told.is_newest).for_each(|told| told.good = now);
        }
    }

    pub(super) fn of(&self, domain: &TrustDomain) -> Option<&Told<S>> {
        self.told.get(domain)
    }
}
