//! The query of a presigned GET.

use std::time::Duration;

use procura_token::ParseError;

use super::signature::{ALGORITHM, Parts, Signature, fault};

/// The parameters, each at most once, in this spelling and no other: readers that disagree about names, case or repetition
/// disagree about who calls.
const NAMES: [&str; 9] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];
/// The last of them is there for temporary credentials only.
const NEEDED: usize = NAMES.len() - 1;

/// The values of [`NAMES`], decoded.
pub(super) struct Query([Option<String>; NAMES.len()]);

impl Query {
    /// Reads what follows `?` in `url`.
    pub(super) fn parse(url: &str) -> Result<Self, ParseError> {
        let (_, query) = url.split_once('?').ok_or_else(|| fault("`url`", "has no query, and the method is GET"))?;
        let mut values = Self([const { None }; NAMES.len()]);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or_else(|| fault("query", "not names and values"))?;
            let slot = NAMES.iter().position(|known| *known == name).and_then(|place| values.0.get_mut(place));
            let slot = slot.ok_or_else(|| fault("query", "a parameter that is not accepted"))?;
            if slot.replace(decode(value)?).is_some() {
                return Err(fault("query", "a parameter that occurs twice"));
            }
        }
        if values.0.iter().take(NEEDED).any(Option::is_none) {
            return Err(fault("query", "a parameter is missing"));
        }
        Ok(values)
    }

    /// The signature, of a request for GetCallerIdentity and nothing else.
    pub(super) fn signature(&self) -> Result<Signature, ParseError> {
        let [action, version, algorithm, credential, date, _, signed_headers, mac, _] =
            self.0.each_ref().map(|value| value.as_deref().unwrap_or_default());
        if (action, version) != ("GetCallerIdentity", "2011-06-15") {
            return Err(fault("query", "not GetCallerIdentity of 2011-06-15"));
        }
        if algorithm != ALGORITHM {
            return Err(fault("query", "the algorithm is not AWS4-HMAC-SHA256"));
        }
        Parts { credential, signed_headers, mac, date }.parse()
    }

    /// How long whoever signed it wants it to live. AWS takes no notice of it.
    pub(super) fn lifetime(&self) -> Result<Duration, ParseError> {
        let [_, _, _, _, _, expires, ..] = self.0.each_ref().map(|value| value.as_deref().unwrap_or_default());
        match expires.parse() {
            Ok(seconds @ 1..=900) => Ok(Duration::from_secs(seconds)),
            _ => Err(fault("query", "`X-Amz-Expires` is not 1 to 900 seconds")),
        }
    }
}

/// Percent-decodes a value in the one spelling that is signed: everything but unreserved characters is encoded, in upper
/// case, and nothing else is (RFC 3986 section 2.3).
fn decode(value: &str) -> Result<String, ParseError> {
    let malformed = || fault("query", "a value that is not of one spelling");
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let (mut decoded, mut bytes) = (String::with_capacity(value.len()), value.bytes());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || bytes.next().filter(|digit| !digit.is_ascii_lowercase()).map(char::from)?.to_digit(16);
                let (high, low) = (digit().ok_or_else(malformed)?, digit().ok_or_else(malformed)?);
                let byte = u8::try_from(high * 16 + low).map_err(|_| malformed())?;
                if is_unreserved(byte) {
                    return Err(malformed());
                }
                byte
            }
            byte if is_unreserved(byte) => byte,
            _ => return Err(malformed()),
        };
        if !matches!(byte, b' '..=b'~') {
            return Err(malformed());
        }
        decoded.push(char::from(byte));
    }
    Ok(decoded)
}
