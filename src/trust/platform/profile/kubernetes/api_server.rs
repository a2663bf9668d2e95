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
use crate::trust::platform::witness::{Statement, Witness};

/// How long the cluster's word is believed without asking again.
const BELIEVED: Duration = Duration::from_secs(10);
/// The most questions under way at once.
const MAX_CALLS: usize = 64;

/// Where reviews are made, and what the tokens must be.
#[derive(Debug)]
pub(super) struct ApiServer {
    pub(super) authority: String,
    pub(super) fetcher: Fetcher,
    pub(super) url: String,
    pub(super) token: BearerFile,
    pub(super) issuer: Issuer,
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) skew: Duration,
    pub(super) calls: Semaphore,
}

impl ApiServer {
    pub(super) const fn calls() -> Semaphore {
        Semaphore::const_new(MAX_CALLS)
    }

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
