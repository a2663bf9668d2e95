//! The shape of an X.509-SVID, before anybody is asked whether it is true.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::CertificateError;
use crate::{Jwk, ParseError, Thumbprint, UnixTime, VerifyingKey, WorkloadId, base64url};

/// When a certificate is valid, both seconds included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

impl Validity {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let time = |time: x509_parser::time::ASN1Time| UnixTime::from_secs(u64::try_from(time.timestamp()).unwrap_or(0));
        Self { not_before: time(certificate.validity().not_before), not_after: time(certificate.validity().not_after) }
    }

    /// The time both cover.
    pub(super) fn and(self, other: Self) -> Self {
        Self { not_before: self.not_before.max(other.not_before), not_after: self.not_after.min(other.not_after) }
    }

    pub(super) fn verify(self, now: UnixTime) -> Result<(), CertificateError> {
        let Self { not_before, not_after } = self;
        match now.whole_secs() {
            second if second < not_before => Err(CertificateError::NotYetValid { not_before, now }),
            second if second > not_after => Err(CertificateError::Expired { not_after, now }),
            _ => Ok(()),
        }
    }
}

/// What the leaf says of itself.
pub(super) struct Leaf {
    pub(super) id: WorkloadId,
    pub(super) key: Thumbprint,
    pub(super) validity: Validity,
}

/// Reads the leaf (X.509-SVID sections 2 to 5; `clientAuth` as RFC 5280 section 4.2.1.12 has it).
pub(super) fn leaf(der: &CertificateDer<'_>) -> Result<Leaf, CertificateError> {
    let (strict, certificate) = parse(der)?;
    let id = id(&strict, &certificate)?;
    if basic_constraints(&certificate)?.is_some_and(|(ca, _)| ca) {
        return Err(CertificateError::AuthorityAsLeaf);
    }
    let usage = certificate.key_usage().map_err(|_| CertificateError::Malformed("`keyUsage`"))?;
    let usage = usage.ok_or(CertificateError::KeyUsage("absent"))?;
    match usage.value {
        value if value.key_cert_sign() => return Err(CertificateError::KeyUsage("`keyCertSign` is set")),
        value if value.crl_sign() => return Err(CertificateError::KeyUsage("`cRLSign` is set")),
        value if !value.digital_signature() => return Err(CertificateError::KeyUsage("`digitalSignature` is not set")),
        _ if !usage.critical => return Err(CertificateError::KeyUsage("not critical")),
        _ => {}
    }
    let extended = certificate.extended_key_usage().map_err(|_| CertificateError::Malformed("`extKeyUsage`"))?;
    if extended.is_some_and(|extended| !extended.value.client_auth) {
        return Err(CertificateError::ExtendedKeyUsage);
    }
    let key = key(certificate.public_key()).map_err(CertificateError::Key)?;
    Ok(Leaf { id, key, validity: Validity::of(&certificate) })
}

/// What a certificate above the leaf says of itself.
pub(super) struct SignerCertificate {
    /// Its subject, in DER.
    pub(super) subject: Vec<u8>,
    pub(super) validity: Validity,
}

/// Reads a certificate that was presented above the leaf: it must be allowed to sign others, whether the path needs it or
/// not.
pub(super) fn signer(der: &CertificateDer<'_>) -> Result<SignerCertificate, CertificateError> {
    let (_, certificate) = parse(der)?;
    if !basic_constraints(&certificate)?.is_some_and(|(ca, _)| ca) {
        return Err(CertificateError::Signer("`cA` is not set"));
    }
    match certificate.key_usage().map_err(|_| CertificateError::Malformed("`keyUsage`"))? {
        Some(usage) if usage.value.key_cert_sign() => {
            Ok(SignerCertificate { subject: certificate.subject().as_raw().to_vec(), validity: Validity::of(&certificate) })
        }
        Some(_) => Err(CertificateError::Signer("`keyCertSign` is not set")),
        None => Err(CertificateError::Signer("`keyUsage` is absent")),
    }
}

/// Reads an authority's own certificate: when it is valid, and how many others may stand between it and a leaf.
///
/// An authority is trusted because the bundle names it, so `keyUsage` may be absent; if it is there it counts.
pub(super) fn authority(der: &CertificateDer<'_>) -> Result<(Validity, Option<u32>), CertificateError> {
    let (_, certificate) = parse(der)?;
    let Some((true, path_len)) = basic_constraints(&certificate)? else {
        return Err(CertificateError::Signer("`cA` is not set"));
    };
    let usage = certificate.key_usage().map_err(|_| CertificateError::Malformed("`keyUsage`"))?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(CertificateError::Signer("`keyCertSign` is not set"));
    }
    key(certificate.public_key()).map_err(CertificateError::Key)?;
    Ok((Validity::of(&certificate), path_len))
}

