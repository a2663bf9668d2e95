//! `procura delegation`: what agents do for whom, and the end of it. All of it is asked of the running service.

mod operator;

use std::path::{Path, PathBuf};

use procura_token::{DelegationId, Resource, Subject, WorkloadId};
use serde::{Deserialize, Serialize};

use super::table::{inert, pairs, table};
use super::{Usage, print};
use operator::Operator;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List delegations: whom an agent acts for, where, since when and until when
    List {
        #[command(flatten)]
        which: Which,
        /// Stop after this many
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        from: From,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one delegation
    Show {
        /// Its name: `delegation.id` in tokens and in the audit log
        #[arg(allow_hyphen_values = true)]
        id: DelegationId,
        #[command(flatten)]
        from: From,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End one delegation, or all of an agent, a user or a target, at once and at every copy
    #[command(long_about = REVOKE_HELP)]
    Revoke {
        /// Its name: `delegation.id` in tokens and in the audit log
        #[arg(allow_hyphen_values = true, conflicts_with_all = ["agent", "user", "target"])]
        id: Option<DelegationId>,
        #[command(flatten)]
        which: Which,
        /// Why, for whoever reads the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        from: From,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

const REVOKE_HELP: &str = "\
End one delegation, or all of an agent, a user or a target, at once and at every copy

No exchange that begins after this continues them, by any agent of the chain. Tokens that are out already live until they end. \
An agent that shall begin none either is stopped by `procura trust disable`, before.";

/// Which delegations: those for which all of this is so.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Begun by this agent
    #[arg(long, value_name = "ID")]
    agent: Option<WorkloadId>,
    /// For this user, `<issuer alias>:<subject>`
    #[arg(long, value_name = "USER")]
    user: Option<Subject>,
    /// Begun at this target
    #[arg(long, value_name = "URI")]
    target: Option<Resource>,
}

/// Which service.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// The configuration file of the service: where its admin listener is, and the operators' token
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// A delegation as the service tells it.
#[derive(Debug, Deserialize, Serialize)]
struct Delegation {
    id: String,
    state: String,
    user: String,
    agent: String,
    target: String,
    began: String,
    until: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Listed {
    delegations: Vec<Delegation>,
    #[serde(default, skip_serializing)]
    cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_since: Option<String>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Revoked {
    delegations: Vec<Delegation>,
    revoked: usize,
    revoked_before: usize,
    #[serde(default, skip_serializing)]
    cursor: Option<String>,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List { which, limit, from, json } => list(which, *limit, from.file(), *json),
        Command::Show { id, from, json } => show(id, from.file(), *json),
        Command::Revoke { id, which, reason, from, json } => revoke(id.as_ref(), which, reason.as_deref(), from.file(), *json),
    }
}

impl From {
    fn file(&self) -> &Path {
        &self.config
    }
}

impl Which {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let agent = self.agent.as_ref().map(|agent| ("agent", agent.to_string()));
        let user = self.user.as_ref().map(|user| ("user", user.to_string()));
        let target = self.target.as_ref().map(|target| ("target", target.to_string()));
        [agent, user, target].into_iter().flatten().collect()
    }
}

fn list(which: &Which, limit: usize, config: &Path, json: bool) -> anyhow::Result<()> {
    let operator = Operator::of(config)?;
    let mut listed = Listed::default();
    super::runtime()?.block_on(async {
        loop {
            let mut parameters = which.parameters();
            parameters.push(("limit", limit.saturating_sub(listed.delegations.len()).clamp(1, 1000).to_string()));
            parameters.extend(listed.cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Listed = operator.get("/delegations", &parameters).await?;
            listed.delegations.extend(page.delegations);
            (listed.cursor, listed.known_since) = (page.cursor, page.known_since);
            if listed.cursor.is_none() || listed.delegations.len() >= limit {
                return anyhow::Ok(());
            }
        }
    })?;
    let is_cut = listed.cursor.is_some() || listed.delegations.len() > limit;
    listed.delegations.sort_by(|a, b| (&a.began, &a.id).cmp(&(&b.began, &b.id)));
    // Where a listing goes on over several pages, one may be on two of them.
    listed.delegations.dedup_by(|a, b| a.id == b.id);
    listed.delegations.truncate(limit);
    if json {
        print(&serde_json::to_string_pretty(&listed)?);
    } else if listed.delegations.is_empty() {
        print("no delegations");
    } else {
        print(&rows(&listed.delegations));
    }
    if is_cut {
        eprintln!("procura: there are more; --limit says how many to list, --agent, --user and --target which");
    }
    Ok(())
}

fn show(id: &DelegationId, config: &Path, json: bool) -> anyhow::Result<()> {
    let operator = Operator::of(config)?;
    let path = format!("/delegations/{}", operator::segment(id.as_str()));
    let shown: Delegation = super::runtime()?.block_on(operator.get(&path, &[]))?;
    if json {
        print(&serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    print(&pairs(&[
        ("delegation", Some(shown.id)),
        ("state", Some(shown.state)),
        ("user", Some(shown.user)),
        ("agent", Some(shown.agent)),
        ("target", Some(shown.target)),
        ("began", Some(shown.began)),
        ("until", Some(shown.until)),
        ("revoked", shown.revoked),
    ]));
    Ok(())
}

fn revoke(id: Option<&DelegationId>, which: &Which, reason: Option<&str>, config: &Path, json: bool) -> anyhow::Result<()> {
    let parameters = which.parameters();
    if id.is_none() && parameters.is_empty() {
        return Err(Usage("say which: the name of a delegation, --agent, --user or --target").into());
    }
    let operator = Operator::of(config)?;
    let done = super::runtime()?.block_on(async {
        if let Some(id) = id {
            let path = format!("/delegations/{}/revoke", operator::segment(id.as_str()));
            return operator.post(&path, &[], reason).await;
        }
        let mut done = Revoked::default();
        loop {
            let mut parameters = parameters.clone();
            parameters.extend(done.cursor.take().map(|cursor| ("cursor", cursor)));
            let some: Revoked = operator.post("/delegations/revoke", &parameters, reason).await?;
            done.delegations.extend(some.delegations);
            (done.revoked, done.revoked_before) = (done.revoked + some.revoked, done.revoked_before + some.revoked_before);
            done.cursor = some.cursor;
            if done.cursor.is_none() {
                return anyhow::Ok(done);
            }
        }
    })?;
    if json {
        print(&serde_json::to_string_pretty(&done)?);
    }
    // Who named what nothing matches believes that somebody is stopped.
    anyhow::ensure!(
        done.revoked + done.revoked_before > 0,
        "nothing was revoked: no delegation matches; `delegation list` says which there are"
    );
    if !json {
        if !done.delegations.is_empty() {
            print(&rows(&done.delegations));
        }
        print(&format!("{} revoked, {} revoked before", done.revoked, done.revoked_before));
    }
    Ok(())
}

fn rows(delegations: &[Delegation]) -> String {
    let heading = ["DELEGATION", "STATE", "AGENT", "USER", "TARGET", "BEGAN", "UNTIL"].map(str::to_owned).to_vec();
    let row = |it: &Delegation| {
        [&it.id, &it.state, &it.agent, &it.user, &it.target, &it.began, &it.until].map(|cell| inert(cell)).to_vec()
    };
    table(&std::iter::once(heading).chain(delegations.iter().map(row)).collect::<Vec<_>>())
}
