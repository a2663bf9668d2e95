//! The server under test and what the runner was given to speak with it.

mod answer;
mod connection;
mod exchange;
mod guest;
mod signed;
mod wire;
mod workload;

pub(crate) use answer::{Answer, Granted};
pub(crate) use exchange::{Exchange, Nonce, Present, TYPE};
pub(crate) use guest::{Evidence, Federated, Guests, Platform};
pub(crate) use signed::SignedCall;
pub(crate) use wire::Wire;
pub(crate) use workload::{Workload, WptCall};

use crate::certificate::Authority;
use crate::hostile::Hostile;
use crate::jose::{Draft, Key, unique};
use crate::{clock, jose};
use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What the command line says.
pub(crate) struct Options {
    pub(crate) issuer: String,
    pub(crate) trust_domain: String,
    pub(crate) svid_key: Key,
    pub(crate) user_issuer: String,
    pub(crate) user_key: Key,
    pub(crate) user: String,
    pub(crate) user_claims: Map<String, Value>,
    pub(crate) agent: String,
    pub(crate) resource: String,
    pub(crate) scope: String,
    pub(crate) audience: Option<String>,
    pub(crate) denied_resource: Option<String>,
    /// An authorization detail (RFC 9396) that the agent may have for the user at the resource.
    pub(crate) detail: Option<Value>,
    /// Who may act in its own name.
    pub(crate) own: Option<Own>,
    pub(crate) second: Option<String>,
    /// Another agent that may ask for a WIT.
    pub(crate) other_agent: String,
    /// Signs WITs of the trust domain: the server's own key, for WITs that it would never sign.
    pub(crate) wit_key: Option<Key>,
    /// Signs X.509-SVIDs of the trust domain.
    pub(crate) authority: Option<Authority>,
    /// What the listener for mutual TLS is authenticated by, in PEM.
    pub(crate) tls_root: Option<String>,
    pub(crate) proxy: Option<Proxy>,
    /// Who else is let in, at a node of its own.
    pub(crate) guests: Option<Guests>,
    /// Where the hostile issuers are to listen.
    pub(crate) hostile_address: Option<SocketAddr>,
    /// Which workloads and issuers that node believes no longer; it is rewritten.
    pub(crate) disabled_file: Option<PathBuf>,
    /// The Redis that the server keeps used proofs in; it will be emptied.
    pub(crate) redis: Option<SocketAddr>,
    /// What the server wrote: its log and its audit trail.
    pub(crate) written: Vec<PathBuf>,
}

/// An agent that may act in its own name, and where.
pub(crate) struct Own {
    pub(crate) agent: String,
    pub(crate) resource: String,
    pub(crate) scope: String,
}

/// A proxy whose word on certificates the server takes.
pub(crate) struct Proxy {
    /// The address it calls from.
    pub(crate) address: IpAddr,
    /// The node that takes `Client-Cert` from it.
    pub(crate) client_cert: Option<String>,
    /// The node that takes `x-forwarded-client-cert` from it.
    pub(crate) forwarded: Option<String>,
}

/// The server as it described itself, and our means.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) metadata: Value,
    pub(crate) metadata_answer: Answer,
    pub(crate) token_endpoint: String,
    /// The hostile issuers, listening.
    pub(crate) hostile: Option<Arc<Hostile>>,
    http: Client,
    nonce: Mutex<Option<String>>,
    workload: tokio::sync::Mutex<Option<Arc<Workload>>>,
}

impl World {
    /// Reads the server's metadata; fails when there is no server to test.
    pub(crate) async fn discover(options: Options) -> Result<Self> {
        let http = Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let url = well_known(&options.issuer)?;
        let metadata_answer = Answer::of(http.get(&url)).await.with_context(|| format!("no answer from {url}"))?;
        let metadata = metadata_answer.json().with_context(|| format!("{url} answers {}", metadata_answer.status))?;
        let token_endpoint = metadata["token_endpoint"].as_str().context("the metadata name no `token_endpoint`")?.to_owned();
        let (nonce, workload) = (Mutex::default(), tokio::sync::Mutex::default());
        let hostile = match options.hostile_address {
            Some(address) => Some(Hostile::start(address).await?),
            None => None,
        };
        Ok(Self { options, metadata, metadata_answer, token_endpoint, hostile, http, nonce, workload })
    }

    /// GET of a URL of the server.
    pub(crate) async fn get(&self, url: &str) -> Result<Answer> {
        Answer::of(self.http.get(url)).await
    }

    /// A POST to the token endpoint, to be filled in.
    pub(crate) fn post(&self) -> RequestBuilder {
        self.http.post(&self.token_endpoint)
    }

    /// Any other request.
    pub(crate) fn request(&self, method: &str, url: &str) -> Result<RequestBuilder> {
        Ok(self.http.request(method.parse()?, url))
    }

