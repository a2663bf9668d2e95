//! Bodies that must be read before anything is done with them.

use core::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::BoxError;

use crate::Cause;

/// How long the whole body of a signed message may take.
const TIME: Duration = Duration::from_secs(30);

/// Reads a body of at most `limit` bytes. Trailers are dropped: no signature covers them.
///
/// # Errors
/// [`Cause::BodyTooLong`] or [`Cause::Body`].
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, Cause>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // One that says it is too long is not read at all.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(Cause::BodyTooLong { limit });
    }
    match tokio::time::timeout(TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Cause::BodyTooLong { limit }),
        Ok(Err(_)) | Err(_) => Err(Cause::Body),
    }
}
