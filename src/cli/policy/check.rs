//! `procura policy check`

use super::{From, count};
use crate::app::inspect_policy;
use crate::cli::print;

pub(super) fn run(from: &From, strict: bool) -> anyhow::Result<()> {
    let report = inspect_policy(&from.load()?)?;
    for error in &report.errors {
        print(&format!("error: {error}"));
    }
    for warning in &report.warnings {
        print(&format!("warning: {warning}"));
    }
    let errors = count(report.errors.len(), "error", "errors");
    let warnings = count(report.warnings.len(), "warning", "warnings");
    let (policies, agents) = (count(report.policies, "policy", "policies"), count(report.agents, "agent", "agents"));
    print(&format!("{policies}, {agents}: {errors}, {warnings}"));
    anyhow::ensure!(report.errors.is_empty(), "the policies cannot be used");
    anyhow::ensure!(!strict || report.warnings.is_empty(), "some policies can hardly be meant");
    Ok(())
}
