use super::{Catalogue, family, is_vectors};
use crate::report::{Report, Verdict};
use std::fmt::Write;

/// What the cases of a row say together.
#[derive(PartialEq)]
enum State {
    Untested,
    /// Only vectors, which tests of libraries read, or tests by name.
    Tests,
    /// Nothing ran, or nothing could be tried.
    Unknown,
    Passed,
    Failed,
}

#[derive(Default)]
struct Line {
    family: String,
    rows: usize,
    required: usize,
    covered: usize,
    tests: usize,
    passed: usize,
    failed: usize,
}

impl Catalogue {
    /// The requirements by family and the attacks one by one; the last columns need a run.
    pub(crate) fn table(&self, report: Option<&Report>) -> String {
        let mut lines: Vec<Line> = Vec::new();
        for row in &self.requirements {
            let name = family(&row.id);
            if lines.last().is_none_or(|line| line.family != name) {
                lines.push(Line { family: name.to_owned(), ..Line::default() });
            }
            let Some(line) = lines.last_mut() else {
                continue;
            };
            line.rows += 1;
            if row.level.starts_with('M') {
                line.count(&state(&row.cases, &row.tests, report));
            }
        }
        let mut text = String::from("family     rows  required  covered  by tests  passed  failed\n");
        let mut sum = Line { family: "all".into(), ..Line::default() };
        for line in &lines {
            sum.add(line);
            line.print(&mut text, report.is_some());
        }
        sum.print(&mut text, report.is_some());
        text.push_str("\nrequired: rows at MUST level. covered: with at least one case, vector or test. by tests: covered by vectors, which\na library's tests read, or by tests of this repository alone. passed, failed: by the cases of this run.\n\nattack\n");
        for attack in &self.attacks {
            let _ = writeln!(
                text,
                "{:7} {:9} {}",
                attack.id,
                word(&state(&attack.cases, &attack.tests, report)),
                short(&attack.text)
            );
            if let Some(beyond) = &attack.beyond {
                let _ = writeln!(text, "{:17} not reached: {beyond}", "");
            }
        }
        text.push('\n');
        text
    }
}

impl Line {
    fn count(&mut self, state: &State) {
        self.required += 1;
        self.covered += usize::from(*state != State::Untested);
        self.tests += usize::from(*state == State::Tests);
        self.passed += usize::from(*state == State::Passed);
        self.failed += usize::from(*state == State::Failed);
    }

    fn add(&mut self, other: &Line) {
        self.rows += other.rows;
        self.required += other.required;
        self.covered += other.covered;
        self.tests += other.tests;
        self.passed += other.passed;
        self.failed += other.failed;
    }

    fn print(&self, text: &mut String, ran: bool) {
        let told = |number: usize| {
            if ran { number.to_string() } else { "-".to_owned() }
        };
        let (passed, failed) = (told(self.passed), told(self.failed));
        let _ = writeln!(
            text,
            "{:9} {:5} {:9} {:8} {:9} {passed:>7} {failed:>7}",
            self.family, self.rows, self.required, self.covered, self.tests
        );
    }
}

fn state(cases: &[String], tests: &[String], report: Option<&Report>) -> State {
    if cases.is_empty() && tests.is_empty() {
        return State::Untested;
    }
    if cases.iter().all(|case| is_vectors(case)) {
        return State::Tests;
    }
    let verdicts: Vec<&Verdict> = cases.iter().filter_map(|case| report.and_then(|report| report.verdict(case))).collect();
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Fail(_))) {
        return State::Failed;
    }
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Pass)) { State::Passed } else { State::Unknown }
}

fn word(state: &State) -> &'static str {
    match state {
        State::Untested => "untested",
        State::Tests => "tests",
        State::Unknown => "not run",
        State::Passed => "passed",
        State::Failed => "FAILED",
    }
}

fn short(text: &str) -> String {
    let mut start: String = text.chars().take(96).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
