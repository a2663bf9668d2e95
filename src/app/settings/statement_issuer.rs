//! The settings of those who sign approvals and postures.

use crate::config::{ApproverConfig, AttesterConfig, ConfigError};
use crate::trust::{ApproverSettings, AttesterSettings, WorkloadPattern};

pub(super) fn approver(approver: &ApproverConfig) -> ApproverSettings {
    ApproverSettings {
        name: approver.name.clone(),
        issuer: approver.issuer.clone(),
        jwks_file: approver.jwks_file.clone(),
        ca_file: approver.ca_file.clone(),
        private_addresses: approver.private_addresses.iter().map(|range| range.0).collect(),
        algorithms: approver.algorithms.clone(),
        speaks_of: approver.user_issuers.clone(),
    }
}

pub(super) fn attester(attester: &AttesterConfig) -> Result<AttesterSettings, ConfigError> {
    let pattern = |text: &String| {
        let remedy = "write an identifier, or \"spiffe://prod.example/agent/*\" for all below it";
        let wrong = |_| ConfigError::rule("attester.workloads", &format!("`{text}` names no workload"), remedy);
        text.parse::<WorkloadPattern>().map_err(wrong)
    };
    Ok(AttesterSettings {
        name: attester.name.clone(),
        issuer: attester.issuer.clone(),
        jwks_file: attester.jwks_file.clone(),
        ca_file: attester.ca_file.clone(),
        private_addresses: attester.private_addresses.iter().map(|range| range.0).collect(),
        algorithms: attester.algorithms.clone(),
        speaks_of: attester.workloads.iter().map(pattern).collect::<Result<_, _>>()?,
    })
}
