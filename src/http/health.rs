//! Is it alive, can it serve, and does it have too much to do?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::meter::ShedMeter;
use super::{answer, error};
use crate::app::App;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// 200 as long as the process answers.
pub(super) async fn healthz() -> Response {
    answer::json(StatusCode::OK, &Health { status: "ok" })
}

/// 200 when a token could be issued now, else 503.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.ready().await {
        Ok(()) => answer::json(StatusCode::OK, &Health { status: "ready" }),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            answer::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "not ready" })
        }
    }
}

/// How much may be worked on at once, and for how long.
pub(super) struct Load {
    pub(super) slots: Semaphore,
    pub(super) timeout: Duration,
    pub(super) shed: ShedMeter,
}

/// Turns requests away when too many are worked on already, and gives up on those that take too long.
pub(super) async fn shed(State(load): State<Arc<Load>>, request: Request, next: Next) -> Response {
    let Ok(_slot) = load.slots.try_acquire() else {
        load.shed.busy.increment(1);
        return error::overloaded("too many requests at once; try again shortly");
    };
    let answered = tokio::time::timeout(load.timeout, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        load.shed.late.increment(1);
        error::overloaded("the request took too long; try again shortly")
    })
}
