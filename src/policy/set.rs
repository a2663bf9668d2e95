//! A policy set, loaded: every policy parsed, held against the schema, and filed under what its head names.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Authorizer, PolicyId, PolicySet, Request as CedarRequest, ValidationMode, Validator};
use procura_token::Scope;
use serde_json::Value;

use super::agent::Agents;
use super::answered::Answered;
use super::country::CountryDatabase;
use super::file::{ENTITY, POLICY, SourceFile};
use super::parse::{offset, parse, reason};
use super::question::Question;
use super::reads::{Reads, mentions, puts_user_in};
use super::slice::Slices;
use super::vocabulary::Vocabulary;
use super::{Place, PolicyError, PolicySetHash, PolicySettings, Report, file, oddity};

/// How deep a policy may be in Cedar's JSON, in which a chain of `||` has two levels for each: what is deeper takes more stack than threads
/// have.
const MAX_DEPTH: usize = 256;

/// Policies that can be asked, and the agents they speak of.
pub(super) struct Set {
    slices: Slices,
    pub(super) whole: PolicySet,
    pub(super) rules: Rules,
    pub(super) agents: Agents,
    pub(super) countries: Option<CountryDatabase>,
    pub(super) hash: PolicySetHash,
    /// `None` if some policy reads what is new in every request.
    pub(super) answered: Option<Answered>,
    pub(super) reads: Reads,
    /// Whether an approval could change an answer.
    pub(super) minds_approval: bool,
    authorizer: Authorizer,
}

/// What is known of each policy beside its conditions.
pub(super) type Rules = HashMap<PolicyId, Rule>;

/// What is known of a policy beside its conditions.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) ttl: Option<Duration>,
    pub(super) depth: Option<u32>,
    /// Whether the chain may name a workload twice.
    pub(super) repeats: bool,
    pub(super) needs_approval: bool,
    /// The index of its file, and where it begins.
    pub(super) file: usize,
    pub(super) place: Place,
}

/// What the policies say to one question.
#[derive(Default)]
pub(super) struct Answer<'a> {
    /// The permits that hold.
    pub(super) permits: Vec<&'a Rule>,
    /// The forbids that hold, and the policies that could not be evaluated.
    pub(super) against: Vec<&'a Rule>,
    pub(super) errors: Vec<String>,
}

/// The files that a set is made of.
pub(super) struct Sources {
    pub(super) policies: Vec<SourceFile>,
    /// `None`: no directory is configured.
    pub(super) entities: Option<Vec<SourceFile>>,
    /// Whether countries can be known.
    pub(super) has_countries: bool,
}

impl Sources {
    pub(super) fn read(settings: &PolicySettings) -> Result<Self, PolicyError> {
        let entities = settings.entities.as_deref().map(|directory| file::read(directory, ENTITY)).transpose()?;
        let has_countries = settings.country_database.is_some();
        Ok(Self { policies: file::read(&settings.directory, POLICY)?, entities, has_countries })
    }
}

