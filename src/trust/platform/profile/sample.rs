//! What a rule makes of the claims of a credential that was verified.

use std::collections::BTreeMap;

use procura_token::UnixTime;
use serde_json::Value;

use crate::trust::platform::rule::{PlatformRuleSettings, Rule};
use crate::trust::platform::witness::Statement;
use crate::trust::platform::{PlatformIdentity, PlatformRuleError};

pub(super) const US: &str = "https://procura.example";

/// A rule of a kind, in the trust domain `prod.example`.
pub(super) fn settings(kind: &str, issuer: Option<&str>, require: &[(&str, &str)]) -> PlatformRuleSettings {
    let require = require.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
    PlatformRuleSettings {
        kind: kind.to_owned(),
        name: kind.to_owned(),
        trust_domain: "prod.example".parse().unwrap(),
        issuer: issuer.map(|issuer| issuer.parse().unwrap()),
        audiences: vec![US.to_owned()],
        path: None,
        require: require.collect::<BTreeMap<_, _>>(),
        jwks_file: None,
        ca_file: None,
        private_addresses: Default::default(),
        sts_endpoints: None,
        api_server: None,
        tpm: None,
    }
}

/// Whether there can be such a rule.
pub(super) fn rule(settings: PlatformRuleSettings) -> Result<Rule, PlatformRuleError> {
    Rule::new(settings)
}

/// Who it is, by that rule.
///
/// # Errors
/// Why it is nobody.
pub(super) fn identify(rule: &Rule, claims: &Value) -> Result<PlatformIdentity, String> {
    let statement = Statement {
        issuer: claims["iss"].as_str().unwrap_or("it").to_owned(),
        audience: claims["aud"].as_str().unwrap_or(US).to_owned(),
        claims: claims.as_object().cloned().unwrap_or_default().into_iter().collect(),
        issued_at: None,
        valid_from: None,
        expires: UnixTime::from_secs(1_800_000_600),
        believed_until: UnixTime::from_secs(1_800_000_600),
        fingerprint: [0; 32],
        key: None,
    };
    let attributes = rule.fit(&statement)?;
    rule.identify(&statement, attributes).map_err(|error| error.to_string())
}

/// `claims` with others in place of some, within objects too; `null` removes one.
pub(super) fn with(mut claims: Value, changes: &Value) -> Value {
    merge(&mut claims, changes);
    claims
}

fn merge(value: &mut Value, changes: &Value) {
    match (value, changes) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(name);
                } else {
                    merge(members.entry(name.clone()).or_insert(Value::Null), change);
                }
            }
        }
        (value, changes) => *value = changes.clone(),
    }
}
