//! `procura policy test`

use std::path::Path;

use anyhow::Context as _;

use super::{From, count, inert};
use crate::cli::print;
use crate::policy::{Difference, parse_tests};

pub(super) fn run(from: &From, file: &Path) -> anyhow::Result<()> {
    let (_, policy) = from.open()?;
    let text = std::fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let tests = parse_tests(&text).map_err(|reason| anyhow::anyhow!("{}: {reason}", file.display()))?;
    let mut failed = 0;
    for test in &tests {
        let differences = test.run(&policy);
        let word = if differences.is_empty() { "ok  " } else { "FAIL" };
        print(&format!("{word}  {}", inert(&test.name)));
        differences.iter().for_each(tell);
        failed += usize::from(!differences.is_empty());
    }
    anyhow::ensure!(failed == 0, "{failed} of {} failed", count(tests.len(), "test", "tests"));
    print(&format!("{} passed", count(tests.len(), "test", "tests")));
    Ok(())
}

fn tell(difference: &Difference) {
    let Difference { what, expected, decided } = difference;
    print(&format!("      {what}: expected `{}`, decided `{}`", inert(expected), inert(decided)));
}
