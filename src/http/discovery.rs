//! What clients and verifiers look up: metadata and keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use procura_token::{Algorithm, Issuer, JwkSet, TokenType};
use serde::Serialize;

use super::{Shared, answer};
use crate::app::App;
use crate::exchange::{GRANT_TYPE, OWN_GRANT_TYPE};

/// Where RFC 8414 metadata lives.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// How long keys and metadata may be kept by others, in seconds.
const MAX_AGE: &str = "max-age=300";

/// RFC 8414 section 2.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a Issuer,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 2],
    /// Required by section 2 although no grant here uses it: empty.
    response_types_supported: [&'static str; 0],
    /// draft-ietf-oauth-spiffe-client-auth; the names for WITs and for credentials of platforms are private.
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: &'a [Algorithm],
    dpop_signing_alg_values_supported: &'a [Algorithm],
    /// RFC 8705 section 3.3; absent means false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_client_certificate_bound_access_tokens: bool,
    /// RFC 8705 section 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
    scopes_supported: Vec<String>,
    /// RFC 9396 section 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details_types_supported: Vec<&'a str>,
    /// RFC 9728 section 4.
    protected_resources: Vec<&'a str>,
    /// Private: the token types that `requested_token_type` may name.
    procura_requested_token_types_supported: Vec<&'static str>,
    /// Private: where the keys of our Biscuits are.
    #[serde(skip_serializing_if = "Option::is_none")]
    procura_handover_jwks_uri: Option<String>,
    /// Private: where the SPIFFE bundle with our WIT keys is.
    procura_spiffe_bundle_uri: String,
    /// Private: where machines with a TPM ask for a challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    procura_tpm_challenge_endpoint: Option<String>,
}

/// The endpoints that want a client certificate.
#[derive(Serialize)]
struct Aliases {
    token_endpoint: String,
}

/// The path of the issuer, without the slash at its end: every endpoint is below it, and the metadata's well-known part goes
/// before it (RFC 8414 section 3.1).
pub(super) fn base_path(issuer: &Issuer) -> String {
    let after_scheme = issuer.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
    match path.trim_end_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// RFC 8414 metadata.
pub(super) async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    let Shared { app, settings, .. } = &*shared;
    let exchange = app.exchange();
    let scopes: std::collections::BTreeSet<String> =
        exchange.policy.targets().iter().flat_map(|target| target.scopes.iter()).map(ToString::to_string).collect();
    let below = |base: &Issuer, path: &str| format!("{}{path}", base.as_str().trim_end_matches('/'));
    let url = |path: &str| below(app.issuer(), path);
    let sees_certificates = settings.mtls_url.is_some() || settings.proxy.is_some();
    cacheable(answer::json(
        StatusCode::OK,
        &Metadata {
            issuer: app.issuer(),
            token_endpoint: url("/token"),
            jwks_uri: url("/jwks.json"),
            grant_types_supported: [GRANT_TYPE, OWN_GRANT_TYPE],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: {
                let x509 = sees_certificates.then_some("spiffe_x509");
                let methods = ["spiffe_jwt"].into_iter().chain(x509).chain(["wimse_wpt", "wimse_http_signature"]);
                methods.chain(exchange.platform_methods()).collect()
            },
            token_endpoint_auth_signing_alg_values_supported: Algorithm::SVID,
            dpop_signing_alg_values_supported: &exchange.settings.algorithms,
            tls_client_certificate_bound_access_tokens: sees_certificates,
            mtls_endpoint_aliases: settings.mtls_url.as_ref().map(|base| Aliases { token_endpoint: below(base, "/token") }),
            scopes_supported: scopes.into_iter().collect(),
            authorization_details_types_supported: exchange.settings.details.types.names().collect(),
            protected_resources: exchange.policy.targets().iter().map(|target| target.resource.as_str()).collect(),
            procura_requested_token_types_supported: {
                let biscuit = exchange.handover_keys.is_some().then_some(TokenType::Biscuit);
                [TokenType::AccessToken, TokenType::Wit].into_iter().chain(biscuit).map(TokenType::as_str).collect()
            },
            procura_handover_jwks_uri: exchange.handover_keys.is_some().then(|| url("/handover/jwks.json")),
            procura_spiffe_bundle_uri: url("/spiffe/bundle"),
            procura_tpm_challenge_endpoint: exchange.knows_tpms().then(|| url("/tpm/challenge")),
        },
    ))
}

/// The keys of access tokens (RFC 7517).
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Response {
    cacheable(answer::json(StatusCode::OK, app.exchange().token_keys.published()))
}

/// The keys of Biscuits (RFC 7517); not found if none are issued.
pub(super) async fn handover_jwks(State(app): State<Arc<App>>) -> Response {
    match &app.exchange().handover_keys {
        Some(keys) => cacheable(answer::json(StatusCode::OK, keys.published())),
        None => super::error::not_found().await,
    }
}

/// A SPIFFE bundle (SPIFFE Trust Domain and Bundle section 4) with the keys of the WITs issued here.
#[derive(Serialize)]
struct Bundle<'a> {
    spiffe_refresh_hint: u64,
    #[serde(flatten)]
    keys: &'a JwkSet,
}

/// The keys of WITs.
pub(super) async fn bundle(State(app): State<Arc<App>>) -> Response {
    cacheable(answer::json(StatusCode::OK, &Bundle { spiffe_refresh_hint: 300, keys: app.exchange().wit_keys.published() }))
}

fn cacheable(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(MAX_AGE));
    response.headers_mut().remove(http::header::PRAGMA);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_below_the_path_of_the_issuer() {
        for (issuer, path) in [("https://h", ""), ("https://h/", ""), ("https://h/t1", "/t1"), ("https://h:8443/a/b/", "/a/b")] {
            assert_eq!(base_path(&issuer.parse().unwrap()), path, "{issuer}");
        }
    }
}
