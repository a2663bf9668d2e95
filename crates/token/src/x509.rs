//! X.509-SVID: a workload's identity as a certificate (SPIFFE X.509-SVID; WIMSE workload identity certificates).
//!
//! A [`PeerCertificate`] is what a peer presented. [`UnverifiedX509Svid::parse`] asks that it has the shape of an X.509-SVID
//! and tells whose authority to ask; [`UnverifiedX509Svid::verify`] finds a path to one of the [`X509Authorities`] of that
//! one trust domain and makes a [`VerifiedX509Svid`]. No other authority counts: not the system's, not another trust domain's.

mod authority;
mod der;
mod error;
mod path;
mod peer;
mod profile;
mod svid;

pub use authority::{LeftOut, X509Authorities};
pub use der::split_certificates;
pub use error::CertificateError;
pub use peer::{MAX_CHAIN, MAX_CHAIN_BYTES, PeerCertificate};
pub use rustls_pki_types::CertificateDer;
pub use svid::{UnverifiedX509Svid, VerifiedX509Svid};
