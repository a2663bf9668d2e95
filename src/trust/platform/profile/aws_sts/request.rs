//! The signed `GetCallerIdentity` request that a caller presents: taken apart, judged, and put together anew to be sent.
//!
//! AWS verifies the signature, nobody else can. So whatever AWS might do with another request is ruled out here: what is
//! sent has one of two bodies or a query of known parameters, headers from a list, each of them signed, and goes to an
//! endpoint from the configuration. Requests made for somebody else lack our name in a signed header, and requests that
//! were overheard name the key of their owner in another.

use std::collections::BTreeMap;
use std::time::Duration;

use procura_token::{MAX_TOKEN, ParseError, Thumbprint, UnixTime, VerifyError, base64url, parse_json, sha256};
use serde::Deserialize;

use super::query::Query;
use super::signature::{Parts, Signature, fault};

/// The header that says for whom the request was signed, byte for byte.
pub(super) const AUDIENCE: &str = "x-procura-audience";
/// The header that says whose request it is: the thumbprint of the key of the DPoP proof.
pub(super) const KEY: &str = "x-procura-key";
/// How long a request is believed after it was made. AWS itself takes it for 15 minutes.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// The bodies of a POST: two parameters, in either order.
const BODIES: [&str; 2] = ["Action=GetCallerIdentity&Version=2011-06-15", "Version=2011-06-15&Action=GetCallerIdentity"];
/// The headers that must be there, besides those of the method.
const NEEDED: [&str; 3] = ["host", AUDIENCE, KEY];
/// The headers that a POST may have besides. All are signed but `authorization`, which is the signature.
const OF_POST: [&str; 10] = [
    "accept",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "content-length",
    "content-type",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
];
/// The headers that a GET may have besides: the rest is in its query.
const OF_GET: [&str; 1] = ["accept"];
/// The most bytes of a header's value. Session tokens are the longest.
const MAX_VALUE: usize = 8 * 1024;

/// A request as it was presented: well formed, and not believed.
#[derive(Debug)]
pub(super) struct SignedRequest {
    method: Method,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
    signature: Signature,
    lifetime: Duration,
    key: Thumbprint,
}

/// What may be sent: nothing in it is the caller's to choose any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing<'a> {
    /// `POST`, or else `GET`.
    pub(super) is_post: bool,
    /// An endpoint from the configuration, for a GET with the query.
    pub(super) url: &'a str,
    /// Names in lower case. `host` and `content-length` follow from the rest.
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: &'a str,
}

/// What a request is judged against.
pub(super) struct Rules<'a> {
    /// The STS endpoints believed: `https://`, authority, `/`.
    pub(super) endpoints: &'a [String],
    /// Our names: our issuer identifier, unless the configuration says otherwise.
    pub(super) audiences: &'a [String],
    /// How far ahead of ours the caller's clock may be.
    pub(super) skew: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    method: Method,
    url: String,
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
}

