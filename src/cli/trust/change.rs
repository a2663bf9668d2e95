//! `procura trust disable` and `enable`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use procura_token::{ApprovalToken, Issuer, PostureToken, Statement as _, TrustDomain, UnixTime};

use super::super::{Usage, print};
use super::{From, length};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError};
use crate::trust::{self, Added, Party, Tombstone, TrustNames, WorkloadPattern, rfc3339};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    #[command(flatten)]
    who: Who,
    /// Why, for whoever reads the list or the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    from: From,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    #[command(flatten)]
    who: Who,
    /// Although credentials that were issued before may still live
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    from: From,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// A workload, such as `spiffe://prod.example/agent/planner`, or all below a path: `spiffe://prod.example/agent/*`
    #[arg(long, value_name = "ID")]
    workload: Option<WorkloadPattern>,
    /// A trust domain with all its workloads
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<TrustDomain>,
    /// An issuer, of users' tokens, a platform's, approvals or postures
    #[arg(long, value_name = "URL")]
    issuer: Option<Issuer>,
    /// A platform rule
    #[arg(long, value_name = "RULE")]
    platform: Option<String>,
}

pub(super) fn disable(arguments: &Disable) -> anyhow::Result<()> {
    let config = arguments.from.load()?;
    let (file, party) = (list(&config, &arguments.from)?, arguments.who.party()?);
    is_configured(&super::ask(&config, async |trust, _| trust.names())?, &party)?;
    let tombstone = Tombstone { party, since: SystemClock.now().whole_secs(), reason: arguments.reason.clone() };
    print(&match trust::disable(&file, &tombstone)? {
        Added::New => format!("{}: {tombstone}", file.display()),
        Added::Already(known) => format!("{}: nothing changed, {known}", file.display()),
    });
    Ok(())
}

pub(super) fn enable(arguments: &Enable) -> anyhow::Result<()> {
    let config = arguments.from.load()?;
    let (file, party) = (list(&config, &arguments.from)?, arguments.who.party()?);
    let now = SystemClock.now();
    let longest = longest(&config, &party);
    let permit = |tombstone: &Tombstone| match arguments.now || now >= tombstone.since + longest {
        true => Ok(()),
        false => Err(too_young(tombstone, longest, now)),
    };
    let removed = trust::enable(&file, &party, permit)?;
    anyhow::ensure!(!removed.is_empty(), "{}: {party} is not disabled here; `procura trust list` says who is", file.display());
    print(&format!("{}: {party} is not disabled any more", file.display()));
    Ok(())
}

/// The longest that anything lives which was issued to or said by the party before it was disabled, as far as we know.
fn longest(config: &Config, party: &Party) -> Duration {
    let session = |url: &Issuer| config.user_issuer.iter().find(|issuer| issuer.url == *url).and_then(|issuer| issuer.session);
    let said = |url: &Issuer| {
        let approval = config.approver.iter().find(|it| it.issuer == *url).map(|_| ApprovalToken::LONGEST);
        let posture = config.attester.iter().find(|it| it.issuer == *url).map(|_| PostureToken::LONGEST);
        session(url).map(|session| session.0).max(approval).max(posture)
    };
    let said = match party {
        Party::Issuer(url) => said(url).unwrap_or(Duration::ZERO),
        _ => Duration::ZERO,
    };
    config.token.max_wit.0.max(config.token.max_delegation.0).max(said) + config.token.skew.0
}

fn too_young(tombstone: &Tombstone, longest: Duration, now: UnixTime) -> String {
    let age = now.since(tombstone.since).as_secs();
    let end = tombstone.since + longest;
    format!(
        "{} was disabled {} ago, and what was issued before may live for {}: enabled now, it would be believed again; wait until \
         {}, or say --now",
        tombstone.party,
        length(age),
        length(longest.as_secs()),
        rfc3339(end)
    )
}

/// The list of this configuration.
fn list(config: &Config, from: &From) -> anyhow::Result<PathBuf> {
    let remedy = "add `[trust]` with `disabled_file = \"trust/disabled.toml\"`, make that file, and restart the service";
    let missing = || ConfigError::rule("trust.disabled_file", "is not set", remedy);
    config.trust.disabled_file.clone().ok_or_else(missing).with_context(|| from.file().display().to_string())
}

/// A name that nothing has is a mistake: who made it believes that somebody is stopped.
fn is_configured(names: &TrustNames, party: &Party) -> anyhow::Result<()> {
    let known = match party {
        Party::Workload(_) | Party::TrustDomain(_) => &names.trust_domains,
        Party::Issuer(_) => &names.issuers,
        Party::Platform(_) => &names.platform_rules,
    };
    let name = match party {
        Party::Workload(pattern) => pattern.trust_domain(),
        other => other.name(),
    };
    let is_known = known.iter().any(|known| known == name);
    anyhow::ensure!(is_known, "{party} has no effect: `{name}` is not configured; there are: {}", known.join(", "));
    Ok(())
}

impl Who {
    fn party(&self) -> anyhow::Result<Party> {
        let Self { workload, trust_domain, issuer, platform } = self;
        let party = workload.clone().map(Party::Workload).or(trust_domain.clone().map(Party::TrustDomain));
        let party = party.or(issuer.clone().map(Party::Issuer)).or(platform.clone().map(Party::Platform));
        party.ok_or_else(|| Usage("say who: --workload, --trust-domain, --issuer or --platform").into())
    }
}
