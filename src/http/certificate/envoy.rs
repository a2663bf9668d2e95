//! `x-forwarded-client-cert`, as Envoy documents it: elements of `key=value` pairs, one element for each hop.
//!
//! Only `Cert` and `Chain` tell a certificate. What else there is (`Hash`, `Subject`, `URI`, `DNS`, `By`) is about one that
//! is not shown.

use std::borrow::Cow;

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Chain;
use crate::exchange::CertificateFieldError::{self, Malformed, NoCertificate, Several};

/// The chain of the one hop there may be, leaf first. `Chain` holds the leaf too, so `Cert` beside it must be the same.
pub(super) fn chain(field: Option<&HeaderValue>) -> Result<Option<Chain>, CertificateFieldError> {
    let Some(field) = field else { return Ok(None) };
    let (mut leaf, mut chain) = (None, None);
    for (key, value) in pairs(field.to_str().map_err(|_| Malformed)?)? {
        let place = match key {
            key if key.eq_ignore_ascii_case("cert") => &mut leaf,
            key if key.eq_ignore_ascii_case("chain") => &mut chain,
            _ => continue,
        };
        if place.replace(certificates(&value)?).is_some() {
            return Err(Several);
        }
    }
    match (leaf, chain) {
        (None, None) => Err(NoCertificate),
        (Some(leaf), _) if leaf.len() != 1 => Err(Several),
        (Some(leaf), Some(chain)) if chain.first() != leaf.first() => Err(Several),
        (_, Some(chain)) | (Some(chain), None) => Ok(Some(chain)),
    }
}

/// The pairs of the only element.
fn pairs(field: &str) -> Result<Vec<(&str, Cow<'_, str>)>, CertificateFieldError> {
    let (mut pairs, mut rest) = (Vec::new(), field);
    loop {
        let (key, after) = rest.split_once('=').ok_or(Malformed)?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(if key.contains(',') { Several } else { Malformed });
        }
        let (value, after) = value(after)?;
        pairs.push((key, value));
        rest = match after.split_at_checked(1) {
            None => return Ok(pairs),
            Some((";", rest)) => rest,
            Some((",", _)) => return Err(Several),
            Some(_) => return Err(Malformed),
        };
    }
}

/// A value, and what comes after it. Quoted it holds any character, a quotation mark behind a backslash.
fn value(text: &str) -> Result<(Cow<'_, str>, &str), CertificateFieldError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find([',', ';']).unwrap_or(text.len()));
        return if value.contains('"') { Err(Malformed) } else { Ok((value.into(), after)) };
    };
    let mut escaped = false;
    for (at, char) in quoted.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok((quoted[..at].replace("\\\"", "\"").into(), &quoted[at + 1..])),
            _ => {}
        }
    }
    Err(Malformed)
}

/// All certificates of a PEM text with percent-encoding.
fn certificates(value: &str) -> Result<Chain, CertificateFieldError> {
    let pem = decode(value).ok_or(Malformed)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Chain, _>>().map_err(|_| Malformed)?;
    if chain.is_empty() { Err(Malformed) } else { Ok(chain) }
}

/// RFC 3986 section 2.1. A plus sign is a plus sign: base64 has it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, plain) = part.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let [high, low] = [digit(digits.as_bytes()[0])?, digit(digits.as_bytes()[1])?];
        decoded.push(u8::try_from(high * 16 + low).ok()?);
        decoded.extend_from_slice(plain.as_bytes());
    }
    Some(decoded)
}
