//! `POST /tpm/challenge`: what a machine with a TPM asks before it calls.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::token::{is_form, read};
use super::{answer, error};
use crate::app::App;

#[derive(Serialize)]
struct Body {
    nonce: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_secret: Option<String>,
}

/// A nonce, and a challenge for the TPM whose keys are named.
pub(super) async fn challenge(State(app): State<Arc<App>>, request: Request) -> Response {
    if !app.exchange().knows_tpms() {
        return error::not_found().await;
    }
    let (parts, body) = request.into_parts();
    let Some(form) = read(body).await else { return error::no_body() };
    if !is_form(&parts.headers) {
        return error::not_a_form();
    }
    match app.exchange().challenge_tpm(&form, app.now()) {
        Ok(challenge) => {
            let (blob, secret) = challenge.credential.map(|made| (made.credential_blob, made.encrypted_secret)).unzip();
            let body = Body { nonce: challenge.nonce.clone(), credential_blob: blob, encrypted_secret: secret };
            let mut response = answer::json(StatusCode::OK, &body);
            answer::give_nonce(&mut response, &challenge.nonce);
            response
        }
        Err(cause) => error::refused(&cause, &parts.headers, ""),
    }
}
