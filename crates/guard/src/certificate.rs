//! The certificate of the connection.

use procura_token::CertificateThumbprint;

/// The client certificate of the connection that a request came over: a request extension that *the server's own TLS code*
/// puts there, after the handshake in which the client proved the certificate's key.
///
/// With it a guard that takes [certificate-bound tokens](crate::GuardBuilder::certificate_bound_tokens) compares the token
/// (RFC 8705 section 3). No header can stand in for it: a server behind a proxy that ends TLS puts it there itself, and only
/// for connections of that proxy. Not looked at: who issued the certificate, and whether it is in time. The token names
/// this one certificate, and that is what the connection proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCertificate(CertificateThumbprint);

impl PeerCertificate {
    /// The certificate in DER: the first of the chain that the client sent.
    pub fn new(der: &[u8]) -> Self {
        Self(CertificateThumbprint::of(der))
    }

    /// SHA-256 of it.
    pub const fn thumbprint(&self) -> CertificateThumbprint {
        self.0
    }
}

impl From<CertificateThumbprint> for PeerCertificate {
    fn from(thumbprint: CertificateThumbprint) -> Self {
        Self(thumbprint)
    }
}
