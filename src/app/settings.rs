//! From the file's words to each room's settings.

mod issuer;
mod statement_issuer;

use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use procura_token::{Freshness, Htu, ScopeSet, UnixTime};

use crate::audit::AuditSettings;
use crate::config::{Config, ConfigError, KeyRingConfig, RedisConfig, Secret, TrustDomainConfig, WorkloadApiAddress};
use crate::exchange::{DetailSettings, ExchangeSettings};
use crate::keys::KeyRingSettings;
use crate::policy::{PolicySettings, Target, Targets};
use crate::store::{RedisSettings, RedisTls, RedisTopology};
use crate::trust::{
    ApiServerSettings, BundleSource, FederationProfile, FederationSettings, PathPattern, PlatformRuleSettings, PlatformRules,
    TpmSettings, TrustDomainSettings, TrustSettings, WorkloadApiEndpoint,
};

pub(super) fn exchange(config: &Config) -> Result<ExchangeSettings, ConfigError> {
    let endpoint = |key: &str, base: &str| {
        let url = format!("{}/token", base.trim_end_matches('/'));
        url.parse::<Htu>().map_err(|cause| ConfigError::rule(key, &cause.to_string(), "give the URL clients use"))
    };
    let mut token_endpoints = vec![endpoint("issuer", config.issuer.as_str())?];
    for url in &config.server.public_urls {
        token_endpoints.push(endpoint("server.public_urls", url.as_str())?);
    }
    if let Some(mtls) = &config.mtls {
        token_endpoints.push(endpoint("mtls.url", mtls.url.as_str())?);
    }
    Ok(ExchangeSettings {
        issuer: config.issuer.clone(),
        token_endpoints,
        max_delegation: config.token.max_delegation.0,
        max_depth: config.token.max_depth.into(),
        max_wit: config.token.max_wit.0,
        skew: config.token.skew.0,
        freshness: Freshness { age: config.dpop.max_age.0, ahead: config.dpop.max_ahead.0 },
        details: details(config)?,
        algorithms: config.dpop.algorithms.clone(),
        accepts_legacy_wpt: config.wpt.accept_legacy_field,
    })
}

fn details(config: &Config) -> Result<DetailSettings, ConfigError> {
    let limited = config.authorization_details_type.iter().filter_map(|kind| Some((kind, kind.targets.as_ref()?)));
    let targets = limited.map(|(kind, targets)| (kind.name.clone(), targets.iter().cloned().collect()));
    Ok(DetailSettings { types: config.detail_types()?, targets: targets.collect() })
}

pub(super) fn key_ring(ring: &KeyRingConfig) -> KeyRingSettings {
    KeyRingSettings { active: ring.active.clone(), next: ring.next.clone(), retired: ring.retired.clone() }
}

/// `secret` is the one behind nonces.
pub(super) fn trust(config: &Config, secret: &[u8]) -> Result<TrustSettings, ConfigError> {
    let mut domains = Vec::new();
    for domain in &config.trust_domain {
        let mut clients = Vec::new();
        // Only what has no bundle may leave it out: each of its workloads is named by a rule.
        for pattern in domain.clients.as_deref().unwrap_or(&["/*".to_owned()]) {
            let remedy = "write a path such as \"/agent/planner\", or \"/agent/*\"";
            let wrong = |_| ConfigError::rule("trust_domain.clients", &format!("`{pattern}` is not a path"), remedy);
            clients.push(pattern.parse::<PathPattern>().map_err(wrong)?);
        }
        domains.push(TrustDomainSettings {
            name: domain.name.clone(),
            bundle: bundle_source(domain)?,
            clients,
            issue_wit: domain.issue_wit,
        });
    }
    let user_issuers = config.user_issuer.iter().map(issuer::settings).collect::<Result<_, _>>()?;
    Ok(TrustSettings {
        issuer: config.issuer.clone(),
        domains,
        user_issuers,
        approvers: config.approver.iter().map(statement_issuer::approver).collect(),
        attesters: config.attester.iter().map(statement_issuer::attester).collect::<Result<_, _>>()?,
        platforms: platforms(config, secret)?,
        skew: config.token.skew.0,
        disabled_file: config.trust.disabled_file.clone(),
    })
}

