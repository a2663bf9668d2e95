//! The guard as a tower layer.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Request, Response};
use tower::{Layer, Service};

use crate::Guard;

/// Puts a [`Guard`] before a service: a request that is refused never reaches it, one that passes carries a
/// [`Caller`](crate::Caller) as extension.
///
/// When nonces are on, every answer of the service carries a fresh one and `Cache-Control: no-store`; an answer that has a
/// `Cache-Control` without `no-store` of its own stays as it is and carries none (RFC 9449 section 8.2).
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
}

impl GuardLayer {
    /// A layer with this guard.
    pub const fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { guard: self.guard.clone(), inner }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    guard: Guard,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = self.guard.clone();
        // The service that was made ready is the one to call; the clone takes its place.
        let mut inner = self.inner.clone();
        core::mem::swap(&mut inner, &mut self.inner);
        Box::pin(async move {
            let now = guard.now();
            let (mut parts, body) = request.into_parts();
            match guard.verify(&parts, now).await {
                Ok(caller) => parts.extensions.insert(caller),
                Err(refusal) => return Ok(refusal.to_response()),
            };
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            if let Some(nonce) = guard.nonce(now) {
                put_nonce(response.headers_mut(), &nonce);
            }
            Ok(response)
        })
    }
}

fn put_nonce(headers: &mut HeaderMap, nonce: &str) {
    let Ok(nonce) = HeaderValue::try_from(nonce) else { return };
    let is_no_store = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-store")))
    };
    match headers.get(CACHE_CONTROL) {
        None => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Some(_) if headers.get_all(CACHE_CONTROL).iter().any(is_no_store) => {}
        Some(_) => return,
    }
    headers.insert("dpop-nonce", nonce);
}
