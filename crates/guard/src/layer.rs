//! The guard as a tower layer.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use tower::{BoxError, Layer, Service};

use crate::credentials::Attempt;
use crate::guard::Admitted;
use crate::response::Reply;
use crate::{Cause, Guard, Refusal, body};

/// Puts a [`Guard`] before a service: a request that is refused never reaches it, one that passes carries a
/// [`Caller`](crate::Caller) as extension.
///
/// The body is passed on as it comes, but for a request with a message signature: that one is read whole, up to
/// [`GuardBuilder::body_limit`](crate::GuardBuilder::body_limit), and so is a response that is to be signed. A layer that changes
/// request or response, such as one that compresses or strips a prefix of the path, belongs inside.
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
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body + From<Bytes> + From<String> + Send,
    R::Data: Send,
    R::Error: Into<BoxError>,
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
            let Admitted { caller, body, reply } = match guard.admit(&parts, body, now).await {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(refusal.to_response()),
            };
            parts.extensions.insert(caller);
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            if let Some(nonce) = guard.nonce(now) {
                put_nonce(response.headers_mut(), &nonce);
            }
            match reply {
                Some(reply) => Ok(guard.sign(response, &reply).await.unwrap_or_else(|refusal| refusal.to_response())),
                None => Ok(response),
            }
        })
    }
}

impl Guard {
    /// The response with its signature, or none: what must be signed never goes out without.
    async fn sign<R>(&self, response: Response<R>, reply: &Reply) -> Result<Response<R>, Refusal>
    where
        R: Body + From<Bytes>,
        R::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        let body = body::read(body, self.0.body_limit).await;
        // The handler may have taken long: its answer is as old as now.
        let now = self.now();
        let signed = match &body {
            Ok(body) => reply.sign(parts.status, &mut parts.headers, body, now),
            Err(_) => Err(Cause::Unsigned),
        };
        match (signed, body) {
            (Ok(()), Ok(body)) => Ok(Response::from_parts(parts, R::from(body))),
            _ => Err(self.refuse(Cause::Unsigned, Attempt::Signature, now)),
        }
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
