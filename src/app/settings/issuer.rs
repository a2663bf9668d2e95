//! The settings of an OpenID issuer.

use std::collections::BTreeMap;

use procura_token::{ClaimValue, RequiredClaim};

use crate::config::{self, ClaimValues, ConfigError, IntrospectionConfig, UserIssuerConfig, UserTokenKind};
use crate::trust::{AcceptedTokens, IntrospectionSettings, UserIssuerSettings};

pub(super) fn settings(issuer: &UserIssuerConfig) -> Result<UserIssuerSettings, ConfigError> {
    let accepts = |kind| issuer.token_kinds.contains(&kind);
    Ok(UserIssuerSettings {
        url: issuer.url.clone(),
        alias: issuer.alias.clone(),
        jwks_file: issuer.jwks_file.clone(),
        ca_file: issuer.ca_file.clone(),
        private_addresses: issuer.private_addresses.iter().map(|range| range.0).collect(),
        accepts: AcceptedTokens {
            id_tokens: accepts(UserTokenKind::IdToken),
            access_tokens: accepts(UserTokenKind::AccessToken),
        },
        audiences: issuer.audiences.clone(),
        workloads: issuer.workloads.iter().map(|(name, id)| (name.clone(), id.clone())).collect(),
        algorithms: issuer.algorithms.clone(),
        required: required(&issuer.require),
        access_token_mark: required(&issuer.access_token_mark),
        groups_claim: issuer.groups_claim.clone(),
        client_claim: issuer.client_claim.clone(),
        scope_claim: issuer.scope_claim.clone(),
        consent_claim: issuer.consent_claim.clone(),
        session: issuer.session.map(|session| session.0),
        introspection: issuer.introspection.as_ref().map(introspection).transpose()?,
    })
}

fn introspection(asked: &IntrospectionConfig) -> Result<IntrospectionSettings, ConfigError> {
    Ok(IntrospectionSettings {
        url: asked.url.clone(),
        client_id: asked.client_id.clone(),
        client_secret: asked.secret()?.expose().to_owned(),
    })
}

fn required(claims: &BTreeMap<String, ClaimValues>) -> Vec<RequiredClaim> {
    let value = |value: &config::ClaimValue| match value {
        config::ClaimValue::Text(text) => ClaimValue::Text(text.clone()),
        config::ClaimValue::Flag(flag) => ClaimValue::Flag(*flag),
        config::ClaimValue::Number(number) => ClaimValue::Number(*number),
    };
    let values = |values: &ClaimValues| match values {
        ClaimValues::One(one) => vec![value(one)],
        ClaimValues::Several(several) => several.iter().map(value).collect(),
    };
    claims.iter().map(|(name, of)| RequiredClaim { name: name.clone(), values: values(of) }).collect()
}
