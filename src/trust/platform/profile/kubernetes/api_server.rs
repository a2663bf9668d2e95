//! The API server of a cluster, asked about each token: a token ends with its pod, whatever `exp` says.

use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use procura_token::{Algorithm, Issuer, PlatformToken, PlatformTokenRules, UnixTime, Unverified};
use tokio::sync::Semaphore;

use super::review::{Review, question};
use crate::trust::TrustError;
use crate::trust::fetch::{BearerFile, Call, Fetcher};
use crate::trust::platform::PlatformError;
use crate::trust::platform::witness::{Opening, Statement, Witness};

/// How long the cluster's word is believed without asking again.
const BELIEVED: Duration = Duration::from_secs(10);
/// The most questions under way at once.
const MAX_CALLS: usize = 64;

/// Where reviews are made, and what the tokens must be.
#[derive(Debug)]
struct ApiServer {
    authority: String,
    fetcher: Fetcher,
    url: String,
    token: BearerFile,
    issuer: Issuer,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    skew: Duration,
    calls: Semaphore,
}

/// Prepares to ask about tokens, if the rules say so; else the cluster's keys judge them.
pub(super) fn open(opening: &Opening<'_>) -> Result<Option<Box<dyn Witness>>, TrustError> {
    let server = opening.setting(|rule| rule.api_server.clone()).filter(|server| server.token_review);
    let (Some(server), Some(issuer)) = (server, opening.issuer) else { return Ok(None) };
    let unavailable = |cause: String| TrustError::Keys { authority: opening.name.to_owned(), cause };
    let ca_file = opening.setting(|rule| rule.ca_file.clone());
    let private = opening.setting(|rule| Some(rule.private_addresses.clone())).unwrap_or_default();
    let fetcher = Fetcher::new(ca_file.as_deref(), &private).map_err(|cause| unavailable(cause.to_string()))?;
    let token = server.token_file.clone().ok_or_else(|| unavailable("there is no token to ask with".to_owned()))?;
    Ok(Some(Box::new(ApiServer {
        authority: opening.name.to_owned(),
        fetcher,
        url: server.url_of("/apis/authentication.k8s.io/v1/tokenreviews"),
        token: BearerFile::new(token),
        issuer: issuer.clone(),
        audiences: opening.audiences.to_vec(),
        algorithms: opening.algorithms.to_vec(),
        skew: opening.skew,
        calls: Semaphore::new(MAX_CALLS),
    })))
}

impl ApiServer {
    async fn review(&self, text: &str) -> Result<Review, TrustError> {
        let unavailable = |cause: String| TrustError::Keys { authority: self.authority.clone(), cause };
        let _call = self.calls.try_acquire().map_err(|_| unavailable("too many tokens to be reviewed at once".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.token.authorization().map_err(|cause| unavailable(cause.to_string()))?);
        for name in [ACCEPT, CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static("application/json"));
        }
        let call = Call { method: Method::POST, url: &self.url, headers, body: question(text, &self.audiences) };
        let answer = self.fetcher.send(call).await.map_err(|cause| unavailable(cause.to_string()))?;
        if ![StatusCode::OK, StatusCode::CREATED].contains(&answer.status) {
            return Err(unavailable(format!("{}: answered {}", self.url, answer.status)));
        }
        Review::parse(&answer.body).map_err(|cause| unavailable(format!("{}: {cause}", self.url)))
    }
}

#[async_trait]
impl Witness for ApiServer {
    async fn judge(&self, text: &str, now: UnixTime) -> Result<Statement, TrustError> {
        let rules = PlatformTokenRules {
            issuer: &self.issuer,
            audiences: &self.audiences,
            algorithms: &self.algorithms,
            skew: self.skew,
        };
        let review = self.review(text).await?;
        let token = Unverified::<PlatformToken>::parse(text)?.confirmed_by_its_platform(&rules, now)?;
        review.judge(&token).map_err(|why| PlatformError::Evidence(why.to_owned()))?;
        let statement = Statement::of_token(&token);
        Ok(Statement { believed_until: statement.expires.min(now + BELIEVED), ..statement })
    }
}
