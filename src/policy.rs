//! Policy: may this workload do this, for this user, at this target?
//!
//! [`Policy::decide`] is pure: it reads no clock, no store and no network, and answers the same question alike until the
//! policies are reloaded; what it said once it knows without asking again, where no policy reads the time, the address or
//! the age of a log-in. Nothing is allowed unless a policy permits it, and one `forbid` outweighs every `permit`.

mod answered;
mod country;
mod decision;
mod detail;
mod error;
mod file;
mod limit;
mod parse;
mod platform;
mod question;
mod request;
mod set;
mod target;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use country::{Country, CountryError};
pub use decision::{Decision, PolicySetHash};
pub use detail::DelegateDetail;
pub use error::{Place, PolicyError, TargetError};
pub use platform::Platform;
pub use request::{Action, Approval, Credential, Delegate, Hop, Parent, Posture, Request, User};
pub use target::{Target, Targets};

use decision::Measure;
use procura_token::{Scope, ScopeSet};
use question::{Asked, Question};
use set::{Answer, Set};
use vocabulary::Vocabulary;

/// The schema every policy is held against, in Cedar's schema language.
pub const SCHEMA: &str = include_str!("policy/schema.cedarschema");

/// Where the policies are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySettings {
    /// The directory whose `*.cedar` files are the policies: at most 1,000 files of at most 1 MiB, symbolic links
    /// followed, hidden files and subdirectories left out.
    pub directory: PathBuf,
}

/// The policies of a service, and the targets they speak of.
pub struct Policy {
    settings: PolicySettings,
    targets: Targets,
    vocabulary: Vocabulary,
    set: RwLock<Arc<Set>>,
    reloading: Mutex<()>,
}

impl Policy {
    /// Loads the policies for `targets`. Reads files, so it blocks.
    ///
    /// Every policy is held against [`SCHEMA`] in Cedar's strict mode; warnings go to the log. A policy's id is its `@id`, else
    /// `<file>#<number>`. `@ttl("30m")` limits how long a token lives that the policy permits, `@depth("3")` how many
    /// actors it names; `@repeats("allowed")` lets it name an actor twice, `@approval("required")` asks that the user agreed.
    /// Other annotations are ignored. A directory without policies is one that denies everything.
    ///
    /// # Errors
    /// [`PolicyError`], saying which file is wrong, where, and what to do.
    pub fn load(settings: &PolicySettings, targets: Targets) -> Result<Self, PolicyError> {
        let vocabulary = Vocabulary::new(&targets)?;
        let set = read(settings, &vocabulary)?;
        Ok(Self { settings: settings.clone(), targets, vocabulary, set: RwLock::new(Arc::new(set)), reloading: Mutex::new(()) })
    }

    /// Loads the policies again and puts them in force at once; decisions under way end with the set they began with.
    /// Reads files, so it blocks. The targets stay as they are.
    ///
    /// # Errors
    /// As [`Policy::load`]; the previous set then stays in force.
    pub fn reload(&self) -> Result<(), PolicyError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let set = Arc::new(read(&self.settings, &self.vocabulary)?);
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    /// The targets the policies speak of.
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The name of the policy set in force.
    pub fn hash(&self) -> PolicySetHash {
        self.current().hash.clone()
    }

    /// Decides `request`, each of its scopes on its own.
    ///
    /// A scope is granted if the target knows it, a policy permits it, none forbids it, every policy that was consulted
    /// could be evaluated, no permit behind it has a `@depth` below the number of actors or a `@approval` that is not there,
    /// and, if the workload is in the chain already, one of them has `@repeats`. Asking for no scope grants nothing. A target that this policy was not loaded with is denied.
    ///
    /// Not decided here: what the subject token allows, and how long any token may live when no policy says so.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let set = self.current();
        match &set.answered {
            Some(answered) => answered.recall(request, || self.decide_by(&set, request)),
            None => self.decide_by(&set, request),
        }
    }

    fn decide_by(&self, set: &Set, request: &Request<'_>) -> Decision {
        let question = Question::new(&self.vocabulary, request);
        let answer = |scope: Option<Asked<'_>>| match question.as_ref().map(|question| self.ask(set, question, scope)) {
            Ok(answer) => answer,
            Err(reason) => Answer { errors: vec![reason.clone()], ..Answer::default() },
        };
        let mut decision = Decision::nothing(set.hash.clone());
        match &request.action {
            Action::IssueWit => {
                decision.add(answer(None), Measure::default());
                decision
            }
            Action::DelegateDetail(asked) => {
                let (approved, repeats) = (asked.is_approved(), asked.delegate.repeats(request.workload));
                decision.add(answer(None), Measure { depth: asked.delegate.depth(), repeats, approved });
                decision
            }
            Action::ActForItself { target, scopes } => each(scopes, decision, |scope, decision| {
                let asked = Asked { scope, approved: None };
                target.scopes.contains(scope) && decision.add(answer(Some(asked)), Measure::default())
            }),
            Action::Delegate(delegate) => {
                let mut missing = Vec::new();
                let repeats = delegate.repeats(request.workload);
                let measure = |approved| Measure { depth: delegate.depth(), repeats, approved };
                let ask = |scope: &Scope, approved: bool| answer(Some(Asked { scope, approved: Some(approved) }));
                let decision = each(delegate.scopes, decision, |scope, decision| {
                    if !delegate.target.scopes.contains(scope) {
                        return false;
                    }
                    let approved = delegate.is_approved(scope);
                    let granted = decision.add(ask(scope, approved), measure(approved));
                    if !granted && !approved && set.minds_approval {
                        let mut agreed = Decision::nothing(set.hash.clone());
                        missing.extend(agreed.add(ask(scope, true), measure(true)).then(|| scope.clone()));
                    }
                    granted
                });
                Decision { approval_missing: missing.into_iter().collect(), ..decision }
            }
        }
    }

    fn ask<'a>(&self, set: &'a Set, question: &Question, scope: Option<Asked<'_>>) -> Answer<'a> {
        match question.ask(&self.vocabulary, scope) {
            Ok(request) => set.answer(question, &request),
            Err(reason) => Answer { errors: vec![reason], ..Answer::default() },
        }
    }

    fn current(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks `grants` about each of `scopes`.
fn each(scopes: &ScopeSet, mut decision: Decision, mut grants: impl FnMut(&Scope, &mut Decision) -> bool) -> Decision {
    let (granted, denied) = scopes.iter().cloned().partition(|scope| grants(scope, &mut decision));
    decision.with_scopes(granted, denied)
}

fn read(settings: &PolicySettings, vocabulary: &Vocabulary) -> Result<Set, PolicyError> {
    let set = Set::new(vocabulary, &file::read(&settings.directory)?)?;
    if set.is_empty() {
        tracing::warn!(directory = %settings.directory.display(), "there is no policy, so every request will be denied");
    }
    Ok(set)
}
