use serde_json::Value;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// An answer over HTTP/1.1, after which the connection ends.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Text(String),
    /// Spaces, as many, before a good document could end.
    Long(u64),
    /// A space now and then.
    Slow,
    /// Nothing, not even a status.
    Silence,
}

impl Reply {
    /// 200 with a JSON document.
    pub(crate) fn json(document: &Value) -> Self {
        Self::text(document.to_string())
    }

    /// 200 with a text that calls itself JSON.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: Body::Text(text.into()) }
    }

    /// A status and nothing else.
    pub(crate) const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Text(String::new()) }
    }

    /// A redirect.
    pub(crate) fn redirect(status: u16, place: String) -> Self {
        Self { headers: vec![("location", place)], ..Self::status(status) }
    }

    /// A body of so many octets.
    pub(crate) fn long(octets: u64) -> Self {
        Self { body: Body::Long(octets), ..Self::status(200) }
    }

    /// A body that comes an octet at a time and has no end.
    pub(crate) fn slow() -> Self {
        Self { body: Body::Slow, ..Self::status(200) }
    }

    /// No answer.
    pub(crate) fn silence() -> Self {
        Self { body: Body::Silence, ..Self::status(200) }
    }

    /// With this status.
    pub(crate) fn but(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With this header too.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends it and tells how many octets of the body went out.
    pub(super) async fn send(&self, stream: &mut (impl AsyncWrite + Unpin), mut tell: impl FnMut(u64)) -> io::Result<()> {
        if matches!(self.body, Body::Silence) {
            return std::future::pending().await;
        }
        let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        match &self.body {
            Body::Text(text) => stream.write_all(text.as_bytes()).await?,
            Body::Long(octets) => {
                let chunk = [b' '; 16_384];
                for _ in 0..octets / 16_384 {
                    stream.write_all(&chunk).await?;
                    tell(16_384);
                }
            }
            Body::Slow => loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            },
            Body::Silence => {}
        }
        stream.flush().await
    }
}
