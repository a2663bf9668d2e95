//! The agent's own X.509-SVID.

use core::fmt;
use std::sync::Arc;

use procura_token::{CertificateThumbprint, UnixTime, WorkloadId};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::X509SvidPem;
use crate::SvidError;

/// A chain and the key that belongs to its leaf. Not verified: whoever it is shown to does that.
pub(crate) struct Identity {
    pem: X509SvidPem,
    id: WorkloadId,
    thumbprint: CertificateThumbprint,
    not_after: UnixTime,
    certified: Arc<CertifiedKey>,
}

impl Identity {
    /// The key must be the leaf's, and the leaf must name one workload.
    pub(crate) fn parse(pem: X509SvidPem) -> Result<Self, SvidError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem.certificates.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| SvidError::new("the certificates are not PEM"))?;
        let leaf = chain.first().ok_or_else(|| SvidError::new("there is no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(pem.key.expose().as_bytes())
            .map_err(|_| SvidError::new("there is no private key in PEM (PKCS#8, SEC 1 or PKCS#1)"))?;
        let thumbprint = CertificateThumbprint::of(leaf);
        let (id, not_after) = read(leaf)?;
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|cause| match cause {
            rustls::Error::InconsistentKeys(_) => SvidError::new("the private key does not belong to the certificate"),
            _ => SvidError::new("the private key cannot be used"),
        })?;
        Ok(Self { pem, id, thumbprint, not_after, certified: Arc::new(certified) })
    }

    pub(crate) fn is_made_from(&self, pem: &X509SvidPem) -> bool {
        self.pem == *pem
    }

    pub(crate) const fn id(&self) -> &WorkloadId {
        &self.id
    }

    pub(crate) const fn thumbprint(&self) -> CertificateThumbprint {
        self.thumbprint
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Once a certificate has ended, so has its key (WIMSE workload credentials section 9.4).
    pub(crate) fn verify_time(&self, now: UnixTime) -> Result<(), SvidError> {
        match now.whole_secs() > self.not_after {
            true => Err(SvidError::new("the certificate has expired")),
            false => Ok(()),
        }
    }

    pub(crate) fn to_reqwest(&self) -> reqwest::Result<reqwest::Identity> {
        let certificates = sections(&self.pem.certificates, |label| label == "CERTIFICATE");
        let key = sections(self.pem.key.expose(), |label| label.ends_with("PRIVATE KEY"));
        reqwest::Identity::from_pem(format!("{certificates}\n{key}\n").as_bytes())
    }
}

/// The sections of a PEM text with these labels: one file may hold certificates and key.
fn sections(text: &str, is_wanted: fn(&str) -> bool) -> String {
    let sections = text.split("-----BEGIN ").skip(1);
    let wanted = sections.filter(|section| section.split("-----").next().is_some_and(is_wanted));
    wanted.map(|section| format!("-----BEGIN {section}")).collect()
}

/// The one URI among the alternative names, and the last second of validity.
fn read(leaf: &CertificateDer<'_>) -> Result<(WorkloadId, UnixTime), SvidError> {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return Err(SvidError::new("the leaf is not a certificate")) };
    let names = leaf.subject_alternative_name().map_err(|_| SvidError::new("the leaf's alternative names cannot be read"))?;
    let names = names.map_or(&[][..], |names| names.value.general_names.as_slice());
    let uris: Vec<&str> =
        names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None }).collect();
    let [uri] = uris[..] else { return Err(SvidError::new("the leaf does not name exactly one workload: not an X.509-SVID")) };
    let id = uri.parse().map_err(|cause| SvidError::new(format!("the leaf's URI: {cause}")))?;
    let not_after = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or(0);
    Ok((id, UnixTime::from_secs(not_after)))
}

/// Shows who it is, and no key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}
