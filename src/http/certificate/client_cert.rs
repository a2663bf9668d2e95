//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440 section 2).

use http::HeaderValue;
use http::header::GetAll;
use rustls::pki_types::CertificateDer;
use sfv::{Item, List, ListEntry, Parser};

use super::Chain;
use crate::exchange::CertificateFieldError;

/// The certificate, then those that certify it in turn. Each is a byte sequence without parameters.
///
/// `Client-Cert-Chain` may be split over several lines (section 2.3). No harm comes of a line too many: whoever adds
/// certificates to a path gains nothing.
pub(super) fn chain(leaf: Option<&HeaderValue>, others: GetAll<'_, HeaderValue>) -> Result<Option<Chain>, CertificateFieldError> {
    let Some(leaf) = leaf else {
        return if others.iter().next().is_none() { Ok(None) } else { Err(CertificateFieldError::Malformed) };
    };
    let mut chain = vec![certificate(Parser::new(leaf).parse::<Item>().map_err(malformed)?)?];
    for line in others {
        for entry in Parser::new(line).parse::<List>().map_err(malformed)? {
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
