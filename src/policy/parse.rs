//! From a policy file to policies with their ids and limits.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, Policy, PolicyId, PolicySet};

use super::file::PolicyFile;
use super::set::Rule;
use super::{Place, PolicyError, limit};

/// The policies of one file, in order.
pub(super) fn parse(file: &PolicyFile, index: usize) -> Result<Vec<(Policy, Rule)>, PolicyError> {
    let policies: PolicySet = file.text.parse().map_err(|errors| syntax(file, &errors))?;
    if policies.num_of_templates() > 0 {
        return Err(PolicyError::Template { file: file.name.clone() });
    }
    let mut policies: Vec<&Policy> = policies.policies().collect();
    policies.sort_by_key(|policy| position(policy.id()));
    let mut from = 0;
    policies
        .into_iter()
        .zip(1..)
        .map(|(policy, number)| {
            let text = policy.to_cedar().unwrap_or_default();
            let offset = file.text.get(from..).and_then(|rest| rest.find(&text)).map(|found| from + found);
            from = offset.map_or(from, |offset| offset + text.len());
            let rule = rule(policy, file, number, index, file.place(offset))?;
            Ok((policy.new_id(PolicyId::new(&*rule.id)), rule))
        })
        .collect()
}

/// Cedar names the policies of a text `policy0`, `policy1`, …
fn position(id: &PolicyId) -> Option<usize> {
    let id: &str = id.as_ref();
    id.strip_prefix("policy")?.parse().ok()
}

fn rule(policy: &Policy, file: &PolicyFile, number: usize, index: usize, place: Place) -> Result<Rule, PolicyError> {
    let unnamed = format!("{}#{number}", file.name);
    let malformed = |annotation, value: &str, expected| PolicyError::Annotation {
        place: place.clone(),
        policy: policy.annotation("id").unwrap_or(&unnamed).escape_debug().to_string(),
        annotation,
        value: value.escape_debug().to_string(),
        expected,
    };
    let id = policy.annotation("id").map(|text| limit::id(text).map_err(|e| malformed("id", text, e))).transpose()?;
    let ttl = policy.annotation("ttl").map(|text| limit::ttl(text).map_err(|e| malformed("ttl", text, e))).transpose()?;
    let depth = policy.annotation("depth").map(|text| limit::depth(text).map_err(|e| malformed("depth", text, e))).transpose()?;
    Ok(Rule { id: id.unwrap_or(&unnamed).into(), ttl, depth, file: index, place })
}

fn syntax(file: &PolicyFile, errors: &ParseErrors) -> PolicyError {
    let error = DetailedError::from(errors);
    PolicyError::Syntax { place: file.place(offset(&error)), reason: reason(&error) }
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
