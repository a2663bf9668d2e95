//! What became of the cases.

use crate::cases::{Case, NotTried};
use anyhow::Result;
use serde_json::json;
use std::{collections::HashMap, process::ExitCode};

/// The outcome of one case.
pub(crate) enum Verdict {
    Pass,
    Fail(String),
    NotTried(String),
}

impl Verdict {
    /// Reads the outcome from what the case returned.
    pub(crate) fn of(outcome: Result<()>) -> Self {
        match outcome {
            Ok(()) => Self::Pass,
            Err(error) if error.is::<NotTried>() => Self::NotTried(error.to_string()),
            Err(error) => Self::Fail(format!("{error:#}").replace('\n', " ")),
        }
    }
}

/// All outcomes of a run, in order.
#[derive(Default)]
pub(crate) struct Report {
    outcomes: Vec<(String, Verdict)>,
    place: HashMap<String, usize>,
}

impl Report {
    /// Adds an outcome.
    pub(crate) fn add(&mut self, case: &Case, verdict: Verdict) {
        self.place.insert(case.id.clone(), self.outcomes.len());
        self.outcomes.push((case.id.clone(), verdict));
    }

    /// The outcome of a case, if it ran.
    pub(crate) fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.place.get(id).map(|place| &self.outcomes[*place].1)
    }

    /// The lines of the cases that failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        self.outcomes.iter().filter_map(|(id, verdict)| match verdict {
            Verdict::Fail(why) => Some(format!("FAIL {id}: {why}")),
            _ => None,
        })
    }

    /// The last line of a run.
    pub(crate) fn summary(&self, json: bool) -> String {
        let count = |wanted: fn(&Verdict) -> bool| self.outcomes.iter().filter(|(_, verdict)| wanted(verdict)).count();
        let passed = count(|verdict| matches!(verdict, Verdict::Pass));
        let failed = count(|verdict| matches!(verdict, Verdict::Fail(_)));
        match json {
            true => json!({"passed": passed, "failed": failed, "not_tried": self.outcomes.len() - passed - failed}).to_string(),
            false => format!("{passed} passed, {failed} failed"),
        }
    }

    /// 0 when nothing failed, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.failures().next().is_some()))
    }
}

/// The line of one outcome.
pub(crate) fn line(case: &Case, verdict: &Verdict, json: bool) -> String {
    let (word, why) = match verdict {
        Verdict::Pass => ("pass", None),
        Verdict::Fail(why) => ("FAIL", Some(why)),
        Verdict::NotTried(why) => ("skip", Some(why)),
    };
    if json {
        let word = word.to_lowercase();
        return json!({"id": case.id, "verdict": word, "why": why, "covers": case.covers}).to_string();
    }
    match why {
        Some(why) => format!("{word} {}: {why}", case.id),
        None => format!("{word} {}", case.id),
    }
}

/// The line of one case in a list.
pub(crate) fn listed(case: &Case, json: bool) -> String {
    if json {
        return json!({"id": case.id, "shows": case.shows, "covers": case.covers}).to_string();
    }
    format!("{:44} {} [{}]", case.id, case.shows, case.covers.join(" "))
}
