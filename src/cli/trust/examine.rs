//! `procura trust test`

use anyhow::bail;
use procura_token::{UnixTime, WorkloadId};

use super::super::print;
use super::super::table::pairs;
use super::credential::Credential;
use super::{From, length};
use crate::trust::{Examination, rfc3339};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The credential: a file, `-` for standard input, or the text of a token. Certificates are in PEM, leaf first
    #[arg(allow_hyphen_values = true)]
    credential: String,
    #[command(flatten)]
    from: From,
    /// The workload that would present it; only a user's token may depend on who does
    #[arg(long, value_name = "ID", default_value = "spiffe://nobody.invalid/nobody")]
    caller: WorkloadId,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let credential = Credential::read(&arguments.credential)?;
    let config = arguments.from.load()?;
    let (examination, now) = super::ask(&config, async |trust, now| {
        let examination = match &credential {
            Credential::Certificate(peer) => trust.examine_certificate(peer, now).await,
            Credential::Token(text) => trust.examine(text, &arguments.caller, now).await,
        };
        (examination, now)
    })?;
    print(&if arguments.json { serde_json::to_string_pretty(&examination)? } else { told(&examination, now) });
    match &examination.refusal {
        None => Ok(()),
        Some(cause) => bail!("the {} would be refused: {}", examination.kind, super::super::table::inert(cause)),
    }
}

fn told(examination: &Examination, now: UnixTime) -> String {
    let statement = examination.statement.as_ref();
    let verdict = if examination.refusal.is_some() { "refused" } else { "believed" };
    let mut lines = vec![
        ("kind", Some(examination.kind.to_owned())),
        ("verdict", Some(verdict.to_owned())),
        ("reason", examination.refusal.clone()),
        ("name", statement.map(|it| it.name.clone())),
        ("vouched for by", statement.map(|it| it.authority.clone())),
        ("expires", statement.map(|it| expiry(it.expires, now))),
        ("bound to key", statement.and_then(|it| it.key.clone())),
        ("may have a WIT", statement.and_then(|it| it.may_have_wit).map(|may| if may { "yes" } else { "no" }.to_owned())),
    ];
    let attributes = statement.iter().flat_map(|it| &it.attributes);
    lines.extend(attributes.map(|(name, value)| (name.as_str(), Some(value.clone()))));
    pairs(&lines)
}

fn expiry(expires: UnixTime, now: UnixTime) -> String {
    format!("{} (in {})", rfc3339(expires), length(expires.since(now).as_secs()))
}
