//! `procura policy replay`

use super::event::{Event, Log};
use super::{From, count, inert};
use crate::cli::print;
use crate::policy::{Difference, Policy, RecordedRequest};

/// How many events were what.
#[derive(Default)]
struct Tally {
    same: usize,
    different: usize,
    /// Decided before requests were recorded, refused before anything was decided, or too long to be recorded.
    silent: usize,
}

pub(super) fn run(from: &From, log: &Log) -> anyhow::Result<()> {
    let (config, policy) = from.open()?;
    let mut tally = Tally::default();
    log.each(&config, |event| {
        tally.add(&policy, &event)?;
        Ok(true)
    })?;
    let Tally { same, different, silent } = tally;
    let decisions = count(same + different, "decision", "decisions");
    print(&format!("{decisions} replayed, {different} would differ; {silent} events without a recorded request"));
    anyhow::ensure!(different == 0, "{} would differ", count(different, "decision", "decisions"));
    Ok(())
}

impl Tally {
    fn add(&mut self, policy: &Policy, event: &Event) -> anyhow::Result<()> {
        let (Some(request), Some(decided)) = (event.request().transpose()?, event.decision().transpose()?) else {
            self.silent += 1;
            return Ok(());
        };
        let lines = match policy.replay(&request, &decided) {
            Ok(differences) => differences.iter().map(told).collect(),
            Err(cause) => vec![format!("      cannot be decided: {cause}")],
        };
        if lines.is_empty() {
            self.same += 1;
            return Ok(());
        }
        self.different += 1;
        print(&format!("{} {} {}", inert(&event.id), inert(&event.time), summary(&request)));
        lines.iter().for_each(|line| print(line));
        Ok(())
    }
}

fn told(difference: &Difference) -> String {
    let Difference { what, expected, decided } = difference;
    format!("      {what}: was `{expected}`, would be `{decided}`")
}

/// Who asked for what.
pub(super) fn summary(request: &RecordedRequest<'_>) -> String {
    let target = request.target.iter().map(|target| format!(" at {}", inert(target)));
    let user = request.user.iter().map(|user| format!(" for {}:{}", inert(&user.issuer), inert(&user.sub)));
    format!("{} {}{}", request.workload, request.action, target.chain(user).collect::<String>())
}
