//! GitHub as a workflow meets it: an issuer with RSA keys that are found by discovery over HTTPS, and ID tokens of jobs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use procura_token::base64url;
use serde_json::{Value, json};

use super::{ISSUER, Provider, World, now};

/// Where GitHub Enterprise Server has its issuer.
const PATH: &str = "/_services/token";

pub(crate) struct GitHub {
    provider: Provider,
    key: RsaKeyPair,
}

impl GitHub {
    /// One that answers.
    pub(crate) async fn new() -> Self {
        let (provider, key) = (Provider::new().await, RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        let github = Self { provider, key };
        let issuer = github.issuer();
        let metadata = json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks"), "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"], "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid"],
        });
        github.provider.serve(&format!("{PATH}/.well-known/openid-configuration"), 200, &metadata);
        github.provider.serve(&format!("{PATH}/.well-known/jwks"), 200, &json!({ "keys": [public(&github.key)] }));
        Self { provider: github.provider.start().await, key: github.key }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}{PATH}", self.provider.url)
    }

    /// How often its keys were fetched.
    pub(crate) fn keys_asked(&self) -> usize {
        self.provider.asked(&format!("{PATH}/.well-known/jwks"))
    }

    /// Makes `world` let workflows of this GitHub into the trust domain `ci.procura.test` by a rule with `more` in it. Policy
    /// gives those of the repository `octo/cat` WITs, and the calendar while they deploy from its main branch.
    pub(crate) fn trusted_by(&self, world: &World, more: &str) {
        self.provider.trusted_for_tls_by(world, "trust/github-ca.pem");
        let tables = format!(
            "[[trust_domain]]\nname = \"ci.procura.test\"\nissue_wit = true\n\n[[platform]]\nkind = \"github-actions\"\n\
             name = \"deploy\"\ntrust_domain = \"ci.procura.test\"\nissuer = \"{}\"\nca_file = \"trust/github-ca.pem\"\n\
             private_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n{more}\n\n[[user_issuer]]",
            self.issuer()
        );
        world.edit("[[user_issuer]]", &tables);
        std::fs::write(world.path("policies/ci.cedar"), POLICY).unwrap();
    }

    /// The ID token of a job on the main branch, as GitHub documents it; `changes` override claims, `null` removes one.
    pub(crate) fn token(&self, changes: Value) -> String {
        self.token_by(&self.key, changes)
    }

    /// The same, signed by another key under the name of this one's.
    pub(crate) fn forged(&self) -> String {
        self.token_by(&RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), json!({}))
    }

    fn token_by(&self, key: &RsaKeyPair, changes: Value) -> String {
        let now = now();
        let mut claims = json!({
            "iss": self.issuer(), "aud": ISSUER, "jti": base64url::encode(procura_token::random_bytes::<12>()),
            "sub": "repo:octo/cat:ref:refs/heads/main", "iat": now, "nbf": now - 300, "exp": now + 300,
            "repository": "octo/cat", "repository_id": "74", "repository_owner": "octo", "repository_owner_id": "65",
            "repository_visibility": "private", "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true",
            "sha": "2f3a", "head_ref": "", "base_ref": "", "workflow": "deploy", "workflow_sha": "2f3a",
            "workflow_ref": "octo/cat/.github/workflows/deploy.yml@refs/heads/main",
            "job_workflow_ref": "octo/cat/.github/workflows/deploy.yml@refs/heads/main", "job_workflow_sha": "2f3a",
            "event_name": "push", "actor": "alice", "actor_id": "12", "run_id": "9000", "run_number": "10",
            "run_attempt": "2", "runner_environment": "github-hosted", "check_run_id": "31",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        sign_rs256(key, &claims)
    }
}

/// A token as platforms sign it.
pub(crate) fn sign_rs256(key: &RsaKeyPair, claims: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": "AQID", "kid": KEY_ID });
    let input = format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

const KEY_ID: &str = "cc413527-173f-5a05-976e-9c52b1d7b431";

const POLICY: &str = r#"
@id("cat-wit")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"ci.procura.test")
when {
    principal has platform && principal.platform has repository && principal.platform.repository == "octo/cat" &&
    context.credential == "github-actions"
};

@id("cat-calendar")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/calendar")
when {
    principal has platform && principal.platform.kind == "github-actions" && principal.platform has branch &&
    principal.platform.branch == "main" && principal.hasTag("runner_environment") &&
    principal.getTag("runner_environment") == "github-hosted" && context.scope == "calendar.read"
};

@id("cat-calendar-with-wit")
permit (
    principal == Workload::"spiffe://ci.procura.test/github/65/74",
    action == Action::"delegate",
    resource == Target::"http://127.0.0.1:8090/calendar"
)
when { context.credential == "wit" && context.scope == "calendar.read" };
"#;

/// The public key as a JWK: of 2048 bits, so that `RSAPublicKey` is nine octets, the modulus, and 65537.
pub(crate) fn public(key: &RsaKeyPair) -> Value {
    let modulus = base64url::encode(&key.public_key().as_ref()[9..265]);
    json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": modulus, "e": "AQAB" })
}
