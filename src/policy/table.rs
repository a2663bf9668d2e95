//! Tables of tests: requests, and what is expected of the policies.

use std::collections::BTreeSet;

use procura_token::ScopeSet;
use serde::Deserialize;
use toml::{Spanned, Table};

use super::toml_error::toml_error;
use super::{Decision, Policy, RecordedRequest, limit};

/// One test.
#[derive(Debug)]
pub struct PolicyTest {
    /// What it shows.
    pub name: String,
    /// The request.
    pub request: RecordedRequest<'static>,
    expect: Expected,
}

/// Where a decision is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In which respect.
    pub what: &'static str,
    /// What was expected, or was decided before.
    pub expected: String,
    /// What is decided.
    pub decided: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    defaults: Table,
    test: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    request: Table,
    expect: Expected,
}

/// What is said of a decision. What is left out is not compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    allowed: Option<bool>,
    granted: Option<ScopeSet>,
    denied: Option<ScopeSet>,
    approval_missing: Option<ScopeSet>,
    /// Such as `30m`, or `none`.
    ttl: Option<String>,
    depth: Option<u32>,
    policies: Option<BTreeSet<String>>,
}

/// Parses a table of tests: TOML, a `[[test]]` for each, with `name`, `request` and `expect`; what `[defaults]` says holds for
/// each request that does not say otherwise.
///
/// # Errors
/// The line or the test, what is wrong there, and what may have been meant.
pub fn parse_tests(text: &str) -> Result<Vec<PolicyTest>, String> {
    let line = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
    let told = |error: &toml::de::Error| match toml_error(error) {
        (Some(offset), reason) => format!("line {}: {reason}", line(offset)),
        (None, reason) => reason,
    };
    let document: Document = toml::from_str(text).map_err(|error| told(&error))?;
    let mut tests = Vec::new();
    for written in document.test {
        let place = line(written.span().start);
        let Written { name, request, expect } = written.into_inner();
        let wrong = |reason: &str| Err(format!("line {place}, test `{}`: {reason}", name.escape_debug()));
        if expect.is_empty() {
            return wrong("`expect` says nothing: write at least `allowed` or `granted`");
        }
        if expect.ttl.as_deref().is_some_and(|ttl| ttl != "none" && limit::ttl(ttl).is_err()) {
            return wrong("`ttl` is not a duration of a second or more: write one such as `30m`, or `none`");
        }
        match merged(&document.defaults, request).try_into() {
            Ok(request) => tests.push(PolicyTest { name, request, expect }),
            Err(error) => return wrong(&toml_error(&error).1),
        }
    }
    Ok(tests)
}

/// `request`, and of `defaults` what it does not say.
fn merged(defaults: &Table, request: Table) -> Table {
    let mut all = defaults.clone();
    all.extend(request);
    all
}

impl PolicyTest {
    /// Where `policy` decides otherwise than expected.
    pub fn run(&self, policy: &Policy) -> Vec<Difference> {
        match self.request.put(policy.targets(), |request| policy.decide(request)) {
            Ok(decision) => self.expect.compare(&decision),
            Err(cause) => vec![Difference { what: "request", expected: "a decision".to_owned(), decided: cause.to_string() }],
        }
    }
}

impl Expected {
    fn is_empty(&self) -> bool {
        let Self { allowed, granted, denied, approval_missing, ttl, depth, policies } = self;
        let scopes = granted.is_none() && denied.is_none() && approval_missing.is_none();
        allowed.is_none() && scopes && ttl.is_none() && depth.is_none() && policies.is_none()
    }

    fn compare(&self, decision: &Decision) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |what, expected: Option<String>, decided: String| {
            let different = expected.filter(|expected| *expected != decided);
            found.extend(different.map(|expected| Difference { what, expected, decided }));
        };
        let text = |scopes: &ScopeSet| sorted(scopes);
        compare("allowed", self.allowed.map(|it| it.to_string()), decision.allowed.to_string());
        compare("granted", self.granted.as_ref().map(text), text(&decision.granted));
        compare("denied", self.denied.as_ref().map(text), text(&decision.denied));
        compare("approval_missing", self.approval_missing.as_ref().map(text), text(&decision.approval_missing));
        let ttl = self.ttl.as_ref().map(|ttl| limit::ttl(ttl).ok());
        compare("ttl", ttl.map(duration), duration(decision.ttl));
        compare("depth", self.depth.map(|depth| depth.to_string()), number(decision.depth));
        let ids = decision.policies.iter().map(|id| &**id).collect::<Vec<_>>();
        let expected = self.policies.as_ref().map(|ids| ids.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
        compare("policies", expected, ids.join(" "));
        found
    }
}

/// Scopes in one order, whatever order they were written in.
pub(super) fn sorted(scopes: &ScopeSet) -> String {
    let mut scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    scopes.sort_unstable();
    scopes.join(" ")
}

pub(super) fn duration(ttl: Option<core::time::Duration>) -> String {
    ttl.map_or_else(|| "none".to_owned(), |ttl| humantime::format_duration(ttl).to_string())
}

pub(super) fn number(depth: Option<u32>) -> String {
    depth.map_or_else(|| "none".to_owned(), |depth| depth.to_string())
}
