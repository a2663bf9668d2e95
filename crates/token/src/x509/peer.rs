//! What a peer presented.

use core::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use rustls_pki_types::CertificateDer;

use super::CertificateError;
use crate::{CertificateThumbprint, base64url};

/// The most certificates a chain may have, the leaf included.
pub const MAX_CHAIN: usize = 8;
/// The most bytes a chain may have, in DER.
pub const MAX_CHAIN_BYTES: usize = 64 * 1024;

/// The certificates a peer presented, leaf first, in DER: nothing about them is believed or even read.
///
/// Whoever makes one vouches that the peer proved to have the leaf's key, as a TLS handshake does, or that a trusted proxy
/// said so. Make it once per connection: its hashes are computed then, and naming it afterwards costs nothing.
#[derive(Clone)]
pub struct PeerCertificate {
    chain: Vec<CertificateDer<'static>>,
    thumbprint: CertificateThumbprint,
    fingerprint: [u8; 32],
}

impl PeerCertificate {
    /// Takes `chain`, leaf first: at most [`MAX_CHAIN`] certificates of at most [`MAX_CHAIN_BYTES`] together.
    ///
    /// # Errors
    /// [`CertificateError::Empty`], [`CertificateError::TooMany`] or [`CertificateError::TooLong`].
    pub fn new(chain: Vec<CertificateDer<'static>>) -> Result<Self, CertificateError> {
        let leaf = chain.first().ok_or(CertificateError::Empty)?;
        if chain.len() > MAX_CHAIN {
            return Err(CertificateError::TooMany { limit: MAX_CHAIN });
        }
        if chain.iter().map(|certificate| certificate.len()).sum::<usize>() > MAX_CHAIN_BYTES {
            return Err(CertificateError::TooLong { limit: MAX_CHAIN_BYTES });
        }
        let (thumbprint, fingerprint) = (CertificateThumbprint::of(leaf), fingerprint(&chain));
        Ok(Self { chain, thumbprint, fingerprint })
    }

    /// The leaf.
    pub fn leaf(&self) -> &CertificateDer<'static> {
        // `new` refuses an empty chain.
        self.chain.first().unwrap_or(const { &CertificateDer::from_slice(&[]) })
    }

    /// What was presented with the leaf, in the peer's order.
    pub fn others(&self) -> &[CertificateDer<'static>] {
        self.chain.get(1..).unwrap_or_default()
    }

    /// The leaf's thumbprint, `x5t#S256`.
    pub const fn thumbprint(&self) -> CertificateThumbprint {
        self.thumbprint
    }

    /// SHA-256 of the whole chain: two are equal only if the same certificates came in the same order.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

/// Hashes lengths and contents, so that no two chains have the same input.
fn fingerprint(chain: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for certificate in chain {
        context.update(&(certificate.len() as u64).to_be_bytes());
        context.update(certificate);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Shows the fingerprint and nothing else: names in certificates may be personal.
impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerCertificate({})", base64url::encode(self.fingerprint))
    }
}
