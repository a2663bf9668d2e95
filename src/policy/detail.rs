//! A detail (RFC 9396) of what a workload may do for a user, in Cedar's terms.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, RestrictedExpression as Expression};
use procura_token::{AuthorizationDetail, DetailTypes, DetailValue, ScopeSet};

use super::decision::least;
use super::question::{text, texts};
use super::vocabulary::Vocabulary;
use super::{Approval, Decision, Delegate};

/// The fields that all types share, which are attributes; others are tags.
const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];
const IDENTIFIER: &str = "identifier";
/// The digits behind the point that Cedar's `decimal` has.
const FRACTION: usize = 4;

/// Acting for a user by one authorization detail.
#[derive(Clone, Copy, Debug)]
pub struct DelegateDetail<'a> {
    /// Where, for whom, and how; its scopes mean nothing here.
    pub delegate: Delegate<'a>,
    /// What is asked for.
    pub detail: &'a AuthorizationDetail,
    /// The types, which say what is a number to be compared.
    pub types: &'a DetailTypes,
}

impl DelegateDetail<'_> {
    /// Whether the user agreed to whatever this agent does at this target: who agreed to scopes agreed to them alone.
    pub(super) fn is_approved(&self) -> bool {
        self.delegate.approval.is_some_and(|Approval { scopes }| scopes.is_none())
    }

    /// What the context says of it.
    pub(super) fn context(&self, vocabulary: &Vocabulary) -> [(String, Expression); 2] {
        [
            ("approved".to_owned(), Expression::new_bool(self.is_approved())),
            ("detail".to_owned(), Expression::new_entity_uid(vocabulary.detail())),
        ]
    }

    /// The detail and its amounts; an error if an amount is none that a policy could compare.
    pub(super) fn entities(&self, vocabulary: &Vocabulary) -> Result<[Entity; 2], String> {
        let amounts = self.types.amounts(self.detail).map(|(name, amount)| Ok((name.to_owned(), decimal(&amount)?)));
        let amounts = amounts.collect::<Result<Vec<_>, String>>()?;
        let amounts = Entity::new_with_tags(vocabulary.amounts(), HashMap::new(), HashSet::new(), amounts);
        let mut attributes = HashMap::from([
            ("type".to_owned(), text(self.detail.kind())),
            ("amounts".to_owned(), Expression::new_entity_uid(vocabulary.amounts())),
        ]);
        let mut tags = Vec::new();
        for (name, value) in self.detail.fields() {
            match value {
                DetailValue::Text(identifier) if name == IDENTIFIER => _ = attributes.insert(name.to_owned(), text(identifier)),
                DetailValue::List(list) if LISTS.contains(&name) => _ = attributes.insert(name.to_owned(), strings(list)),
                DetailValue::List(list) => tags.push((name.to_owned(), strings(list))),
                single => tags.push((name.to_owned(), texts([single.to_string().as_str()]))),
            }
        }
        let detail = Entity::new_with_tags(vocabulary.detail(), attributes, HashSet::new(), tags);
        Ok([amounts.map_err(|err| err.to_string())?, detail.map_err(|err| err.to_string())?])
    }
}

impl Decision {
    /// Both: allowed if each is, with the limits of either.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let union = |one: ScopeSet, other: &ScopeSet| one.iter().chain(other.iter()).cloned().collect();
        self.errors.extend(other.errors);
        self.policies.extend(other.policies);
        Self {
            allowed: self.allowed && other.allowed,
            granted: union(self.granted, &other.granted),
            denied: union(self.denied, &other.denied),
            approval_missing: union(self.approval_missing, &other.approval_missing),
            ttl: least(self.ttl, other.ttl),
            depth: least(self.depth, other.depth),
            ..self
        }
    }
}

fn strings(list: &std::collections::BTreeSet<String>) -> Expression {
    texts(list.iter().map(String::as_str))
}

/// Cedar wants a point and 1 to 4 digits behind it. What has more cannot be compared, and so is denied.
fn decimal(amount: &str) -> Result<Expression, String> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let significant = fraction.trim_end_matches('0');
    // A sign and 2^63, with four of its nineteen digits behind the point.
    if significant.len() > FRACTION || whole.len() > 15 || (whole.len() == 15 && whole > "922337203685476") {
        return Err("an amount that policies cannot compare".to_owned());
    }
    Ok(Expression::new_decimal(format!("{whole}.{}", if significant.is_empty() { "0" } else { significant })))
}
