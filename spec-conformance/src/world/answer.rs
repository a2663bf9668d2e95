use crate::jose::Parts;
use anyhow::{Context, Result, bail, ensure};
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// An HTTP answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: String,
}

/// A token that was issued and whose signature is good.
pub(crate) struct Granted {
    pub(crate) token: String,
    pub(crate) parts: Parts,
    pub(crate) body: Value,
}

impl Granted {
    /// A claim of the token; `null` where there is none.
    pub(crate) fn claim(&self, name: &str) -> &Value {
        self.parts.claims.get(name).unwrap_or(&Value::Null)
    }
}

impl Answer {
    /// Sends a request and reads the whole answer.
    pub(crate) async fn of(request: RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How many values a header has.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.headers.get_all(name).iter().count()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        ensure!(self.has_media_type("application/json"), "`Content-Type` is {:?}", self.header("content-type"));
        serde_json::from_str(&self.body).with_context(|| format!("status {}, not JSON: {}", self.status, self.start()))
    }

    /// The body as a key set, which has a media type of its own (RFC 7517 section 8.5.2).
    pub(crate) fn key_set(&self) -> Result<Value> {
        if self.has_media_type("application/jwk-set+json") {
            return Ok(serde_json::from_str(&self.body)?);
        }
        self.json()
    }

    /// The OAuth error code, if there is one.
    pub(crate) fn error(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body["error"].as_str().map(str::to_owned)
    }

    /// A 200 with the headers and members that RFC 6749 section 5.1 and RFC 8693 section 2.2.1 ask for.
    pub(crate) fn success(&self) -> Result<Value> {
        let body = self.plain_success()?;
        ensure!(body["issued_token_type"].is_string(), "`issued_token_type` is missing or no string");
        Ok(body)
    }

    /// A 200 with the headers and members that RFC 6749 section 5.1 asks for.
    pub(crate) fn plain_success(&self) -> Result<Value> {
        ensure!(self.status == 200, "wanted 200, got {}: {}", self.status, self.start());
        self.uncacheable()?;
        let body = self.json()?;
        for member in ["access_token", "token_type"] {
            ensure!(body[member].is_string(), "`{member}` is missing or no string");
        }
        ensure!(body.get("refresh_token").is_none(), "a refresh token was issued");
        ensure!(body.get("error").is_none(), "a success with an `error`");
        Ok(body)
    }

    /// An RFC 6749 section 5.2 refusal with one of these codes.
    pub(crate) fn refusal(&self, codes: &[&str]) -> Result<()> {
        if self.status == 200 {
            bail!("wanted {codes:?}, got a token");
        }
        let body = self.json()?;
        let code = body["error"].as_str().with_context(|| format!("status {}, no `error`: {}", self.status, self.start()))?;
        ensure!(codes.contains(&code), "wanted {codes:?}, got {} `{code}`", self.status);
        ensure!(self.status == 400 || (self.status == 401 && code == "invalid_client"), "`{code}` with status {}", self.status);
        ensure!(body.get("access_token").is_none(), "a refusal with a token");
        self.uncacheable()?;
        for member in ["error", "error_description", "error_uri"] {
            printable(member, &body[member])?;
        }
        Ok(())
    }

    /// A 401 with `invalid_client`: the caller is not who it says.
    pub(crate) fn unauthenticated(&self) -> Result<()> {
        self.refusal(&["invalid_client"])?;
        ensure!(self.status == 401, "`invalid_client` with status {}", self.status);
        Ok(())
    }

    /// No cache may keep this, and at most one nonce is in it.
    pub(crate) fn uncacheable(&self) -> Result<()> {
        let control = self.header("cache-control").unwrap_or_default();
        ensure!(control.contains("no-store"), "`Cache-Control` is `{control}`, not `no-store`");
        ensure!(self.header("pragma") == Some("no-cache"), "`Pragma` is {:?}, not `no-cache`", self.header("pragma"));
        ensure!(self.count("dpop-nonce") <= 1, "{} `DPoP-Nonce` headers", self.count("dpop-nonce"));
        Ok(())
    }

    /// The beginning of the body, for messages.
    pub(crate) fn start(&self) -> String {
        self.body.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    fn has_media_type(&self, wanted: &str) -> bool {
        let found = self.header("content-type").unwrap_or_default();
        found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
    }
}

/// RFC 6749 section 5.2: printable ASCII without quote and backslash, and no space in a URI.
fn printable(member: &str, value: &Value) -> Result<()> {
    let Value::String(text) = value else {
        ensure!(value.is_null(), "`{member}` is no string");
        return Ok(());
    };
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\' && (c != ' ' || member != "error_uri");
    ensure!(text.chars().all(allowed), "`{member}` has forbidden characters: {text:?}");
    Ok(())
}
