use super::{Answer, Exchange, World};
use crate::cases::NotTried;
use crate::clock::now;
use crate::jose::{Draft, Key, unique};
use anyhow::{Context, Result};
use serde_json::json;

/// The client assertion type of what an OpenID issuer says of a workload (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who is let in at one node beside the agents.
pub(crate) struct Guests {
    /// Where that node is.
    pub(crate) node: String,
    /// Signs what the platform says.
    pub(crate) platform: Key,
    /// Signs JWT-SVIDs of the other trust domain. Its name is that of the first trust domain's key.
    pub(crate) domain: Key,
    /// Signs WITs of that trust domain.
    pub(crate) wit: Key,
    /// Is in its bundle too, without `use`.
    pub(crate) useless: Key,
    /// Signs approvals of the user.
    pub(crate) approver: Key,
    /// Signs what is found of agents.
    pub(crate) attester: Key,
}

/// A platform whose workloads the server lets in: one that speaks like GitHub Actions.
pub(crate) struct Platform;

/// Another trust domain with a bundle of its own.
pub(crate) struct Federated;

/// Who approves and who attests, and where both count.
pub(crate) struct Evidence;

impl Evidence {
    /// The approver.
    pub(crate) const APPROVER: &str = "https://consent.procura.test";
    /// The attester.
    pub(crate) const ATTESTER: &str = "https://edr.procura.test";
    /// Where the agent may have `free` anyway, `approved` with an approval, and `healthy` if the attester says so.
    pub(crate) const TARGET: &str = "http://127.0.0.1:8090/evidence";
}

impl Federated {
    /// Its name.
    pub(crate) const TRUST_DOMAIN: &str = "other.procura.test";
    /// A workload of it that may read the calendar, and has the path of one that may do more elsewhere.
    pub(crate) const AGENT: &str = "spiffe://other.procura.test/agent/planner";
}

impl Platform {
    /// The name of its key, which is for RS256.
    pub(crate) const KEY: &str = "of-the-platform";
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
    /// The guests, if the server was told of them.
    pub(crate) fn guests(&self) -> Result<&Guests> {
        self.options.guests.as_ref().context(NotTried("no --guests given"))
    }

    /// The token endpoint of their node.
    pub(crate) fn guest_endpoint(&self) -> Result<String> {
        Ok(self.endpoint_below(&self.guests()?.node))
    }

    /// A good JWT-SVID of the other trust domain.
    pub(crate) fn federated_svid(&self) -> Result<Draft> {
        let key = &self.guests()?.domain;
        let mut svid = self.svid();
        svid.key = key.clone();
        svid.head("kid", key.kid.clone());
        svid.claim("sub", Federated::AGENT);
        Ok(svid)
    }

    /// A good approval: the user agrees to the agent and `approved`.
    pub(crate) fn approval(&self) -> Result<Draft> {
        let (key, options, now) = (&self.guests()?.approver, &self.options, now());
        let header = json!({"alg": key.algorithm(), "kid": key.kid, "typ": "procura-approval+jwt"});
        let claims = json!({
            "iss": Evidence::APPROVER, "aud": options.issuer, "sub": "user-17",
            "user": {"iss": options.user_issuer, "sub": options.user}, "agent": options.agent, "target": Evidence::TARGET,
            "scope": "approved", "jti": unique(), "iat": now, "exp": now + 300,
        });
        Ok(Draft::new(header, claims, key.clone()))
    }

    /// A good posture of the agent.
    pub(crate) fn posture(&self) -> Result<Draft> {
        let (key, options, now) = (&self.guests()?.attester, &self.options, now());
        let header = json!({"alg": key.algorithm(), "kid": key.kid, "typ": "procura-posture+jwt"});
        let claims = json!({
            "iss": Evidence::ATTESTER, "aud": options.issuer, "sub": options.agent,
            "posture": {"state": "healthy", "cves": 0, "signed": true}, "jti": unique(), "iat": now, "exp": now + 300,
        });
        Ok(Draft::new(header, claims, key.clone()))
    }

    /// The agent asks for `scope` where evidence counts.
    pub(crate) fn evidence_exchange(&self, scope: &str) -> Result<Exchange> {
        let mut exchange = self.exchange();
        exchange.url = self.guest_endpoint()?;
        exchange.set("resource", Evidence::TARGET);
        exchange.set("scope", scope);
        Ok(exchange)
    }

    /// What the platform says of a job of repository 2002.
    pub(crate) fn platform_token(&self) -> Result<Draft> {
        let key = &self.guests()?.platform;
        let header = json!({"alg": key.algorithm(), "kid": key.kid, "typ": "JWT"});
        let now = now();
        let claims = json!({
            "iss": Platform::ISSUER, "sub": "repo:octo/app:ref:refs/heads/main", "aud": self.options.issuer, "jti": unique(),
            "iat": now, "nbf": now - 5, "exp": now + 300, "repository_owner_id": Platform::OWNER, "repository_owner": "octo",
            "repository_id": "2002", "repository": "octo/app", "ref": "refs/heads/main", "ref_type": "branch",
            "event_name": "push", "workflow": "build", "actor": "octocat", "run_id": "7", "runner_environment": "github-hosted",
        });
        Ok(Draft::new(header, claims, key.clone()))
    }

    /// The job asks for a token on behalf of the user.
    pub(crate) fn platform_exchange(&self, token: &str) -> Result<Exchange> {
        self.with_platform(self.exchange(), token)
    }

    /// The job asks for a WIT for itself.
    pub(crate) fn platform_wit_request(&self, token: &str) -> Result<Exchange> {
        let mut exchange = self.with_platform(self.wit_request(&Key::generate()), token)?;
        exchange.set("subject_token", token);
        Ok(exchange)
    }

    fn with_platform(&self, mut exchange: Exchange, token: &str) -> Result<Exchange> {
        exchange.url = self.guest_endpoint()?;
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
