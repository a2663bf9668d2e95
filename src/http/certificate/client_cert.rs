//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440 section 2).

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use sfv::{Item, List, ListEntry, Parser};

use super::Chain;
use crate::exchange::CertificateFieldError;

/// The certificate, then those that certify it in turn. Each is a byte sequence without parameters.
pub(super) fn chain(leaf: Option<&HeaderValue>, others: Option<&HeaderValue>) -> Result<Option<Chain>, CertificateFieldError> {
    let leaf = match (leaf, others) {
        (Some(leaf), _) => leaf,
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(CertificateFieldError::Malformed),
    };
    let mut chain = vec![certificate(Parser::new(leaf).parse::<Item>().map_err(malformed)?)?];
    if let Some(others) = others {
        for entry in Parser::new(others).parse::<List>().map_err(malformed)? {
            let ListEntry::Item(item) = entry else { return Err(CertificateFieldError::Malformed) };
            chain.push(certificate(item)?);
        }
    }
    Ok(Some(chain))
}

fn certificate(item: Item) -> Result<CertificateDer<'static>, CertificateFieldError> {
    match item.bare_item {
        sfv::BareItem::ByteSequence(der) if item.params.is_empty() && !der.is_empty() => Ok(der.into()),
        _ => Err(CertificateFieldError::Malformed),
    }
}

fn malformed(_: sfv::Error) -> CertificateFieldError {
    CertificateFieldError::Malformed
}
