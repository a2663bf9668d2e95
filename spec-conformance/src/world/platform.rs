use super::{Answer, Exchange, World};
use crate::cases::NotTried;
use crate::clock::now;
use crate::jose::{Draft, Key, unique};
use anyhow::{Context, Result};
use serde_json::json;

/// The client assertion type of what an OpenID issuer says of a workload (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A platform whose workloads the server lets in: one that speaks like GitHub Actions.
pub(crate) struct Platform {
    /// Signs what it says.
    pub(crate) key: Key,
    /// The node that knows it.
    pub(crate) node: String,
}

impl Platform {
    /// Whose tokens these are.
    pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
    /// Where its workloads are. Nobody else vouches for this trust domain.
    pub(crate) const TRUST_DOMAIN: &str = "ci.procura.test";
    /// The one tenant that is let in.
    pub(crate) const OWNER: &str = "1001";

    /// The identifier of a repository's jobs.
    pub(crate) fn id(repository: &str) -> String {
        format!("spiffe://{}/ci/{}/{repository}", Self::TRUST_DOMAIN, Self::OWNER)
    }

    /// The same, in the environment that a rule of its own is for.
    pub(crate) fn release_id(repository: &str) -> String {
        format!("spiffe://{}/release/{}/{repository}/production", Self::TRUST_DOMAIN, Self::OWNER)
    }
}

impl World {
    /// The platform, if the server was told of one.
    pub(crate) fn platform(&self) -> Result<&Platform> {
        self.options.platform.as_ref().context(NotTried("no --guest-key given"))
    }

    /// What the platform says of a job of repository 2002.
    pub(crate) fn platform_token(&self) -> Result<Draft> {
        let platform = self.platform()?;
        let header = json!({"alg": "ES256", "kid": platform.key.kid, "typ": "JWT"});
        let now = now();
        let claims = json!({
            "iss": Platform::ISSUER, "sub": "repo:octo/app:ref:refs/heads/main", "aud": self.options.issuer, "jti": unique(),
            "iat": now, "nbf": now - 5, "exp": now + 300, "repository_owner_id": Platform::OWNER, "repository_owner": "octo",
            "repository_id": "2002", "repository": "octo/app", "ref": "refs/heads/main", "ref_type": "branch",
            "event_name": "push", "workflow": "build", "actor": "octocat", "run_id": "7", "runner_environment": "github-hosted",
        });
        Ok(Draft::new(header, claims, platform.key.clone()))
    }

    /// The job asks for a token on behalf of the user.
    pub(crate) fn platform_exchange(&self, token: &str) -> Result<Exchange> {
        Ok(self.from_platform(self.exchange(), token)?)
    }

    /// The job asks for a WIT for itself.
    pub(crate) fn platform_wit_request(&self, token: &str) -> Result<Exchange> {
        let mut exchange = self.from_platform(self.wit_request(&Key::generate()), token)?;
        exchange.set("subject_token", token);
        Ok(exchange)
    }

    fn from_platform(&self, mut exchange: Exchange, token: &str) -> Result<Exchange> {
        exchange.url = self.endpoint_below(&self.platform()?.node);
        exchange.set("client_assertion_type", JWT_BEARER);
        exchange.set("client_assertion", token);
        Ok(exchange)
    }

    /// Who a granted token says the caller is.
    pub(crate) async fn platform_caller(&self, answer: &Answer) -> Result<String> {
        let granted = self.granted(answer).await?;
        let id = granted.claim("client_id").as_str().context("no `client_id`")?.to_owned();
        anyhow::ensure!(granted.claim("act")["sub"] == *id, "`act` is {}", granted.claim("act"));
        Ok(id)
    }
}
