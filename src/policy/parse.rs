//! From a policy file to policies with their ids and limits.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, Policy, PolicyId, PolicySet};

use super::file::SourceFile;
use super::limit::Expected;
use super::set::Rule;
use super::{Place, PolicyError, Report, limit};

/// The policies of one file, in order. What is wrong goes into `report`.
pub(super) fn parse(file: &SourceFile, index: usize, report: &mut Report) -> Vec<(Policy, Rule)> {
    let policies: PolicySet = match file.text.parse() {
        Ok(policies) => policies,
        Err(errors) => {
            report.errors.extend(syntax(file, &errors));
            return Vec::new();
        }
    };
    if policies.num_of_templates() > 0 {
        report.errors.push(PolicyError::Template { file: file.name.clone() });
    }
    let mut policies: Vec<&Policy> = policies.policies().collect();
    policies.sort_by_key(|policy| position(policy.id()));
    let mut from = 0;
    let mut parsed = Vec::new();
    for (policy, number) in policies.into_iter().zip(1..) {
        let text = policy.to_cedar().unwrap_or_default();
        let offset = file.text.get(from..).and_then(|rest| rest.find(&text)).map(|found| from + found);
        from = offset.map_or(from, |offset| offset + text.len());
        match rule(policy, file, number, index, file.place(offset)) {
            Ok(rule) => parsed.push((policy.new_id(PolicyId::new(&*rule.id)), rule)),
            Err(error) => report.errors.push(error),
        }
    }
    parsed
}

/// Cedar names the policies of a text `policy0`, `policy1`, …
fn position(id: &PolicyId) -> Option<usize> {
    let id: &str = id.as_ref();
    id.strip_prefix("policy")?.parse().ok()
}

fn rule(policy: &Policy, file: &SourceFile, number: usize, index: usize, place: Place) -> Result<Rule, PolicyError> {
    let unnamed = format!("{}#{number}", file.name);
    let malformed = |annotation: &'static str, value: &str, expected: Expected| PolicyError::Annotation {
        place: place.clone(),
        policy: policy.annotation("id").unwrap_or(&unnamed).escape_debug().to_string(),
        annotation,
        value: value.escape_debug().to_string(),
        expected,
    };
    let id = read(policy, "id", limit::id, malformed)?;
    Ok(Rule {
        id: id.unwrap_or(&unnamed).into(),
        ttl: read(policy, "ttl", limit::ttl, malformed)?,
        depth: read(policy, "depth", limit::depth, malformed)?,
        repeats: read(policy, "repeats", limit::repeats, malformed)?.unwrap_or(false),
        needs_approval: read(policy, "approval", limit::approval, malformed)?.unwrap_or(false),
        file: index,
        place: place.clone(),
    })
}

/// What an annotation says, if it is there.
fn read<'a, T>(
    policy: &'a Policy,
    name: &'static str,
    meaning: impl Fn(&'a str) -> Result<T, Expected>,
    malformed: impl Fn(&'static str, &str, Expected) -> PolicyError,
) -> Result<Option<T>, PolicyError> {
    policy.annotation(name).map(|text| meaning(text).map_err(|expected| malformed(name, text, expected))).transpose()
}

fn syntax(file: &SourceFile, errors: &ParseErrors) -> impl Iterator<Item = PolicyError> {
    errors.iter().map(|error| {
        let error = DetailedError::from(error);
        PolicyError::Syntax { place: file.place(offset(&error)), reason: reason(&error) }
    })
}

/// Where in its file an error of Cedar's lies.
pub(super) fn offset(error: &DetailedError) -> Option<usize> {
    error.source_locations.first().map(|label| label.loc.start)
}

/// What an error of Cedar's says, and what it advises.
pub(super) fn reason(error: &DetailedError) -> String {
    match &error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message.clone(),
    }
}
