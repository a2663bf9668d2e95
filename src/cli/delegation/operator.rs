//! The admin listener of a running service, as the configuration says where it is and what it wants to see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::table::inert;
use crate::config::{Config, ConfigError, Secret};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// The most bytes of an answer: a thousand delegations with long names.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Someone with the operators' token.
pub(super) struct Operator {
    address: SocketAddr,
    token: Secret,
    http: Client,
}

impl Operator {
    /// The operator of the service with this configuration.
    pub(super) fn of(file: &Path) -> anyhow::Result<Self> {
        let config = Config::load(file)?;
        let rule = |key, what, remedy| ConfigError::rule(key, what, remedy).in_file(file);
        let admin = config.admin.as_ref().ok_or_else(|| {
            let remedy = "add `[admin]` with `listen` and `token_file`, and restart the service";
            rule("admin", "is not configured, and delegations are asked for there", remedy)
        })?;
        let token = admin.token().map_err(|error| error.in_file(file))?.ok_or_else(|| {
            let remedy = "make a file with `openssl rand -hex 32`, name it, and restart the service";
            rule("admin.token_file", "is not configured: without a token there is nothing to ask", remedy)
        })?;
        if admin.listen.port() == 0 {
            return Err(rule("admin.listen", "leaves the port to chance", "name one").into());
        }
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(DEADLINE).build()?;
        Ok(Self { address: reachable(admin.listen), token, http })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<T> {
        self.ask(self.http.get(self.url(path, parameters))).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        reason: Option<&str>,
    ) -> anyhow::Result<T> {
        let mut request = self.http.post(self.url(path, parameters));
        if let Some(reason) = reason {
            let body = serde_json::json!({ "reason": reason }).to_string();
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        self.ask(request).await
    }

    fn url(&self, path: &str, parameters: &[(&str, String)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{}{path}{mark}{query}", self.address)
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let address = self.address;
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token.expose()));
        let answer = request.send().await.map_err(|error| match error.is_timeout() {
            true => anyhow::anyhow!("the admin listener at {address} did not answer within {} s", DEADLINE.as_secs()),
            false => anyhow::anyhow!("nobody answers at {address}: is the service with this configuration running?"),
        })?;
        let status = answer.status();
        let body = read(answer).await.with_context(|| format!("the answer of {address} cannot be read"))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .with_context(|| format!("what answers at {address} is no admin listener of ours"));
        }
        let detail = serde_json::from_slice(&body).map_or_else(|_| String::new(), |problem: Problem| inert(&problem.detail));
        match status {
            StatusCode::UNAUTHORIZED => bail!(
                "the service at {address} does not take this token: it was started with another; restart it, or use the \
                 configuration it was started with"
            ),
            StatusCode::NOT_FOUND if !detail.contains("delegation") => bail!(
                "there are no delegations to ask for at {address}: the service was started without `admin.token_file`, or it is \
                 another program"
            ),
            _ if detail.is_empty() => bail!("the service at {address} answered {status}"),
            _ => bail!("{detail}"),
        }
    }
}

/// An RFC 9457 problem, as far as people read it.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

async fn read(mut answer: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(body.len() + chunk.len() <= MAX_ANSWER, "it is too long");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A service that listens everywhere is reached here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
