//! STS, which alone can say whose signature a request has.

use std::time::Duration;

use async_trait::async_trait;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use procura_token::{PlatformClaims, UnixTime};
use serde_json::json;
use tokio::sync::Semaphore;

use super::answer::{CallerIdentity, error_code};
use super::request::{Outgoing, Rules, SignedRequest};
use crate::trust::TrustError;
use crate::trust::fetch::{Call, Fetched, Fetcher};
use crate::trust::platform::PlatformError;
use crate::trust::platform::witness::{Opening, Statement, Witness};

/// The most requests under way at once.
const MAX_CALLS: usize = 64;
/// What STS answers when it is in trouble or has had enough of us: no verdict on the caller.
const NO_VERDICT: [&str; 4] = ["Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable"];

#[derive(Debug)]
struct Sts {
    authority: String,
    fetcher: Fetcher,
    endpoints: Vec<String>,
    audiences: Vec<String>,
    skew: Duration,
    calls: Semaphore,
}

/// Prepares to ask the endpoints that the rules name.
pub(super) fn open(opening: &Opening<'_>) -> Result<Option<Box<dyn Witness>>, TrustError> {
    let ca_file = opening.setting(|rule| rule.ca_file.clone());
    let private = opening.setting(|rule| Some(rule.private_addresses.clone())).unwrap_or_default();
    let fetcher = Fetcher::new(ca_file.as_deref(), &private)
        .map_err(|cause| TrustError::Keys { authority: opening.name.to_owned(), cause: cause.to_string() })?;
    let endpoints = opening.setting(|rule| rule.sts_endpoints.clone()).unwrap_or_default();
    Ok(Some(Box::new(Sts {
        authority: opening.name.to_owned(),
        fetcher,
        // One slash ends each, as in the requests.
        endpoints: endpoints.iter().map(|url| format!("{}/", url.as_str().trim_end_matches('/'))).collect(),
        audiences: opening.audiences.to_vec(),
        skew: opening.skew,
        calls: Semaphore::new(MAX_CALLS),
    })))
}

impl Sts {
    /// Sends the request. In no text of an error is anything of it but the endpoint: a URL may hold the signature.
    async fn ask(&self, outgoing: &Outgoing<'_>) -> Result<CallerIdentity, TrustError> {
        let endpoint = outgoing.url.split('?').next().unwrap_or_default();
        let unavailable =
            |cause: String| TrustError::Keys { authority: self.authority.clone(), cause: format!("{endpoint}: {cause}") };
        let _call = self.calls.try_acquire().map_err(|_| unavailable("too many requests to it at once".to_owned()))?;
        let headers = headers(outgoing).ok_or_else(|| refused("a header cannot be sent".to_owned()))?;
        let method = if outgoing.is_post { Method::POST } else { Method::GET };
        let call = Call { method, url: outgoing.url, headers, body: outgoing.body.as_bytes().to_vec() };
        let Fetched { status, body, .. } = self.fetcher.send(call).await.map_err(|cause| unavailable(cause.fault()))?;
        match status {
            StatusCode::OK => CallerIdentity::parse(&body).map_err(|cause| refused(format!("the answer of STS: {cause}"))),
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match error_code(&body) {
                Some(code) if NO_VERDICT.contains(&code.as_str()) => Err(unavailable(format!("answered {code}"))),
                Some(code) => Err(refused(format!("STS answered {code}"))),
                None => Err(refused(format!("STS answered {status}"))),
            },
            _ => Err(unavailable(format!("answered {status}"))),
        }
    }
}

fn refused(cause: String) -> TrustError {
    PlatformError::Evidence(cause).into()
}

/// The headers that were signed, and that we want JSON.
fn headers(outgoing: &Outgoing<'_>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &outgoing.headers {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    Some(headers)
}

#[async_trait]
impl Witness for Sts {
    async fn judge(&self, text: &str, now: UnixTime) -> Result<Statement, TrustError> {
        let request = SignedRequest::parse(text)?;
        let rules = Rules { endpoints: &self.endpoints, audiences: &self.audiences, skew: self.skew };
        let outgoing = request.judge(&rules, now).map_err(TrustError::Credential)?;
        let caller = self.ask(&outgoing).await?;
        Ok(Statement {
            issuer: "aws".to_owned(),
            audience: request.audience().to_owned(),
            claims: claims(&caller, request.region()),
            issued_at: Some(request.made()),
            valid_from: Some(request.made()),
            expires: request.expires(),
            believed_until: request.expires(),
            fingerprint: request.fingerprint(),
            key: Some(request.key()),
        })
    }
}

fn claims(caller: &CallerIdentity, region: &str) -> PlatformClaims {
    let claims = [
        ("account", json!(caller.account)),
        ("principal_id", json!(caller.principal_id)),
        ("principal_type", json!(caller.kind.as_str())),
        ("name", json!(caller.name)),
        ("arn", json!(caller.arn())),
        ("session", json!(caller.session)),
        ("partition", json!(caller.partition)),
        ("region", json!(region)),
    ];
    claims.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
