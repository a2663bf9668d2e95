//! What a policy answered.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use procura_token::ScopeSet;

use super::set::{Answer, Rule};
use super::{Action, DelegateDetail, Request};

/// The answer to one request, with its reasons and limits.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether anything is allowed. Of a delegation: whether a scope is granted.
    pub allowed: bool,
    /// The scopes granted, a subset of those asked and of the target's. Empty for actions without scopes.
    pub granted: ScopeSet,
    /// The scopes asked and not granted.
    pub denied: ScopeSet,
    /// Those of them that would be granted if the user had agreed.
    pub approval_missing: ScopeSet,
    /// The longest the token may live: the least `@ttl` of the permits behind what is granted. `None`: policy sets no limit.
    pub ttl: Option<Duration>,
    /// The most actors a token made from this one may name: the least `@depth` of those permits.
    pub depth: Option<u32>,
    /// The ids of the policies that made the decision: permits of what is granted; of what is not, the policies that
    /// forbid it or fail, and the permits that ask for less depth, no repetition or an approval. Empty when no policy spoke and denial is the default.
    pub policies: BTreeSet<Arc<str>>,
    /// The policy set that decided.
    pub policy_set: PolicySetHash,
    /// What went wrong in the evaluation, for the log. Whatever it touched is denied.
    pub errors: Vec<String>,
}

/// The name of a policy set: base64url of a SHA-256 hash over the names and contents of its files.
///
/// The hash is that of the text that `sha256sum *.cedar` prints with files in byte order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicySetHash(pub(super) Arc<str>);

impl PolicySetHash {
    /// The 43 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicySetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decision {
    /// Nothing asked, nothing allowed.
    pub(super) fn nothing(policy_set: PolicySetHash) -> Self {
        Self {
            allowed: false,
            granted: ScopeSet::default(),
            denied: ScopeSet::default(),
            approval_missing: ScopeSet::default(),
            ttl: None,
            depth: None,
            policies: BTreeSet::new(),
            policy_set,
            errors: Vec::new(),
        }
    }

    /// Adds the answer for one scope, or for the whole action.
    pub(super) fn add(&mut self, answer: Answer<'_>, asked: Measure) -> bool {
        let refused = !answer.against.is_empty() || !answer.errors.is_empty();
        for error in answer.errors {
            if !self.errors.contains(&error) {
                self.errors.push(error);
            }
        }
        if refused {
            self.name(&answer.against);
            return false;
        }
        let exceeded: Vec<&Rule> = answer.permits.iter().copied().filter(|rule| asked.exceeds(rule)).collect();
        if answer.permits.is_empty() || !exceeded.is_empty() {
            self.name(&exceeded);
            return false;
        }
        self.name(&answer.permits);
        if asked.repeats && !answer.permits.iter().any(|rule| rule.repeats) {
            return false;
        }
        for rule in answer.permits {
            self.ttl = least(self.ttl, rule.ttl);
            self.depth = least(self.depth, rule.depth);
        }
        self.allowed = true;
        true
    }

    fn name(&mut self, rules: &[&Rule]) {
        self.policies.extend(rules.iter().map(|rule| Arc::clone(&rule.id)));
    }
}

/// What the annotations of permits are held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// How many actors the token would name.
    pub(super) depth: u32,
    /// Whether it would name the newest of them twice.
    pub(super) repeats: bool,
    /// Whether the user agreed.
    pub(super) approved: bool,
}

impl Measure {
    /// `approved` is `None` where no user is concerned.
    pub(super) fn new(request: &Request<'_>, approved: Option<bool>) -> Self {
        let approved = approved.unwrap_or(false);
        match &request.action {
            Action::Delegate(delegate) => Self { depth: delegate.depth(), repeats: delegate.repeats(request.workload), approved },
            Action::DelegateDetail(DelegateDetail { delegate, .. }) => {
                Self { depth: delegate.depth(), repeats: delegate.repeats(request.workload), approved }
            }
            Action::ActForItself { .. } | Action::IssueWit => Self { depth: 0, repeats: false, approved },
        }
    }

    /// Whether `rule` asks for what is not there.
    pub(super) fn exceeds(self, rule: &Rule) -> bool {
        rule.depth.is_some_and(|most| most < self.depth) || (rule.needs_approval && !self.approved)
    }
}

pub(super) fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
