//! From a request to a decision.

use procura_token::Scope;

use super::decision::Measure;
use super::question::{Asked, Question};
use super::set::{Answer, Set};
use super::{Decision, Policy, Request};

impl Policy {
    pub(super) fn decide_by(&self, set: &Set, request: &Request<'_>) -> Decision {
        let question = Question::new(&self.vocabulary, &set.agents, &set.reads, request);
        let answer = |asked: Option<Asked<'_>>| match question.as_ref().map(|question| self.ask(set, question, asked)) {
            Ok(answer) => answer,
            Err(reason) => Answer { errors: vec![reason.clone()], ..Answer::default() },
        };
        let mut decision = Decision::nothing(set.hash.clone());
        let Some((target, scopes)) = request.action.scopes() else {
            decision.add(answer(None), Measure::new(request, request.action.approved(None)));
            return decision;
        };
        let add = |decision: &mut Decision, scope: &Scope, approved| {
            decision.add(answer(Some(Asked { scope, approved })), Measure::new(request, approved))
        };
        let (mut granted, mut denied, mut approval_missing) = (Vec::new(), Vec::new(), Vec::new());
        for scope in scopes.iter() {
            let approved = request.action.approved(Some(scope));
            if target.scopes.contains(scope) && add(&mut decision, scope, approved) {
                granted.push(scope.clone());
                continue;
            }
            denied.push(scope.clone());
            let agreed = || add(&mut Decision::nothing(set.hash.clone()), scope, Some(true));
            if set.minds_approval && approved == Some(false) && target.scopes.contains(scope) && agreed() {
                approval_missing.push(scope.clone());
            }
        }
        decision.granted = granted.into_iter().collect();
        decision.denied = denied.into_iter().collect();
        decision.approval_missing = approval_missing.into_iter().collect();
        decision
    }

    fn ask<'a>(&self, set: &'a Set, question: &Question, asked: Option<Asked<'_>>) -> Answer<'a> {
        match question.ask(&self.vocabulary, asked) {
            Ok(request) => set.answer(question, asked.map(|asked| asked.scope), &request),
            Err(reason) => Answer { errors: vec![reason], ..Answer::default() },
        }
    }
}
