//! Why a decision is what it is.

mod clause;

use std::sync::Arc;

use cedar_policy::{Effect, Request as CedarRequest};
use procura_token::Scope;

use super::decision::Measure;
use super::question::{Asked, Question};
use super::reads::Reads;
use super::set::{Rule, Set};
use super::{Decision, Place, Policy, Request};
pub use clause::FailedCondition;
use clause::Taken;

/// A decision, and for each question behind it what every policy had to say whose head fits.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// One for each scope, or one for an action without scopes.
    pub questions: Vec<Explained>,
}

/// Why a scope, or the action, is granted or denied.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The scope.
    pub scope: Option<Scope>,
    /// Whether it is granted.
    pub is_granted: bool,
    /// What denies it besides policies: the target does not know it, or it cannot be put to Cedar.
    pub obstacle: Option<String>,
    /// The policies whose head fits, in the order of files and lines.
    pub policies: Vec<Considered>,
}

/// A policy whose head fits the question.
#[derive(Clone, Debug)]
pub struct Considered {
    /// Its id.
    pub id: Arc<str>,
    /// Where it begins.
    pub place: Place,
    /// Whether it forbids; else it permits.
    pub is_forbid: bool,
    /// What became of it.
    pub outcome: PolicyOutcome,
}

/// What became of a policy whose head fits the question.
#[derive(Clone, Debug)]
pub enum PolicyOutcome {
    /// All its conditions hold.
    Holds,
    /// They do, but its annotations ask for more than there is.
    Unmet(Vec<String>),
    /// These conditions do not hold.
    Fails(Vec<FailedCondition>),
    /// It cannot be evaluated.
    Broken(String),
}

impl Policy {
    /// Decides `request` and says why. Looks at every policy on its own, so it takes long; for people, not for services.
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let set = self.current();
        let decision = self.decide_by(&set, request);
        let explain = |scope| self.explain_one(&set, request, &decision, scope);
        let questions = match request.action.scopes() {
            Some((_, scopes)) => scopes.iter().map(|scope| explain(Some(scope))).collect(),
            None => vec![explain(None)],
        };
        Explanation { decision, questions }
    }

    fn explain_one(&self, set: &Set, request: &Request<'_>, decision: &Decision, scope: Option<&Scope>) -> Explained {
        let is_granted = scope.map_or(decision.allowed, |scope| decision.granted.contains(scope));
        let obstacle =
            |reason: String| Explained { scope: scope.cloned(), is_granted, obstacle: Some(reason), policies: Vec::new() };
        let knows = |scope: &Scope| request.action.scopes().is_none_or(|(target, _)| target.scopes.contains(scope));
        if scope.is_some_and(|scope| !knows(scope)) {
            return obstacle("the target does not know it".to_owned());
        }
        let approved = request.action.approved(scope);
        let question = Question::new(&self.vocabulary, &set.agents, &Reads::EVERYTHING, request);
        let asked = question.and_then(|question| {
            let asked = question.ask(&self.vocabulary, scope.map(|scope| Asked { scope, approved }))?;
            Ok((question, asked))
        });
        match asked {
            Err(reason) => obstacle(reason),
            Ok((question, asked)) => {
                let policies = consider(set, &question, &asked, Measure::new(request, approved));
                Explained { scope: scope.cloned(), is_granted, obstacle: None, policies }
            }
        }
    }
}

fn consider(set: &Set, question: &Question, asked: &CedarRequest, measure: Measure) -> Vec<Considered> {
    let mut fitting: Vec<(&Rule, bool, PolicyOutcome)> = Vec::new();
    for policy in set.whole.policies() {
        let Some((rule, taken)) = set.rules.get(policy.id()).zip(Taken::apart(policy)) else { continue };
        if taken.head_fits(question, asked) {
            fitting.push((rule, policy.effect() == Effect::Forbid, taken.outcome(question, asked)));
        }
    }
    fitting.sort_by_key(|(rule, ..)| (rule.file, rule.place.line));
    let holds = |(_, is_forbid, outcome): &(&Rule, bool, PolicyOutcome)| !is_forbid && matches!(outcome, PolicyOutcome::Holds);
    let may_repeat = fitting.iter().any(|it| holds(it) && it.0.repeats);
    let annotated = |rule: &Rule, is_forbid: bool, outcome| match outcome {
        PolicyOutcome::Holds if !is_forbid => match unmet(rule, measure, may_repeat) {
            reasons if reasons.is_empty() => PolicyOutcome::Holds,
            reasons => PolicyOutcome::Unmet(reasons),
        },
        outcome => outcome,
    };
    let considered = fitting.into_iter().map(|(rule, is_forbid, outcome)| Considered {
        id: Arc::clone(&rule.id),
        place: rule.place.clone(),
        is_forbid,
        outcome: annotated(rule, is_forbid, outcome),
    });
    considered.collect()
}

/// What the annotations of a permit ask for that is not there.
fn unmet(rule: &Rule, measure: Measure, may_repeat: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(most) = rule.depth.filter(|most| *most < measure.depth) {
        reasons.push(format!("`@depth(\"{most}\")`, and the token would name {} actors", measure.depth));
    }
    if rule.needs_approval && !measure.approved {
        reasons.push("`@approval(\"required\")`, and the user did not agree to this".to_owned());
    }
    if measure.repeats && !may_repeat {
        reasons.push("the chain names this workload already, and no permit that holds has `@repeats(\"allowed\")`".to_owned());
    }
    reasons
}
