//! Why a certificate is not believed.

use crate::{ParseError, UnixTime};

/// Why a chain of certificates is no X.509-SVID of a trust domain, at one instant. For logs: it repeats no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A chain of no certificate.
    #[error("no certificate")]
    Empty,
    /// A chain of more than [`MAX_CHAIN`](super::MAX_CHAIN) certificates.
    #[error("more than {limit} certificates")]
    TooMany {
        /// The most there may be.
        limit: usize,
    },
    /// A chain of more than [`MAX_CHAIN_BYTES`](super::MAX_CHAIN_BYTES) bytes.
    #[error("certificates of more than {limit} bytes")]
    TooLong {
        /// The most there may be.
        limit: usize,
    },
    /// Not an X.509 version 3 certificate in DER, or one with an extension that is malformed, doubled, or unknown and critical.
    #[error("malformed certificate: {0}")]
    Malformed(&'static str),
    /// No URI among the subject alternative names.
    #[error("no URI among the subject alternative names")]
    NoUri,
    /// More than one URI among the subject alternative names, whatever they say.
    #[error("more than one URI among the subject alternative names")]
    SeveralUris,
    /// The URI is not the SPIFFE ID of a workload.
    #[error("the URI is not a SPIFFE ID with a path: {0}")]
    Id(ParseError),
    /// An empty subject beside alternative names that are not critical (RFC 5280 section 4.1.2.6).
    #[error("the subject is empty, and the subject alternative names are not critical")]
    Subject,
    /// The leaf may sign certificates: `cA` is set.
    #[error("the leaf is an authority's certificate")]
    AuthorityAsLeaf,
    /// The leaf's `keyUsage` is absent, or not what an X.509-SVID's must be.
    #[error("`keyUsage` of the leaf: {0}")]
    KeyUsage(&'static str),
    /// There is an `extKeyUsage` without `clientAuth`.
    #[error("`extKeyUsage` does not include `clientAuth`")]
    ExtendedKeyUsage,
    /// The leaf's public key is weak or of an unknown kind.
    #[error("the public key of the leaf: {0}")]
    Key(ParseError),
    /// A certificate above the leaf that may not sign certificates.
    #[error("a certificate above the leaf: {0}")]
    Signer(&'static str),
    /// No authority of the trust domain, valid at this instant, issued the leaf, through the other certificates or directly.
    #[error("no authority of the trust domain issued it")]
    UnknownIssuer,
    /// A signature is not by the key of its issuer, or that key is too weak.
    #[error("a signature on the path does not verify")]
    Signature,
    /// A signature by an algorithm that is not accepted, such as any with SHA-1.
    #[error("a signature on the path is by an algorithm that is not accepted")]
    Algorithm,
    /// A certificate on the path has ended.
    #[error("a certificate on the path ended at {not_after}, now is {now}")]
    Expired {
        /// The last second of its validity.
        not_after: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// A certificate on the path is not valid yet.
    #[error("a certificate on the path is not valid before {not_before}, now is {now}")]
    NotYetValid {
        /// When its validity begins.
        not_before: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// An authority on the path must not name this workload, or constrains URIs at all.
    #[error("a name constraint on the path forbids the name")]
    NameConstraints,
    /// The path breaks another rule of RFC 5280 section 6.
    #[error("the path: {0}")]
    Path(&'static str),
}
