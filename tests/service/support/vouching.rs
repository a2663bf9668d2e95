//! Somebody who signs approvals or postures, and what they are about.

use procura_token::{Algorithm, JwkSet, Signer as _, SigningKey};
use serde_json::{Value, json};

use super::{ISSUER, World, now, sign};

/// A target of which nearly everything needs an approval, and one that needs a healthy agent.
pub(crate) const PAYMENTS: &str = "http://127.0.0.1:8092/payments";
pub(crate) const VAULT: &str = "http://127.0.0.1:8092/vault";

const TARGETS: &str = r#"
[[target]]
resource = "http://127.0.0.1:8092/payments"
scopes = ["pay.list", "pay.send", "pay.close"]

[[target]]
resource = "http://127.0.0.1:8092/vault"
scopes = ["vault.read"]
"#;

const POLICIES: &str = r#"
@id("payments-list")
permit (principal == Workload::"spiffe://dev.procura.test/agent/planner", action == Action::"delegate",
        resource == Target::"http://127.0.0.1:8092/payments")
when { context.scope == "pay.list" };

@id("payments-approved")
@approval("required")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8092/payments")
when { ["pay.send", "pay.close"].contains(context.scope) };

@id("vault-healthy")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8092/vault")
when { context has posture && context.posture.attester == "edr" && context.posture.hasTag("state")
       && context.posture.getTag("state") == "healthy" && context.posture.hasTag("cves") && context.posture.getTag("cves") == "0" };
"#;

impl World {
    /// Adds those targets, and policies for them.
    pub(crate) fn needs_evidence(&self) {
        std::fs::write(self.path("targets/evidence.toml"), TARGETS).unwrap();
        std::fs::write(self.path("policies/evidence.cedar"), POLICIES).unwrap();
    }
}

pub(crate) struct Vouching {
    pub(crate) issuer: &'static str,
    pub(crate) key: SigningKey,
}

impl Vouching {
    fn new(world: &World, table: &str, name: &str, issuer: &'static str, more: &str) -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let set = JwkSet { keys: vec![key.public_key().for_use("sig")] };
        std::fs::write(world.path(&format!("trust/{name}.jwks.json")), serde_json::to_string(&set).unwrap()).unwrap();
        let text = format!(
            "[[{table}]]\nname = \"{name}\"\nissuer = \"{issuer}\"\njwks_file = \"trust/{name}.jwks.json\"\n{more}\n\n[[user_issuer]]"
        );
        world.edit("[[user_issuer]]", &text);
        Self { issuer, key }
    }

    /// Who may approve for the users of `dev`, believed by `world`.
    pub(crate) fn approver(world: &World) -> Self {
        Self::new(world, "approver", "consent-app", "https://consent.test", "user_issuers = [\"dev\"]")
    }

    /// Who may attest the agents, believed by `world`.
    pub(crate) fn attester(world: &World) -> Self {
        Self::new(world, "attester", "edr", "https://edr.test", "workloads = [\"spiffe://dev.procura.test/agent/*\"]")
    }

    /// Alice's approval that the planner sends payments, with `changes`; `null` removes a claim.
    pub(crate) fn approval(&self, changes: Value) -> String {
        self.sign(json!({"alg": "ES256", "typ": "procura-approval+jwt"}), self.approval_claims(changes))
    }

    pub(crate) fn approval_claims(&self, changes: Value) -> Value {
        let claims = json!({
            "iss": self.issuer, "aud": ISSUER, "sub": "alice@consent.test",
            "user": { "iss": "https://users.dev.procura.test", "sub": "alice" },
            "agent": "spiffe://dev.procura.test/agent/planner", "target": PAYMENTS, "scope": "pay.send",
            "jti": fresh(), "iat": now(), "exp": now() + 600,
        });
        changed(claims, &changes)
    }

    /// What is found of the planner, with `changes`; `null` removes a claim.
    pub(crate) fn posture(&self, changes: Value) -> String {
        let claims = json!({
            "iss": self.issuer, "aud": ISSUER, "sub": "spiffe://dev.procura.test/agent/planner",
            "posture": { "state": "healthy", "cves": 0 }, "jti": fresh(), "iat": now(), "exp": now() + 600,
        });
        self.sign(json!({"alg": "ES256", "typ": "procura-posture+jwt"}), changed(claims, &changes))
    }

    pub(crate) fn sign(&self, mut header: Value, claims: Value) -> String {
        header["kid"] = self.key.public_key().key_id.clone().into();
        sign(&self.key, &header, &claims)
    }
}

fn fresh() -> String {
    procura_token::base64url::encode(procura_token::random_bytes::<12>())
}

fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}