/// Both readers must take it: the strict one that judges paths, and the one that shows what the first does not.
fn parse<'a>(der: &'a CertificateDer<'a>) -> Result<(EndEntityCert<'a>, X509Certificate<'a>), CertificateError> {
    let strict = EndEntityCert::try_from(der).map_err(|error| match error {
        webpki::Error::UnsupportedCriticalExtension => CertificateError::Malformed("a critical extension is unknown"),
        webpki::Error::UnsupportedCertVersion => CertificateError::Malformed("not of version 3"),
        _ => CertificateError::Malformed("not a certificate in DER"),
    })?;
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok((strict, certificate)),
        _ => Err(CertificateError::Malformed("not a certificate in DER")),
    }
}

fn basic_constraints(certificate: &X509Certificate<'_>) -> Result<Option<(bool, Option<u32>)>, CertificateError> {
    const MALFORMED: CertificateError = CertificateError::Malformed("`basicConstraints`");
    let oid = &x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;
    let is_there = certificate.get_extension_unique(oid).map_err(|_| MALFORMED)?.is_some();
    match certificate.basic_constraints().map_err(|_| MALFORMED)? {
        None if is_there => Err(MALFORMED),
        constraints => Ok(constraints.map(|constraints| (constraints.value.ca, constraints.value.path_len_constraint))),
    }
}

/// The one URI among the alternative names; other kinds of names may stand beside it and mean nothing.
fn id(strict: &EndEntityCert<'_>, certificate: &X509Certificate<'_>) -> Result<WorkloadId, CertificateError> {
    const MALFORMED: CertificateError = CertificateError::Malformed("`subjectAltName`");
    let names = certificate.subject_alternative_name().map_err(|_| MALFORMED)?.ok_or(CertificateError::NoUri)?;
    let mut uris = Vec::new();
    for name in &names.value.general_names {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            GeneralName::Invalid(..) => return Err(MALFORMED),
            _ => {}
        }
    }
    // Two readers, one meaning: what the first does not see, name constraints would not be asked about.
    if !strict.valid_uri_names().eq(uris.iter().copied()) {
        return Err(MALFORMED);
    }
    let uri = match uris.as_slice() {
        [] => return Err(CertificateError::NoUri),
        [uri] => *uri,
        _ => return Err(CertificateError::SeveralUris),
    };
    if certificate.subject().iter().next().is_none() && !names.critical {
        return Err(CertificateError::Subject);
    }
    let id: WorkloadId = uri.parse().map_err(CertificateError::Id)?;
    match id.is_spiffe() {
        true => Ok(id),
        false => Err(CertificateError::Id(ParseError::value("workload identifier", "the scheme must be `spiffe`"))),
    }
}

/// The public key, held to the rules that keys in tokens are held to: known curves, RSA of 2048 to 8192 bits.
fn key(info: &SubjectPublicKeyInfo<'_>) -> Result<Thumbprint, ParseError> {
    const UNKNOWN: ParseError = ParseError::Key("unknown key type");
    let parameter =
        || info.algorithm.parameters.as_ref().and_then(|parameter| parameter.as_oid().ok()).map(|oid| oid.to_id_string());
    let members = match info.parsed() {
        Ok(PublicKey::EC(point)) => {
            let curve = match parameter().as_deref() {
                Some("1.2.840.10045.3.1.7") => "P-256",
                Some("1.3.132.0.34") => "P-384",
                Some("1.3.132.0.35") => "P-521",
                _ => return Err(ParseError::Key("unknown curve")),
            };
            let Some((4, coordinates)) = point.data().split_first().map(|(first, rest)| (*first, rest)) else {
                return Err(ParseError::Key("the point is not uncompressed"));
            };
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            serde_json::json!({"kty": "EC", "crv": curve, "x": base64url::encode(x), "y": base64url::encode(y)})
        }
        Ok(PublicKey::RSA(rsa)) => {
            let unsigned = |integer: &[u8]| base64url::encode(integer.strip_prefix(&[0]).unwrap_or(integer));
            serde_json::json!({"kty": "RSA", "n": unsigned(rsa.modulus), "e": unsigned(rsa.exponent)})
        }
        Ok(PublicKey::Unknown(x)) if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
            serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)})
        }
        _ => return Err(UNKNOWN),
    };
    let jwk = Jwk::parse(members.to_string().as_bytes())?;
    Ok(VerifyingKey::new(&jwk)?.thumbprint())
}
