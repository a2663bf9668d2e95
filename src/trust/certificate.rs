//! Certificates as a peer showed them. Nothing about them is believed yet.

use procura_token::sha256;
use rustls::pki_types::CertificateDer;

/// A peer's certificate chain, leaf first, and its hash; made once per connection.
///
/// UNVERIFIED: whoever made it knows that the peer holds the leaf's private key, and nothing else. Path, names, times and
/// usage are judged against the bundle of a trust domain, per request.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    chain: Vec<CertificateDer<'static>>,
    hash: [u8; 32],
}

impl PeerCertificate {
    /// `None` if the chain is empty.
    pub fn new(chain: Vec<CertificateDer<'static>>) -> Option<Self> {
        if chain.is_empty() {
            return None;
        }
        // Each certificate says its own length: no two chains have the same concatenation.
        let hash = sha256(&chain.iter().flat_map(|certificate| certificate.iter().copied()).collect::<Vec<u8>>());
        Some(Self { chain, hash })
    }

    /// The certificates, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// SHA-256 of the chain.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerCertificate").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
