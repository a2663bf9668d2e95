//! X.509-SVIDs: unverified and verified.

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;

use super::profile::{self, Leaf, Validity};
use super::{CertificateError, PeerCertificate, X509Authorities, path};
use crate::{CertificateThumbprint, Thumbprint, UnixTime, WorkloadId};

/// A chain that has the shape of an X.509-SVID and is not believed. It shows only whose authorities to ask.
pub struct UnverifiedX509Svid<'a> {
    pub(super) peer: &'a PeerCertificate,
    pub(super) leaf: Leaf,
    /// The validity of each of [`PeerCertificate::others`].
    pub(super) others: Vec<Validity>,
}

/// An X.509-SVID that was verified: by the authorities of its trust domain, at one instant.
///
/// Only [`UnverifiedX509Svid::verify`] makes one. It says who the holder of the leaf's key is, not that the peer holds it:
/// that is the TLS handshake's part. Who keeps it asks [`VerifiedX509Svid::verify_time`] before using it again.
#[derive(Clone, Debug)]
pub struct VerifiedX509Svid {
    id: WorkloadId,
    thumbprint: CertificateThumbprint,
    key: Thumbprint,
    validity: Validity,
}

impl<'a> UnverifiedX509Svid<'a> {
    /// Reads a chain.
    ///
    /// The leaf has exactly one URI among its alternative names, a SPIFFE ID with a path; `cA` is not set; `keyUsage` is
    /// there, critical, with `digitalSignature`, without `keyCertSign` and `cRLSign`; `extKeyUsage`, if it is there, includes
    /// `clientAuth`; its key is strong. Every other certificate may sign: `cA` and `keyCertSign` (X.509-SVID sections 3 to 5).
    /// Of the others at most one repeats the name of another.
    ///
    /// # Errors
    /// [`CertificateError`], naming the first rule that is broken.
    pub fn parse(peer: &'a PeerCertificate) -> Result<Self, CertificateError> {
        let leaf = profile::leaf(peer.leaf())?;
        let others = peer.others().iter().map(profile::signer).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<_> = others.iter().map(|other| &other.subject).collect();
        // Where names repeat there are many paths to try, and strangers choose the names.
        if names.len() + 1 < others.len() {
            return Err(CertificateError::Path("more than one certificate above the leaf repeats the name of another"));
        }
        let others = others.iter().map(|other| other.validity).collect();
        Ok(Self { peer, leaf, others })
    }

    /// The trust domain it claims to be from: it selects the authorities, and proves nothing.
    pub fn trust_domain(&self) -> &str {
        self.leaf.id.trust_domain()
    }

    /// Whether it claims to be `id`, which proves nothing.
    pub fn claims(&self, id: &WorkloadId) -> bool {
        self.leaf.id == *id
    }

    /// Finds a path from the leaf to one of `authorities` and verifies it at `now` (RFC 5280 section 6).
    ///
    /// `authorities` are those of [`UnverifiedX509Svid::trust_domain`], and of no other trust domain. On the path every
    /// signature is by ECDSA, Ed25519 or RSA of at least 2048 bits, with SHA-256 or better; every certificate, the
    /// authority's included, is valid at `now`, without leeway; lengths and name constraints hold. An authority that
    /// constrains URIs vouches for nobody: such constraints are not interpreted. The search gives up after six certificates
    /// between leaf and authority, and after a hundred signatures.
    ///
    /// Not checked: revocation, certificate policies, possession of the key, and whether the workload may do anything.
    ///
    /// # Errors
    /// [`CertificateError`], naming a rule that is broken.
    pub fn verify(&self, authorities: &X509Authorities, now: UnixTime) -> Result<VerifiedX509Svid, CertificateError> {
        let validity = path::verify(self, authorities, now)?;
        validity.verify(now)?;
        Ok(VerifiedX509Svid { id: self.leaf.id.clone(), thumbprint: self.peer.thumbprint(), key: self.leaf.key, validity })
    }

    pub(super) fn others(&self) -> impl Iterator<Item = (&CertificateDer<'a>, Validity)> {
        self.peer.others().iter().zip(self.others.iter().copied())
    }
}

impl VerifiedX509Svid {
    /// The workload: a `spiffe` identifier.
    pub const fn id(&self) -> &WorkloadId {
        &self.id
    }

    /// The last second at which every certificate on the path is valid.
    pub const fn expires(&self) -> UnixTime {
        self.validity.not_after
    }

    /// The leaf's thumbprint, `x5t#S256`.
    pub const fn thumbprint(&self) -> CertificateThumbprint {
        self.thumbprint
    }

    /// The thumbprint of the leaf's public key, as a JWK's (RFC 7638).
    pub const fn key_thumbprint(&self) -> Thumbprint {
        self.key
    }

    /// Judges the time of the whole path again, at a later `now`. There is no leeway.
    ///
    /// # Errors
    /// [`CertificateError::Expired`] or [`CertificateError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime) -> Result<(), CertificateError> {
        self.validity.verify(now)
    }
}

/// Shows no name.
impl core::fmt::Debug for UnverifiedX509Svid<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("UnverifiedX509Svid").field(self.peer).finish()
    }
}
