//! The path from a leaf to an authority: all that rustls-webpki judges, and what it leaves out.

use rustls_pki_types::{SignatureVerificationAlgorithm, TrustAnchor};
use webpki::aws_lc_rs as algorithm;
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::authority::Authority;
use super::profile::Validity;
use super::{CertificateError, UnverifiedX509Svid, X509Authorities};
use crate::UnixTime;

/// SHA-256 or better; RSA of 2048 to 8192 bits.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithm::ECDSA_P256_SHA256,
    algorithm::ECDSA_P256_SHA384,
    algorithm::ECDSA_P256_SHA512,
    algorithm::ECDSA_P384_SHA256,
    algorithm::ECDSA_P384_SHA384,
    algorithm::ECDSA_P384_SHA512,
    algorithm::ECDSA_P521_SHA256,
    algorithm::ECDSA_P521_SHA384,
    algorithm::ECDSA_P521_SHA512,
    algorithm::ED25519,
    algorithm::RSA_PKCS1_2048_8192_SHA256,
    algorithm::RSA_PKCS1_2048_8192_SHA384,
    algorithm::RSA_PKCS1_2048_8192_SHA512,
    algorithm::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithm::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithm::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// The time at which every certificate on the path is valid, the authority's included.
pub(super) fn verify(
    svid: &UnverifiedX509Svid<'_>,
    authorities: &X509Authorities,
    now: UnixTime,
) -> Result<Validity, CertificateError> {
    let authorities = authorities.valid_at(now);
    let anchors = anchors(&authorities)?;
    let authority_of = |anchor: &TrustAnchor<'_>| {
        let place = anchors.iter().position(|candidate| std::ptr::eq(candidate, anchor));
        place.and_then(|place| authorities.get(place)).ok_or(Error::UnknownIssuer)
    };
    let leaf = EndEntityCert::try_from(svid.peer.leaf()).map_err(|error| refusal(error, now))?;
    // The length an authority allows is no part of an anchor of trust to webpki.
    let is_short_enough = |path: &VerifiedPath<'_>| match authority_of(path.anchor())?.path_len {
        Some(limit) if path.intermediate_certificates().count() > limit as usize => Err(Error::PathLenConstraintViolated),
        _ => Ok(()),
    };
    let time = rustls_pki_types::UnixTime::since_unix_epoch(now.since_epoch());
    let usage = KeyUsage::client_auth();
    let path = leaf
        .verify_for_usage(ALGORITHMS, &anchors, svid.peer.others(), time, usage, None, Some(&is_short_enough))
        .map_err(|error| refusal(error, now))?;
    let mut validity = svid.leaf.validity.and(authority_of(path.anchor()).map_err(|error| refusal(error, now))?.validity);
    for used in path.intermediate_certificates() {
        let same = svid.others().find(|(certificate, _)| **certificate == used.der());
        validity = validity.and(same.ok_or(CertificateError::UnknownIssuer)?.1);
    }
    Ok(validity)
}

fn anchors<'a>(authorities: &[&'a Authority]) -> Result<Vec<TrustAnchor<'a>>, CertificateError> {
    let anchor = |authority: &&'a Authority| anchor_from_trusted_cert(&authority.certificate);
    authorities.iter().map(anchor).collect::<Result<_, _>>().map_err(|_| CertificateError::UnknownIssuer)
}

fn refusal(error: Error, now: UnixTime) -> CertificateError {
    use CertificateError as C;
    let at = |time: rustls_pki_types::UnixTime| UnixTime::from_secs(time.as_secs());
    match error {
        Error::UnknownIssuer => C::UnknownIssuer,
        Error::InvalidSignatureForPublicKey => C::Signature,
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            C::Algorithm
        }
        Error::CertExpired { not_after, .. } => C::Expired { not_after: at(not_after), now },
        Error::CertNotValidYet { not_before, .. } => C::NotYetValid { not_before: at(not_before), now },
        Error::NameConstraintViolation => C::NameConstraints,
        Error::CaUsedAsEndEntity => C::AuthorityAsLeaf,
        Error::EndEntityUsedAsCa => C::Signer("`cA` is not set"),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => C::ExtendedKeyUsage,
        Error::PathLenConstraintViolated => C::Path("longer than an authority on it allows"),
        Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => C::Path("too much work to verify"),
        Error::InvalidCertValidity => C::Path("a validity that ends before it begins"),
        _ => C::Malformed("not as RFC 5280 has it"),
    }
}
