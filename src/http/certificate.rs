//! Whose certificate a request comes with: the connection's own, or the one that a trusted proxy tells of.

mod client_cert;
mod envoy;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use procura_token::PeerCertificate;
use rustls::pki_types::CertificateDer;

use super::server::Connection;
use crate::exchange::CertificateFieldError;

const CLIENT_CERT: &str = "client-cert";
const CLIENT_CERT_CHAIN: &str = "client-cert-chain";
const FORWARDED: &str = "x-forwarded-client-cert";

/// Proxies that end the clients' mutual TLS.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// The addresses from which they connect.
    pub addresses: Vec<IpNet>,
    /// The header field in which they tell the client's certificate.
    pub field: CertificateField,
}

/// How a proxy tells the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateField {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `x-forwarded-client-cert`, as Envoy writes it.
    XForwardedClientCert,
}

/// The client's certificate. From a proxy's address only the configured header field tells it, and the certificate of that
/// connection is the proxy's own. Anywhere else only the connection does, and a header field that claims to is refused
/// instead of ignored (RFC 9440 section 4, RFC 8705 section 6.5).
///
/// # Errors
/// [`CertificateFieldError`]: the header fields are not believed, and neither is the request.
pub(super) fn of_request(
    connection: &Connection,
    headers: &HeaderMap,
    proxy: Option<&ProxySettings>,
) -> Result<Option<Arc<PeerCertificate>>, CertificateFieldError> {
    match proxy.filter(|proxy| proxy.is_at(connection.address())) {
        Some(proxy) => proxy.field.certificate(headers),
        None if [CLIENT_CERT, CLIENT_CERT_CHAIN, FORWARDED].iter().any(|field| headers.contains_key(*field)) => {
            Err(CertificateFieldError::NotFromProxy)
        }
        None => Ok(connection.certificate.clone()),
    }
}

impl ProxySettings {
    fn is_at(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|range| range.contains(&address))
    }
}

impl CertificateField {
    fn certificate(self, headers: &HeaderMap) -> Result<Option<Arc<PeerCertificate>>, CertificateFieldError> {
        let others: &[&str] = match self {
            Self::ClientCert => &[FORWARDED],
            Self::XForwardedClientCert => &[CLIENT_CERT, CLIENT_CERT_CHAIN],
        };
        // The proxy lets it pass, so the client may have written it.
        if others.iter().any(|field| headers.contains_key(*field)) {
            return Err(CertificateFieldError::NotConfigured);
        }
        let chain = match self {
            Self::ClientCert => client_cert::chain(sole(headers, CLIENT_CERT)?, headers.get_all(CLIENT_CERT_CHAIN))?,
            Self::XForwardedClientCert => envoy::chain(sole(headers, FORWARDED)?)?,
        };
        let certificate = |chain| PeerCertificate::new(chain).map(Arc::new).map_err(|_| CertificateFieldError::Malformed);
        chain.map(certificate).transpose()
    }
}

/// Certificates, leaf first.
type Chain = Vec<CertificateDer<'static>>;

/// The one field of that name. Of two, the client may have written one.
fn sole<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, CertificateFieldError> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(CertificateFieldError::Several),
        (sole, None) => Ok(sole),
    }
}

#[cfg(test)]
mod tests;
