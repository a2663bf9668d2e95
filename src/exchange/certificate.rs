//! Certificates that a proxy tells of.

/// Why the header fields that carry a client's certificate are not believed. The request is refused: it may come from
/// somebody who hopes that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFieldError {
    /// The request came from an address that is no configured proxy's.
    #[error("only a configured proxy may send it")]
    NotFromProxy,
    /// It is one of those that the configured proxy does not send.
    #[error("it is not the one that is configured")]
    NotConfigured,
    /// It occurs more than once, or tells of more than one certificate.
    #[error("there is more than one")]
    Several,
    /// It tells something about a certificate and does not show it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// It is not of its syntax.
    #[error("it is malformed")]
    Malformed,
}
