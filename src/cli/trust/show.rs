//! `procura trust show`

use anyhow::bail;
use serde::Serialize;

use super::super::print;
use super::super::table::{inert, pairs, table};
use super::{From, length};
use crate::trust::{AuthorityView, PlatformRuleView, StatementIssuerView, TrustDomainView, TrustView, UserIssuerView};

pub(super) fn run(name: &str, from: &From, json: bool) -> anyhow::Result<()> {
    let view = super::ask(&from.load()?, async |trust, now| trust.view(now).await)?;
    let domain = view.trust_domains.iter().find(|domain| domain.name == name);
    let issuer = view.user_issuers.iter().find(|issuer| issuer.alias == name || issuer.url == name);
    let rule = view.platform_rules.iter().find(|rule| rule.name == name);
    let is_called = |it: &&StatementIssuerView| it.name == name || it.issuer == name;
    let (approver, attester) = (view.approvers.iter().find(is_called), view.attesters.iter().find(is_called));
    if domain.is_none() && issuer.is_none() && approver.is_none() && attester.is_none() && rule.is_none() {
        bail!("nobody is called `{}`; there are: {}", inert(name), names(&view));
    }
    if let Some(domain) = domain {
        put(domain, json, trust_domain)?;
    }
    if let Some(issuer) = issuer {
        put(issuer, json, user_issuer)?;
    }
    if let Some(approver) = approver {
        put(approver, json, |it| statement_issuer("approver", it))?;
    }
    if let Some(attester) = attester {
        put(attester, json, |it| statement_issuer("attester", it))?;
    }
    if let Some(rule) = rule {
        put(rule, json, platform_rule)?;
    }
    Ok(())
}

fn put<T: Serialize>(view: &T, json: bool, text: fn(&T) -> String) -> anyhow::Result<()> {
    print(&if json { serde_json::to_string_pretty(view)? } else { text(view) });
    Ok(())
}

fn names(view: &TrustView) -> String {
    let domains = view.trust_domains.iter().map(|domain| domain.name.as_str());
    let issuers = view.user_issuers.iter().map(|issuer| issuer.alias.as_str());
    let statements = view.approvers.iter().chain(&view.attesters).map(|issuer| issuer.name.as_str());
    let rules = view.platform_rules.iter().map(|rule| rule.name.as_str());
    domains.chain(issuers).chain(statements).chain(rules).collect::<Vec<_>>().join(", ")
}

fn trust_domain(domain: &TrustDomainView) -> String {
    let authority = &domain.authority;
    let facts = pairs(&[
        ("trust domain", Some(domain.name.clone())),
        ("keys from", Some(authority.source.clone())),
        ("age", authority.age.map(length)),
        ("sequence", domain.sequence.map(|sequence| sequence.to_string())),
        ("may call", Some(domain.clients.join(" "))),
        ("WITs", Some(if domain.issue_wit { "issued" } else { "not issued" }.to_owned())),
        ("disabled", domain.disabled.clone()),
        ("fault", authority.fault.clone()),
    ]);
    format!("{facts}{}", keys(authority))
}

fn user_issuer(issuer: &UserIssuerView) -> String {
    let authority = &issuer.authority;
    let algorithms: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let facts = pairs(&[
        ("user issuer", Some(issuer.url.clone())),
        ("alias", Some(issuer.alias.clone())),
        ("accepts", Some(issuer.accepts.join(" "))),
        ("keys from", Some(authority.source.clone())),
        ("age", authority.age.map(length)),
        ("audiences", (!issuer.audiences.is_empty()).then(|| issuer.audiences.join(" "))),
        ("algorithms", Some(algorithms.join(" "))),
        ("disabled", issuer.disabled.clone()),
        ("fault", authority.fault.clone()),
    ]);
    format!("{facts}{}", keys(authority))
}

fn statement_issuer(what: &'static str, issuer: &StatementIssuerView) -> String {
    let authority = &issuer.authority;
    let algorithms: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let facts = pairs(&[
        (what, Some(issuer.name.clone())),
        ("issuer", Some(issuer.issuer.clone())),
        ("speaks of", Some(issuer.speaks_of.join(" "))),
        ("keys from", Some(authority.source.clone())),
        ("age", authority.age.map(length)),
        ("algorithms", Some(algorithms.join(" "))),
        ("disabled", issuer.disabled.clone()),
        ("fault", authority.fault.clone()),
    ]);
    format!("{facts}{}", keys(authority))
}

fn platform_rule(rule: &PlatformRuleView) -> String {
    let authority = &rule.authority;
    let require: Vec<String> = rule.require.iter().map(|(name, values)| format!("{name} = {}", values.join(" or "))).collect();
    let facts = pairs(&[
        ("platform rule", Some(rule.name.clone())),
        ("platform", Some(rule.platform.to_owned())),
        ("issuer", Some(rule.issuer.clone())),
        ("keys from", Some(authority.source.clone())),
        ("age", authority.age.map(length)),
        ("identifiers", Some(format!("spiffe://{}{}", rule.trust_domain, rule.path))),
        ("audiences", Some(rule.audiences.join(" "))),
        ("requires", (!require.is_empty()).then(|| require.join("; "))),
        ("disabled", rule.disabled.clone()),
        ("fault", authority.fault.clone()),
    ]);
    format!("{facts}{}", keys(authority))
}

fn keys(authority: &AuthorityView) -> String {
    if authority.keys.is_empty() {
        return String::new();
    }
    let mut rows = vec![["USE", "KID", "ALGORITHMS", "THUMBPRINT", "UNTIL"].map(str::to_owned).to_vec()];
    for key in &authority.keys {
        let algorithms: Vec<&str> = key.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        rows.push(vec![
            key.public_key_use.to_owned(),
            key.kid.as_deref().map_or("-".to_owned(), inert),
            if algorithms.is_empty() { "certificate".to_owned() } else { algorithms.join(" ") },
            key.thumbprint.clone(),
            key.expires.clone().unwrap_or_default(),
        ]);
    }
    format!("\n\n{}", table(&rows))
}