    /// The same path at the second node.
    pub(crate) fn second_endpoint(&self) -> Option<String> {
        self.options.second.as_ref().map(|base| self.endpoint_below(base))
    }

    /// The token endpoint of a node that is reached at another base.
    pub(crate) fn endpoint_below(&self, base: &str) -> String {
        let path = self.token_endpoint.strip_prefix(self.options.issuer.trim_end_matches('/')).unwrap_or("/token");
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// The key set named by the metadata.
    pub(crate) async fn jwks(&self) -> Result<Value> {
        let uri = self.metadata["jwks_uri"].as_str().context("the metadata name no `jwks_uri`")?;
        self.get(uri).await?.key_set()
    }

    /// The SPIFFE bundle, at its place beside the issuer.
    pub(crate) async fn bundle(&self) -> Result<Value> {
        let answer = self.get(&format!("{}/spiffe/bundle", self.options.issuer.trim_end_matches('/'))).await?;
        ensure!(answer.status == 200, "/spiffe/bundle answers {}", answer.status);
        answer.json()
    }

    /// A good JWT-SVID of the agent, for the issuer alone.
    pub(crate) fn svid(&self) -> Draft {
        let options = &self.options;
        let header = json!({"alg": "ES256", "kid": options.svid_key.kid, "typ": "JWT"});
        let now = clock::now();
        let claims = json!({"sub": options.agent, "aud": options.issuer, "iat": now, "exp": now + 300, "jti": unique()});
        Draft::new(header, claims, options.svid_key.clone())
    }

    /// Judges a successful answer to a request of a workload for itself.
    pub(crate) async fn own_granted(&self, answer: &Answer) -> Result<Granted> {
        let body = answer.plain_success()?;
        let token = body["access_token"].as_str().context("no `access_token`")?;
        let parts = jose::verify(token, &self.jwks().await?, &["sig"])?;
        Ok(Granted { token: token.to_owned(), parts, body })
    }

    /// A good ID token of the user, for the issuer.
    pub(crate) fn id_token(&self) -> Draft {
        let options = &self.options;
        let header = json!({"alg": "ES256", "kid": options.user_key.kid, "typ": "JWT"});
        let now = clock::now();
        let mut claims = json!({
            "iss": options.user_issuer, "sub": options.user, "aud": options.issuer, "iat": now, "exp": now + 600,
            "auth_time": now - 30, "jti": unique(),
        });
        for (name, value) in &options.user_claims {
            claims[name] = value.clone();
        }
        Draft::new(header, claims, options.user_key.clone())
    }

    /// A good proof for the token endpoint, without nonce.
    pub(crate) fn proof(&self, key: &Key) -> Draft {
        let header = json!({"typ": "dpop+jwt", "alg": key.algorithm(), "jwk": key.public()});
        let claims = json!({"jti": unique(), "htm": "POST", "htu": self.token_endpoint, "iat": clock::now()});
        Draft::new(header, claims, key.clone())
    }

    /// The newest nonce the server gave.
    pub(crate) fn nonce(&self) -> Option<String> {
        self.nonce.lock().ok().and_then(|nonce| nonce.clone())
    }

    /// Remembers the nonce of an answer.
    fn learn(&self, answer: &Answer) {
        if let (Some(given), Ok(mut nonce)) = (answer.header("dpop-nonce"), self.nonce.lock()) {
            *nonce = Some(given.to_owned());
        }
    }

    /// Judges a successful answer: the RFC 8693 members, and a token signed by the published keys.
    pub(crate) async fn granted(&self, answer: &Answer) -> Result<Granted> {
        let body = answer.success()?;
        let token = body["access_token"].as_str().context("no `access_token`")?;
        let parts = jose::verify(token, &self.jwks().await?, &["sig"])?;
        Ok(Granted { token: token.to_owned(), parts, body })
    }
}

/// Where RFC 8414 section 3 puts the metadata: between the host and the path.
pub(crate) fn well_known(issuer: &str) -> Result<String> {
    let (scheme, rest) = issuer.split_once("://").context("the issuer is not a URL")?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path.trim_end_matches('/')));
    let slash = if path.is_empty() { "" } else { "/" };
    Ok(format!("{scheme}://{host}/.well-known/oauth-authorization-server{slash}{path}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn metadata_path_stands_between_host_and_path() {
        let place = |issuer| super::well_known(issuer).unwrap();
        assert_eq!(place("https://h"), "https://h/.well-known/oauth-authorization-server");
        assert_eq!(place("https://h/"), "https://h/.well-known/oauth-authorization-server");
        assert_eq!(place("https://h/t1/"), "https://h/.well-known/oauth-authorization-server/t1");
    }
}