impl SignedRequest {
    /// Reads base64url of a JSON object with `method`, `url`, `headers` and, for a POST, `body`; at most
    /// [`MAX_TOKEN`] bytes.
    ///
    /// # Errors
    /// [`ParseError`] for anything that a `GetCallerIdentity` request to be shown to us does not have.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TOKEN {
            return Err(ParseError::TooLong { limit: MAX_TOKEN });
        }
        let Raw { method, url, headers, body } = parse_json(&base64url::decode(text)?)?;
        let optional: &[&str] = if method == Method::Post { &OF_POST } else { &OF_GET };
        let headers = lower_case(headers, optional)?;
        let (signature, lifetime) = match method {
            Method::Post => (posted(&headers, &url, &body)?, LIFETIME),
            Method::Get if body.is_empty() => {
                let query = Query::parse(&url)?;
                (query.signature()?, query.lifetime()?.min(LIFETIME))
            }
            Method::Get => return Err(fault("`body`", "there is one, and the method is GET")),
        };
        if !signature.covers.iter().eq(headers.keys().filter(|name| *name != "authorization")) {
            return Err(fault("signed headers", "not exactly the headers of the request"));
        }
        let key = headers.get(KEY).ok_or_else(|| fault("`x-procura-key`", "missing"))?.parse()?;
        Ok(Self { method, url, headers, body, signature, lifetime, key })
    }

    /// Judges everything but the signature: where it goes, for whom it was made, and when.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub(super) fn judge(&self, rules: &Rules<'_>, now: UnixTime) -> Result<Outgoing<'_>, VerifyError> {
        let base = self.url.split('?').next().unwrap_or_default();
        if !rules.endpoints.iter().any(|endpoint| endpoint == base) {
            return Err(fault("`url`", "not an STS endpoint that is believed").into());
        }
        let authority = base.split_once("://").and_then(|(_, rest)| rest.strip_suffix('/'));
        if self.headers.get("host").map(String::as_str) != authority {
            return Err(fault("`host`", "not the host of the URL").into());
        }
        if !rules.audiences.iter().any(|ours| ours == self.audience()) {
            return Err(VerifyError::Audience);
        }
        self.verify_time(rules.skew, now)?;
        let chosen = self.headers.iter().filter(|(name, _)| !["host", "content-length", "accept"].contains(&name.as_str()));
        Ok(Outgoing {
            is_post: self.method == Method::Post,
            url: &self.url,
            headers: chosen.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            body: &self.body,
        })
    }

    /// Refuses a request that was made [`LIFETIME`] ago, has ended before that, or, by more than `skew`, is yet to be made.
    pub(super) fn verify_time(&self, skew: Duration, now: UnixTime) -> Result<(), VerifyError> {
        let made = self.signature.made;
        if now >= self.expires() {
            return Err(VerifyError::Stale { iat: made, now });
        }
        if now + skew < made {
            return Err(VerifyError::NotYetValid { from: made, now });
        }
        Ok(())
    }

    /// For whom it was signed.
    pub(super) fn audience(&self) -> &str {
        self.headers.get(AUDIENCE).map_or("", String::as_str)
    }

    /// The key that the sender of the request must prove.
    pub(super) const fn key(&self) -> Thumbprint {
        self.key
    }

    /// When it was signed.
    pub(super) const fn made(&self) -> UnixTime {
        self.signature.made
    }

    /// From when on it is not believed.
    pub(super) fn expires(&self) -> UnixTime {
        self.signature.made + self.lifetime
    }

    /// The region it was signed for.
    pub(super) fn region(&self) -> &str {
        &self.signature.region
    }

    /// Names what was signed, by the signature: the JSON around it may be written in many ways, and an HMAC in one.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let Signature { access_key, region, made, mac, .. } = &self.signature;
        sha256(format!("aws-sts\n{access_key}\n{region}\n{made}\n{mac}").as_bytes())
    }
}

/// Names in lower case, none twice, each from the lists, each value of one spelling.
fn lower_case(headers: BTreeMap<String, String>, optional: &[&str]) -> Result<BTreeMap<String, String>, ParseError> {
    let mut lower = BTreeMap::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let is_known = NEEDED.contains(&name.as_str()) || optional.contains(&name.as_str());
        if !is_known {
            return Err(fault("`headers`", "one that is not accepted"));
        }
        // What is signed has no space at its ends and no two in a row: neither has what is sent.
        let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~')) && value.trim() == value && !value.contains("  ");
        if value.is_empty() || value.len() > MAX_VALUE || !is_plain {
            return Err(fault("`headers`", "a value that is empty, too long or not of one spelling"));
        }
        if lower.insert(name, value).is_some() {
            return Err(fault("`headers`", "one that occurs twice"));
        }
    }
    if let Some(accept) = lower.get("accept")
        && accept != "application/json"
    {
        return Err(fault("`accept`", "not application/json"));
    }
    Ok(lower)
}

/// The signature of a POST, whose parameters are in its body.
fn posted(headers: &BTreeMap<String, String>, url: &str, body: &str) -> Result<Signature, ParseError> {
    if url.contains('?') || !BODIES.contains(&body) {
        return Err(fault("`body`", "not that of GetCallerIdentity of 2011-06-15, or there is a query"));
    }
    let content_type = headers.get("content-type").map(String::as_str);
    if !matches!(content_type, Some("application/x-www-form-urlencoded" | "application/x-www-form-urlencoded; charset=utf-8")) {
        return Err(fault("`content-type`", "not a form in UTF-8"));
    }
    if headers.get("content-length").is_some_and(|length| *length != body.len().to_string()) {
        return Err(fault("`content-length`", "not that of the body"));
    }
    let digest: String = sha256(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if headers.get("x-amz-content-sha256").is_some_and(|claimed| *claimed != digest) {
        return Err(fault("`x-amz-content-sha256`", "not that of the body"));
    }
    let value = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
    Parts::of_authorization(value("authorization"), value("x-amz-date"))?.parse()
}
