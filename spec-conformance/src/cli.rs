//! The command line.

mod guests;
mod server;

use crate::cases::{self, Case};
use crate::report::{Report, Verdict};
use crate::world::World;
use crate::{catalogue::Catalogue, report};
use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use guests::Guests;
use server::Server;
use std::{process::ExitCode, sync::Arc};

/// Shows, from outside, what a token exchange and delegation server does with good and bad requests.
#[derive(Parser)]
#[command(name = "procura-conformance", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the cases against a server: exit code 0 if all pass, 1 if not, 2 if they could not be run
    Run(Run),
    /// Print, by family, how many requirements there are, how many are covered, and, given a server, how many pass
    Table(Table),
    /// Make keys of a platform and print what a development configuration takes to let in it and the hostile issuers
    Guests(Guests),
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    server: Server,
    /// Only the cases whose id fits; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    case: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Print the cases instead of running them
    #[arg(long)]
    list: bool,
}

#[derive(Args)]
struct Table {
    #[command(flatten)]
    server: Server,
    /// Print instead the rows without cases, each with its reason
    #[arg(long)]
    untested: bool,
}

/// Does what the command line asks.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Run(run) => run.go().await,
        Command::Table(table) => table.go().await,
        Command::Guests(guests) => guests.go(),
    }
}

impl Run {
    async fn go(self) -> Result<ExitCode> {
        let chosen: Vec<Case> =
            cases::all().into_iter().filter(|case| self.case.as_deref().is_none_or(|glob| fits(glob, &case.id))).collect();
        ensure!(!chosen.is_empty(), "no case fits `{}`", self.case.unwrap_or_default());
        if self.list {
            chosen.iter().for_each(|case| println!("{}", report::listed(case, self.json)));
            return Ok(ExitCode::SUCCESS);
        }
        let world = Arc::new(World::discover(self.server.options()?).await?);
        let report = each(&world, &chosen, |case, verdict| println!("{}", report::line(case, verdict, self.json))).await;
        println!("{}", report.summary(self.json));
        Ok(report.exit_code())
    }
}

impl Table {
    async fn go(self) -> Result<ExitCode> {
        let catalogue = Catalogue::read()?;
        if self.untested {
            print!("{}", catalogue.untested());
            return Ok(ExitCode::SUCCESS);
        }
        let mut report = None;
        if self.server.is_given() {
            let world = Arc::new(World::discover(self.server.options()?).await?);
            report = Some(each(&world, &cases::all(), |_, _| ()).await);
        }
        print!("{}", catalogue.table(report.as_ref()));
        let Some(report) = report else {
            return Ok(ExitCode::SUCCESS);
        };
        report.failures().for_each(|line| println!("{line}"));
        println!("{}", report.summary(false));
        Ok(report.exit_code())
    }
}

async fn each(world: &Arc<World>, chosen: &[Case], mut tell: impl FnMut(&Case, &Verdict)) -> Report {
    let mut report = Report::default();
    for case in chosen {
        let verdict = Verdict::of(case.run(world.clone()).await);
        tell(case, &verdict);
        report.add(case, verdict);
    }
    report
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(glob: &str, name: &str) -> bool {
    let mut pieces = glob.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        last = Some(piece);
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty() || last.is_some_and(|last| last.is_empty() || name.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("dpop.*", "dpop.good") && fits("*.good", "dpop.good") && fits("d*p.*d", "dpop.good") && fits("*", "x"));
        assert!(!fits("dpop", "dpop.good") && !fits("dpop.*", "subject.good") && !fits("*.bad", "dpop.good"));
    }
}
