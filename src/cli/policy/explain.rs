//! `procura policy explain`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::event::Log;
use super::replay::summary;
use super::{From, inert};
use crate::cli::{Usage, print};
use crate::policy::{Considered, Decision, Explained, FailedCondition, PolicyOutcome, RecordedRequest};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    from: From,
    /// The request, as JSON; `-` is the standard input
    #[arg(value_name = "REQUEST", required_unless_present = "event", conflicts_with = "event")]
    request: Option<PathBuf>,
    /// The id of an event of the audit log whose decision is to be explained by the policies of now
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    #[command(flatten)]
    log: Log,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (config, policy) = arguments.from.open()?;
    let request = match (&arguments.request, &arguments.event) {
        (Some(file), _) => read(file)?,
        (None, Some(id)) => {
            let event = arguments.log.find(&config, id)?;
            event.request().context("the event has no recorded request: nothing was decided, or it was too long")??
        }
        (None, None) => return Err(Usage("name a request or an event").into()),
    };
    let explanation = request.put(policy.targets(), |request| policy.explain(request))?;
    print(&summary(&request));
    print(&result(&explanation.decision));
    explanation.questions.iter().for_each(tell);
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<RecordedRequest<'static>> {
    let mut text = String::new();
    let named = || format!("{}: cannot be read", file.display());
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).with_context(named)?;
    } else {
        text = std::fs::read_to_string(file).with_context(named)?;
    }
    serde_json::from_str(&text).with_context(|| format!("{}: not a request", file.display()))
}

fn result(decision: &Decision) -> String {
    let ids = decision.policies.iter().map(|id| inert(id)).collect::<Vec<_>>().join(" ");
    let mut parts = vec![if decision.allowed { "allowed".to_owned() } else { "denied".to_owned() }];
    let scopes = [("granted", &decision.granted), ("denied", &decision.denied), ("approval missing", &decision.approval_missing)];
    parts.extend(scopes.iter().filter(|(_, scopes)| !scopes.is_empty()).map(|(name, scopes)| format!("{name}: {scopes}")));
    parts.extend(decision.ttl.map(|ttl| format!("ttl: {}s", ttl.as_secs())));
    parts.extend(decision.depth.map(|depth| format!("depth: {depth}")));
    parts.extend((!ids.is_empty()).then(|| format!("policies: {ids}")));
    parts.join("; ")
}

fn tell(explained: &Explained) {
    let what = explained.scope.as_ref().map_or("the action".to_owned(), ToString::to_string);
    let verdict = if explained.is_granted { "granted" } else { "denied" };
    print(&format!("\n{what}: {verdict}"));
    if let Some(obstacle) = &explained.obstacle {
        print(&format!("  {obstacle}"));
    } else if explained.policies.is_empty() {
        print("  no policy has a head that fits, so denial is the default");
    }
    explained.policies.iter().for_each(tell_policy);
}

fn tell_policy(considered: &Considered) {
    let Considered { id, place, is_forbid, outcome } = considered;
    let effect = if *is_forbid { "forbid" } else { "permit" };
    let named = format!("  {effect} `{}` ({place})", inert(id));
    match outcome {
        PolicyOutcome::Holds => print(&format!("{named} holds")),
        PolicyOutcome::Broken(reason) => print(&format!("{named} cannot be evaluated, so it denies: {}", inert(reason))),
        PolicyOutcome::Unmet(reasons) => {
            print(&format!("{named} holds, but"));
            reasons.iter().for_each(|reason| print(&format!("    {reason}")));
        }
        PolicyOutcome::Fails(conditions) => {
            print(&format!("{named} does not hold"));
            conditions.iter().for_each(tell_condition);
        }
    }
}

fn tell_condition(condition: &FailedCondition) {
    let FailedCondition { is_unless, text, values } = condition;
    let (word, value) = if *is_unless { ("unless", "true") } else { ("when", "false") };
    print(&format!("    its `{word}` is {value}: {}", inert(text)));
    for (path, value) in values {
        print(&format!("      {path} is {}", inert(value)));
    }
}
