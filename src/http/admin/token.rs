//! Who shows the operators' token is an operator.

use core::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use procura_token::sha256;

use super::super::error;

/// The operators' token: its hash.
#[derive(Clone)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// Whether `Authorization` is there once and shows it. Hashes are compared, in constant time, so that neither the text nor
    /// its length can be learnt from how long that takes.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut fields = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return false };
        let Some((scheme, token)) = field.to_str().ok().and_then(|field| field.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer") && verify_slices_are_equal(&sha256(token.as_bytes()), &self.0).is_ok()
    }
}

/// Shows nothing.
impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Lets operators through.
pub(super) async fn require(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    if token.is_shown(request.headers()) {
        return next.run(request).await;
    }
    tracing::warn!(method = %request.method(), "somebody without the operators' token asked the admin listener");
    let mut response = error::problem(StatusCode::UNAUTHORIZED, "show the operators' token as bearer token");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"procura admin\""));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    fn shown(fields: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        AdminToken::new(TEXT).is_shown(&headers)
    }

    #[test]
    fn only_the_token_itself_shown_once_is_it() {
        let good = format!("Bearer {TEXT}");
        assert!(shown(&[&good]) && shown(&[&good.replace("Bearer", "bearer")]));
        let doubled = format!("Bearer  {TEXT}");
        let longer = format!("{good}0");
        for fields in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[TEXT],
            &[&good[..good.len() - 1]],
            &[&longer],
            &[&doubled],
            &[&good, &good],
            &["Basic 0123456789abcdef0123456789abcdef"],
            &["Bearer \u{e9}"],
        ] {
            assert!(!shown(fields), "{fields:?}");
        }
        assert!(!format!("{:?}", AdminToken::new(TEXT)).contains("0123"));
    }
}