impl Set {
    /// Parses `sources` and holds them against the schema. What is wrong goes into `report`; what is then left makes the set.
    pub(super) fn new(vocabulary: &Vocabulary, sources: &Sources, report: &mut Report) -> Result<Self, PolicyError> {
        let (mut whole, mut rules) = (PolicySet::new(), Rules::new());
        for (index, file) in sources.policies.iter().enumerate() {
            for (policy, rule) in parse(file, index, report) {
                match rules.entry(policy.id().clone()) {
                    Entry::Occupied(first) => report.errors.push(duplicate(first.get(), rule)),
                    Entry::Vacant(place) => {
                        place.insert(rule);
                        whole.add(policy).map_err(PolicyError::engine)?;
                    }
                }
            }
        }
        hold_against_schema(vocabulary, &sources.policies, &whole, &rules, report)?;
        let bodies =
            whole.policies().map(|policy| policy.to_json().map_err(PolicyError::engine)).collect::<Result<Vec<_>, _>>()?;
        for (policy, body) in whole.policies().zip(&bodies) {
            let too_deep = (!is_within(body, MAX_DEPTH))
                .then_some("its conditions nest too deeply: write `[…].contains(…)`, or several policies");
            let member = puts_user_in(body).then_some("users are in no `Group`: write `context.user.groups.contains(\"…\")`");
            for (rule, reason) in rules.get(policy.id()).into_iter().flat_map(|rule| [(rule, too_deep), (rule, member)]) {
                let (place, policy) = (rule.place.clone(), rule.id.to_string());
                let refuse = |reason| PolicyError::Unfit { place, policy, reason };
                report.errors.extend(reason.map(refuse));
            }
        }
        let reads = Reads::of(&bodies);
        // What differs when the same is asked again. (So do weekday and country, but so seldom that they are part of the question.)
        let reads_what_is_new = reads.time || reads.source_ip || reads.auth_age;
        let needs_approval = || rules.values().any(|rule| rule.needs_approval);
        let minds_approval = bodies.iter().any(|body| mentions(body, "approved")) || needs_approval();
        let agents = Agents::read(vocabulary, sources.entities.as_deref(), report);
        // What is wrong is told, and never asked.
        let slices = match report.errors.as_slice() {
            [] => Slices::new(vocabulary, whole.policies().zip(bodies))?,
            _ => Slices::default(),
        };
        let set = Self {
            slices,
            reads,
            minds_approval,
            hash: file::hash(sources.policies.iter().chain(sources.entities.iter().flatten())),
            answered: (!reads_what_is_new).then(Answered::default),
            authorizer: Authorizer::new(),
            whole,
            rules,
            agents,
            countries: None,
        };
        (report.policies, report.agents) = (set.rules.len(), set.agents.len());
        oddity::report(vocabulary, &set, sources.has_countries, report);
        Ok(set)
    }

    /// Whether there is no policy at all.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Asks the slices that may have something to say.
    pub(super) fn answer(&self, question: &Question, scope: Option<&Scope>, request: &CedarRequest) -> Answer<'_> {
        let mut answer = Answer::default();
        for slice in self.slices.of(question, scope) {
            self.consult(slice, question, request, &mut answer);
        }
        answer
    }

    pub(super) fn consult<'a>(
        &'a self,
        policies: &PolicySet,
        question: &Question,
        request: &CedarRequest,
        answer: &mut Answer<'a>,
    ) {
        let response = self.authorizer.is_authorized(request, policies, &question.entities);
        let holding = response.diagnostics().reason().filter_map(|id| self.rules.get(id));
        match response.decision() {
            cedar_policy::Decision::Allow => answer.permits.extend(holding),
            cedar_policy::Decision::Deny => answer.against.extend(holding),
        }
        for error in response.diagnostics().errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(failure) = error;
            answer.against.extend(self.rules.get(failure.policy_id()));
            answer.errors.push(error.to_string());
        }
    }
}

fn duplicate(first: &Rule, second: Rule) -> PolicyError {
    PolicyError::DuplicateId { id: first.id.to_string(), first: first.place.clone(), second: second.place }
}

fn hold_against_schema(
    vocabulary: &Vocabulary,
    files: &[SourceFile],
    whole: &PolicySet,
    rules: &Rules,
    report: &mut Report,
) -> Result<(), PolicyError> {
    let result = Validator::new(vocabulary.schema.clone()).validate(whole, ValidationMode::Strict);
    for warning in result.validation_warnings() {
        let Some(rule) = rules.get(warning.policy_id()) else { return Err(PolicyError::engine(warning)) };
        report.warnings.push(rule.warning(reason(&DetailedError::from(warning))));
    }
    let mut errors: Vec<(Place, String)> = Vec::new();
    for error in result.validation_errors() {
        let Some(rule) = rules.get(error.policy_id()) else { return Err(PolicyError::engine(error)) };
        let error = DetailedError::from(error);
        let exact = files.get(rule.file).map(|file| file.place(offset(&error))).filter(|place| place.line.is_some());
        errors.push((exact.unwrap_or_else(|| rule.place.clone()), reason(&error)));
    }
    errors.sort_by(|(a, _), (b, _)| (&a.file, a.line).cmp(&(&b.file, b.line)));
    report.errors.extend(errors.into_iter().map(|(place, reason)| PolicyError::Schema { place, reason }));
    Ok(())
}

/// Whether nothing in `body` is in more than `depth` objects and lists.
fn is_within(body: &Value, depth: usize) -> bool {
    match body {
        Value::Object(members) => depth > 0 && members.values().all(|member| is_within(member, depth - 1)),
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_within(item, depth - 1)),
        _ => true,
    }
}
