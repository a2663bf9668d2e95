//! One stream of messages, kept open.

use std::error::Error;
use std::time::Duration;

use procura_token::random_bytes;
use tonic::{Code, Status, Streaming};

use super::backoff::Backoff;
use super::client::Client;
use crate::trust::Now;

/// How long a server may take for its first message, which it should send without delay.
const FIRST_MESSAGE: Duration = Duration::from_secs(10);
/// Who was connected this long was well: the next attempt need not wait.
const WELL: Duration = Duration::from_secs(10);

/// What happens on a stream.
#[derive(Debug)]
pub(super) enum Event<M> {
    /// All there is, now.
    Message(M),
    /// The server is away, or not well. What it said last stands, and it is asked again.
    Lost(String),
    /// The server does not tell us, or no longer. What it said is void; it is asked again.
    Denied(String),
    /// The server will never tell. What it said is void; it is not asked again.
    Refused(String),
}

/// Calls `rpc` and tells what comes of it, for as long as the server might answer (Workload API section 4.2, Workload Endpoint
/// section 6).
pub(super) async fn keep<M>(client: Client, rpc: &'static str, now: Now, mut tell: impl FnMut(Event<M>))
where
    M: prost::Message + Default + 'static,
{
    let mut backoff = Backoff::default();
    loop {
        let began = now();
        let status = follow(&client, rpc, &mut tell).await;
        let text = describe(&status);
        tracing::debug!(rpc, code = ?status.code(), cause = text, "a stream of the Workload API ended");
        match status.code() {
            Code::InvalidArgument | Code::Unimplemented => return tell(Event::Refused(text)),
            Code::PermissionDenied => tell(Event::Denied(text)),
            _ => tell(Event::Lost(text)),
        }
        if now().since(began) >= WELL {
            backoff.reset();
        }
        let [chance] = random_bytes::<1>();
        tokio::time::sleep(backoff.next(chance)).await;
    }
}

/// Tells every message of one call, and why there are no more.
async fn follow<M>(client: &Client, rpc: &'static str, tell: &mut impl FnMut(Event<M>)) -> Status
where
    M: prost::Message + Default + 'static,
{
    let first = async {
        let mut stream: Streaming<M> = client.open(rpc).await?;
        let message = stream.message().await?;
        Ok((stream, message))
    };
    let late = || Err(Status::deadline_exceeded("no message within 10 seconds"));
    let (mut stream, mut message) = match tokio::time::timeout(FIRST_MESSAGE, first).await.unwrap_or_else(|_| late()) {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    while let Some(told) = message {
        tell(Event::Message(told));
        message = match stream.message().await {
            Ok(message) => message,
            Err(status) => return status,
        };
    }
    Status::unavailable("the server ended the stream")
}

/// The status in words, and what is behind it: "transport error" alone helps nobody.
fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    if text.is_empty() {
        text = status.code().description().to_owned();
    }
    let mut cause = status.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.chars().take(256).collect()
}
