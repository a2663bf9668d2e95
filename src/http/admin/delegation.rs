//! `/delegations`: what operators ask of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use metrics::Counter;
use procura_token::{DelegationId, parse_json};
use serde::Deserialize;

use super::super::server::Connection;
use super::super::{answer, error, token};
use crate::app::App;
use crate::exchange::{DelegationCursor, DelegationError, DelegationFilter, Revocation, RevokedDelegations};

/// The most delegations of one answer, and how many unless told.
const LIMIT: (usize, usize) = (1000, 100);
/// The most bytes of a reason.
const MAX_REASON: usize = 1000;

#[derive(Clone)]
pub(super) struct Shared {
    app: Arc<App>,
    revoked: Counter,
}

/// The endpoints. Whoever gets here is an operator.
pub(super) fn router(app: Arc<App>) -> Router {
    metrics::describe_counter!("procura_delegations_revoked_total", "Delegations that operators revoked at this copy");
    let shared = Shared { app, revoked: metrics::counter!("procura_delegations_revoked_total") };
    Router::new()
        .route("/delegations", get(list).fallback(only_get))
        .route("/delegations/revoke", post(revoke_all).fallback(error::only_post))
        .route("/delegations/{id}", get(show).fallback(only_get))
        .route("/delegations/{id}/revoke", post(revoke).fallback(error::only_post))
        .with_state(shared)
}

async fn list(State(shared): State<Shared>, request: Request) -> Response {
    let query = match Query::read(request.uri().query()) {
        Ok(query) => query,
        Err(wrong) => return bad(wrong),
    };
    let limit = query.limit.unwrap_or(LIMIT.1);
    let listed = shared.app.exchange().list_delegations(&query.filter, query.cursor.as_ref(), limit, shared.app.now()).await;
    match listed {
        Ok(list) => answer::json(StatusCode::OK, &list),
        Err(cause) => refused(&cause),
    }
}

async fn show(State(shared): State<Shared>, id: Result<Path<String>, PathRejection>) -> Response {
    let Some(id) = name(id) else { return refused(&DelegationError::Unknown) };
    match shared.app.exchange().show_delegation(&id, shared.app.now()).await {
        Ok(view) => answer::json(StatusCode::OK, &view),
        Err(cause) => refused(&cause),
    }
}

async fn revoke(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let Some(id) = name(id) else { return refused(&DelegationError::Unknown) };
    let (parts, body) = request.into_parts();
    if parts.uri.query().is_some() {
        return bad("this takes no parameters; a reason is a member of the body");
    }
    let revocation = match revocation(&parts.headers, body, &connection).await {
        Ok(revocation) => revocation,
        Err(wrong) => return bad(wrong),
    };
    let Shared { app, revoked } = shared;
    done(revoked, async move { app.exchange().revoke_delegation(&id, &revocation, app.now()).await }).await
}

async fn revoke_all(State(shared): State<Shared>, Extension(connection): Extension<Connection>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = match Query::read(parts.uri.query()) {
        Ok(query) if query.filter == DelegationFilter::default() => return bad("say of which agent, user or target"),
        Ok(query) if query.limit.is_some() => return bad("this takes no limit"),
        Ok(query) => query,
        Err(wrong) => return bad(wrong),
    };
    let revocation = match revocation(&parts.headers, body, &connection).await {
        Ok(revocation) => revocation,
        Err(wrong) => return bad(wrong),
    };
    let Query { filter, cursor, .. } = query;
    let Shared { app, revoked } = shared;
    done(revoked, async move { app.exchange().revoke_delegations(&filter, cursor.as_ref(), &revocation, app.now()).await }).await
}

/// Carries out to its end what was begun, though the operator has gone or the time is up: what is revoked must be recorded.
async fn done(
    revoked: Counter,
    revoke: impl Future<Output = Result<RevokedDelegations, DelegationError>> + Send + 'static,
) -> Response {
    let task = tokio::spawn(async move {
        let done = revoke.await;
        if let Ok(done) = &done {
            revoked.increment(u64::try_from(done.revoked).unwrap_or(u64::MAX));
        }
        done
    });
    match task.await {
        Ok(Ok(done)) => answer::json(StatusCode::OK, &done),
        Ok(Err(cause)) => refused(&cause),
        Err(_) => error::problem(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be served"),
    }
}

/// What may be in a request's query, each at most once.
#[derive(Default)]
struct Query {
    filter: DelegationFilter,
    limit: Option<usize>,
    cursor: Option<DelegationCursor>,
}

impl Query {
    fn read(query: Option<&str>) -> Result<Self, &'static str> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let is_new = match &*name {
                "agent" => put(&mut read.filter.agent, value.parse().map_err(|_| "`agent` is not a workload identifier")?),
                "user" => put(&mut read.filter.subject, value.parse().map_err(|_| "`user` is not `<issuer alias>:<subject>`")?),
                "target" => put(&mut read.filter.target, value.parse().map_err(|_| "`target` is not an absolute URI")?),
                "cursor" => put(&mut read.cursor, value.parse().map_err(|_| "`cursor` is not one of ours")?),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT.0).contains(limit));
                    put(&mut read.limit, limit.ok_or("`limit` is not a number from 1 to 1000")?)
                }
                _ => return Err("a parameter is unknown here; known are agent, user, target, limit and cursor"),
            };
            if !is_new {
                return Err("a parameter is there twice");
            }
        }
        Ok(read)
    }
}

/// Says whether there was nothing before.
fn put<T>(place: &mut Option<T>, value: T) -> bool {
    place.replace(value).is_none()
}

/// A name that no delegation can have is that of none.
fn name(id: Result<Path<String>, PathRejection>) -> Option<DelegationId> {
    id.ok()?.parse().ok()
}

/// The body is empty, or `{"reason": "…"}`.
async fn revocation(headers: &HeaderMap, body: axum::body::Body, connection: &Connection) -> Result<Revocation, &'static str> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Reason {
        reason: Option<String>,
    }
    let source = connection.address();
    let body = token::read(body).await.ok_or("the body is too large, or ended early")?;
    if body.is_empty() {
        return Ok(Revocation { reason: None, source });
    }
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err("the body must be application/json, or empty");
    }
    let Ok(Reason { reason }) = parse_json(&body) else { return Err("the body must be an object with a `reason`, a text") };
    if reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON) {
        return Err("the reason is longer than 1000 bytes");
    }
    Ok(Revocation { reason, source })
}

fn bad(detail: &'static str) -> Response {
    error::problem(StatusCode::BAD_REQUEST, detail)
}

fn refused(cause: &DelegationError) -> Response {
    match cause {
        DelegationError::Unknown => error::problem(StatusCode::NOT_FOUND, "nothing is known of that delegation"),
        DelegationError::Cursor => bad("the cursor is of no use any more; begin without one"),
        DelegationError::Forgot => {
            tracing::error!(%cause, "a delegation could not be revoked");
            error::problem(StatusCode::CONFLICT, "the store lost its memory meanwhile, and knows nothing of that delegation")
        }
        DelegationError::Store(_) => {
            tracing::error!(%cause, "an operator could not be answered");
            error::overloaded("the store does not answer; what was to be revoked may be, or not: try again")
        }
        _ => {
            tracing::error!(%cause, "a revocation could not be recorded");
            error::overloaded("it is revoked, but the audit log cannot be written")
        }
    }
}

async fn only_get() -> Response {
    let mut response = error::problem(StatusCode::METHOD_NOT_ALLOWED, "this endpoint answers GET only");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
