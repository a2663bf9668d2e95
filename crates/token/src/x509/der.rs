//! Certificates one after the other, as the SPIFFE Workload API gives them.

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::FromDer as _;

use super::CertificateError;

/// Splits `der`, DER without anything between or around, into at most `most` certificates. Whether each is a certificate is
/// for others to find out; no bytes are no certificates.
///
/// # Errors
/// [`CertificateError::Malformed`] if it is not a row of DER elements, [`CertificateError::TooMany`].
pub fn split_certificates(der: &[u8], most: usize) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let (mut certificates, mut rest) = (Vec::new(), der);
    while !rest.is_empty() {
        if certificates.len() == most {
            return Err(CertificateError::TooMany { limit: most });
        }
        let (after, _) = Any::from_der(rest).map_err(|_| CertificateError::Malformed("not certificates in DER"))?;
        // What is left is never longer than what there was.
        let (one, _) = rest.split_at_checked(rest.len() - after.len()).unwrap_or((rest, &[]));
        certificates.push(CertificateDer::from(one.to_vec()));
        rest = after;
    }
    Ok(certificates)
}