/// The rules, held against what is known of each platform.
fn platforms(config: &Config, secret: &[u8]) -> Result<PlatformRules, ConfigError> {
    let rules = config.platform.iter().map(|platform| PlatformRuleSettings {
        kind: platform.kind.clone(),
        name: platform.name().to_owned(),
        trust_domain: platform.trust_domain.clone(),
        issuer: platform.issuer.clone(),
        audiences: match platform.audiences.as_slice() {
            [] => vec![config.issuer.as_str().to_owned()],
            audiences => audiences.to_vec(),
        },
        path: platform.path.clone(),
        require: platform
            .require
            .iter()
            .map(|(name, values)| (name.clone(), values.iter().map(str::to_owned).collect()))
            .collect(),
        jwks_file: platform.jwks_file.clone(),
        ca_file: platform.ca_file.clone(),
        private_addresses: platform.private_addresses.iter().map(|range| range.0).collect(),
        sts_endpoints: platform.aws_sts.as_ref().map(|sts| sts.endpoints.clone()),
        api_server: platform.kubernetes.as_ref().map(|cluster| ApiServerSettings {
            url: cluster.api_server.clone(),
            token_file: cluster.token_file.clone(),
            token_review: cluster.token_review,
        }),
        tpm: platform
            .tpm
            .as_ref()
            .map(|tpm| TpmSettings { devices_file: tpm.devices_file.clone(), secret: hmac::Key::new(hmac::HMAC_SHA256, secret) }),
    });
    PlatformRules::new(rules).map_err(|error| {
        ConfigError::rule(&format!("platform.{}", error.key), &format!("of `{}` {}", error.rule, error.what), &error.remedy)
    })
}

fn bundle_source(domain: &TrustDomainConfig) -> Result<BundleSource, ConfigError> {
    if let Some(address) = &domain.workload_api {
        return Ok(BundleSource::WorkloadApi(workload_api("trust_domain.workload_api", address)?));
    }
    let Some(federation) = &domain.federation else {
        return Ok(domain.bundle_file.clone().map_or(BundleSource::None, BundleSource::File));
    };
    let profile = match (&federation.endpoint_id, &federation.ca_file) {
        (Some(endpoint_id), _) => FederationProfile::Spiffe { endpoint_id: endpoint_id.clone() },
        (None, ca_file) => FederationProfile::Web { ca_file: ca_file.clone() },
    };
    Ok(BundleSource::Federation(Box::new(FederationSettings {
        url: federation.url.clone(),
        profile,
        private_addresses: federation.private_addresses.iter().map(|range| range.0).collect(),
        first: domain.bundle_file.clone(),
    })))
}

pub(super) fn workload_api(key: &str, address: &WorkloadApiAddress) -> Result<WorkloadApiEndpoint, ConfigError> {
    let address = address.resolve(key)?;
    let remedy = "write \"unix:///run/spire/agent.sock\", \"tcp://127.0.0.1:8081\" or \"env\"";
    address.parse().map_err(|cause| ConfigError::rule(key, &format!("`{address}`: {cause}"), remedy))
}

pub(super) fn targets(config: &Config) -> Result<Targets, ConfigError> {
    let targets = config.target.iter().map(|target| Target {
        resource: target.resource.clone(),
        name: target.name.clone(),
        scopes: target.scopes.iter().cloned().collect::<ScopeSet>(),
        owner: target.owner.clone(),
        tags: target.tags.clone(),
        workloads: target.workloads.clone(),
    });
    Targets::new(targets).map_err(|cause| ConfigError::rule("target", &cause.to_string(), "remove one of the two"))
}

pub(super) fn policy(config: &Config) -> PolicySettings {
    let config = &config.policy;
    PolicySettings {
        directory: config.directory.clone(),
        entities: config.entities.clone(),
        country_database: config.country_database.clone(),
    }
}

pub(super) fn audit(config: &Config) -> AuditSettings {
    AuditSettings { path: config.audit.path.clone() }
}

/// Two services may share one Redis: the issuer's name keeps them apart. Nothing was granted after `began`.
pub(super) fn redis(config: &Config, redis: &RedisConfig, began: UnixTime) -> Result<RedisSettings, ConfigError> {
    let secret = |key, value: &Option<Secret>, file: &Option<PathBuf>| {
        let secret = Secret::either(key, value.as_ref(), file.as_deref())?;
        Ok(secret.map(|secret| secret.expose().to_owned()))
    };
    let topology = match (&redis.url, &redis.sentinel) {
        (Some(url), _) => RedisTopology::Single { url: url.clone() },
        (None, Some(master)) => RedisTopology::Sentinel {
            urls: redis.urls.clone(),
            master: master.clone(),
            password: secret("store.sentinel_password", &redis.sentinel_password, &redis.sentinel_password_file)?,
        },
        (None, None) => RedisTopology::Cluster { urls: redis.urls.clone() },
    };
    let identity = match (&redis.certificate_file, &redis.key_file) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
        _ => None,
    };
    Ok(RedisSettings {
        topology,
        password: secret("store.password", &redis.password, &redis.password_file)?,
        tls: RedisTls { authorities: redis.ca_file.as_deref().map(read).transpose()?, identity },
        prefix: config.issuer.as_str().to_owned(),
        timeout: redis.timeout.0,
        began,
    })
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(&path).map_err(|cause| ConfigError::unreadable(path.as_ref(), &cause))
}
