//! `procura trust list`

use super::super::print;
use super::super::table::{inert, table};
use super::{From, length};
use crate::trust::{AuthorityView, PlatformRuleView, StatementIssuerView, TrustDomainView, TrustView, UserIssuerView};

pub(super) fn run(from: &From, json: bool) -> anyhow::Result<()> {
    let view = super::ask(&from.load()?, async |trust, now| trust.view(now).await)?;
    if json {
        print(&serde_json::to_string_pretty(&view)?);
        return Ok(());
    }
    print(&tables(&view).join("\n\n"));
    Ok(())
}

fn tables(view: &TrustView) -> Vec<String> {
    let mut tables = Vec::new();
    if !view.trust_domains.is_empty() {
        let heading = ["TRUST DOMAIN", "KEYS FROM", "KEYS", "AGE", "SEQUENCE", "CLIENTS", "WIT", "STATE"];
        tables.push(under(&heading, view.trust_domains.iter().map(trust_domain)));
    }
    if !view.user_issuers.is_empty() {
        let heading = ["USER ISSUER", "ALIAS", "KEYS FROM", "KEYS", "AGE", "STATE"];
        tables.push(under(&heading, view.user_issuers.iter().map(user_issuer)));
    }
    for (what, who) in [("APPROVER", &view.approvers), ("ATTESTER", &view.attesters)] {
        if !who.is_empty() {
            let heading = [what, "ISSUER", "SPEAKS OF", "KEYS FROM", "KEYS", "AGE", "STATE"];
            tables.push(under(&heading, who.iter().map(statement_issuer)));
        }
    }
    if !view.platform_rules.is_empty() {
        let heading = ["PLATFORM RULE", "PLATFORM", "IDENTIFIERS", "KEYS FROM", "KEYS", "AGE", "STATE"];
        tables.push(under(&heading, view.platform_rules.iter().map(platform_rule)));
    }
    if !view.disabled.is_empty() {
        let row =
            |it: &crate::trust::TombstoneView| vec![format!("{} {}", it.kind, it.name), it.since.clone(), it.reason.clone()];
        tables.push(under(&["DISABLED", "SINCE", "REASON"], view.disabled.iter().map(row)));
    }
    tables
}

fn under(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heading = heading.iter().map(|name| (*name).to_owned()).collect();
    let rows = rows.map(|row| row.iter().map(|cell| inert(cell)).collect());
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

fn trust_domain(domain: &TrustDomainView) -> Vec<String> {
    vec![
        domain.name.clone(),
        domain.authority.source.clone(),
        counts(&domain.authority),
        age(&domain.authority),
        domain.sequence.map_or("-".to_owned(), |sequence| sequence.to_string()),
        domain.clients.join(" "),
        if domain.issue_wit { "yes" } else { "no" }.to_owned(),
        state(&domain.authority, domain.disabled.is_some()),
    ]
}

fn user_issuer(issuer: &UserIssuerView) -> Vec<String> {
    vec![
        issuer.url.clone(),
        issuer.alias.clone(),
        issuer.authority.source.clone(),
        counts(&issuer.authority),
        age(&issuer.authority),
        state(&issuer.authority, issuer.disabled.is_some()),
    ]
}

fn statement_issuer(issuer: &StatementIssuerView) -> Vec<String> {
    vec![
        issuer.name.clone(),
        issuer.issuer.clone(),
        issuer.speaks_of.join(" "),
        issuer.authority.source.clone(),
        counts(&issuer.authority),
        age(&issuer.authority),
        state(&issuer.authority, issuer.disabled.is_some()),
    ]
}

fn platform_rule(rule: &PlatformRuleView) -> Vec<String> {
    vec![
        rule.name.clone(),
        rule.platform.to_owned(),
        format!("spiffe://{}{}", rule.trust_domain, rule.path),
        rule.authority.source.clone(),
        counts(&rule.authority),
        age(&rule.authority),
        state(&rule.authority, rule.disabled.is_some()),
    ]
}

/// How many keys there are for each use, such as `1 jwt-svid, 2 x509-svid`.
fn counts(authority: &AuthorityView) -> String {
    let mut uses: Vec<(&str, usize)> = Vec::new();
    for key in &authority.keys {
        match uses.iter_mut().find(|(known, _)| *known == key.public_key_use) {
            Some((_, count)) => *count += 1,
            None => uses.push((key.public_key_use, 1)),
        }
    }
    let told: Vec<String> = uses.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

fn age(authority: &AuthorityView) -> String {
    authority.age.map_or("-".to_owned(), length)
}

fn state(authority: &AuthorityView, is_disabled: bool) -> String {
    match &authority.fault {
        _ if is_disabled => "disabled".to_owned(),
        Some(fault) => fault.clone(),
        None => "believed".to_owned(),
    }
}
