//! What a platform says of the workload that asks.

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression as Expression;

use super::question::text;

/// What a platform says of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Platform<'a> {
    /// The platform.
    pub kind: &'a str,
    /// The rule that let the workload in.
    pub rule: &'a str,
    /// All that is known: each is an entity tag of the principal, and those that the schema's `Platform` names are members of
    /// `principal.platform`.
    pub attributes: &'a BTreeMap<&'a str, String>,
    /// A hash over kind, rule and attributes.
    pub digest: &'a [u8; 32],
}

/// The attributes of platforms that the schema's `Platform` has: those that several platforms have, or that policies most
/// often ask for.
pub(super) const MEMBERS: &[&str] = &[
    "repository",
    "ref",
    "branch",
    "tag",
    "commit",
    "environment",
    "workflow",
    "job",
    "event",
    "actor",
    "run_id",
    "project",
    "organization",
    "namespace",
    "service_account",
    "account",
    "region",
    "instance",
];

pub(super) fn record(platform: &Platform<'_>) -> Result<Expression, String> {
    let own = [("kind", platform.kind), ("rule", platform.rule)];
    let known = MEMBERS.iter().filter_map(|name| Some((*name, platform.attributes.get(name)?.as_str())));
    let members = own.into_iter().chain(known).map(|(name, value)| (name.to_owned(), text(value)));
    Expression::new_record(members).map_err(|err| err.to_string())
}
