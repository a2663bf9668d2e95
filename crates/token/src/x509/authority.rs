//! Who vouches for the certificates of one trust domain.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use serde_json::Value;

use super::der::split_certificates;
use super::profile::{self, Validity};
use super::{CertificateError, MAX_CHAIN_BYTES};
use crate::{CertificateThumbprint, MAX_KEYS, ParseError, UnixTime, json};

/// The X.509 authorities of one trust domain: the `x509-svid` entries of its SPIFFE bundle (X.509-SVID section 6).
///
/// Sets of different trust domains are never pooled. An empty set believes nobody. Two sets are equal when they hold the same
/// certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct X509Authorities {
    authorities: Vec<Authority>,
}

/// One authority: its certificate, and what of it counts for an anchor of trust.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) validity: Validity,
    pub(super) path_len: Option<u32>,
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

impl Eq for Authority {}

/// What of a bundle's entry for SVIDs is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// A `jwt-svid` or `wit-svid` key without `kid`: the entry is ignored.
    #[error("the key of entry {entry} has no `kid`")]
    NoKeyId {
        /// The entry's place in `keys`.
        entry: usize,
    },
    /// A `jwt-svid` or `wit-svid` key that is malformed or of no known kind: the entry is ignored.
    #[error("entry {entry} is no key that can be used: {cause}")]
    NoKey {
        /// The entry's place in `keys`.
        entry: usize,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// `x5c` is missing, empty or no array of strings: the entry is ignored.
    #[error("`x5c` of entry {entry} holds no certificate")]
    NoCertificate {
        /// The entry's place in `keys`.
        entry: usize,
    },
    /// `x5c` holds several certificates: all but the first are ignored.
    #[error("`x5c` of entry {entry} holds several certificates; only the first counts")]
    MoreCertificates {
        /// The entry's place in `keys`.
        entry: usize,
    },
    /// The certificate is no authority's: the entry is ignored.
    #[error("the certificate of entry {entry} is no authority's: {cause}")]
    NoAuthority {
        /// The entry's place in `keys`.
        entry: usize,
        /// What is wrong with it.
        cause: CertificateError,
    },
}

impl X509Authorities {
    /// Reads the `x509-svid` entries of a bundle of at most [`MAX_KEYS`] entries, and says what it left out.
    ///
    /// The JWK's own members do not count, only the first certificate of `x5c`: in DER, of version 3, with `cA`, with
    /// `keyCertSign` if it has a `keyUsage`, and with a strong key. Self-signatures are not verified: the bundle vouches.
    ///
    /// # Errors
    /// [`ParseError`] if it is not a JSON object with an array `keys`, or has too many entries.
    pub fn parse_bundle(json: &[u8]) -> Result<(Self, Vec<LeftOut>), ParseError> {
        #[derive(Deserialize)]
        struct Bundle {
            keys: Vec<Value>,
        }
        let bundle: Bundle = json::parse(json)?;
        if bundle.keys.len() > MAX_KEYS {
            return Err(ParseError::value("`keys`", "more than 64 keys"));
        }
        let mut left_out = Vec::new();
        Ok((Self::of_entries(&bundle.keys, &mut left_out), left_out))
    }

    /// The `x509-svid` entries among those of a bundle.
    pub(crate) fn of_entries(entries: &[Value], left_out: &mut Vec<LeftOut>) -> Self {
        let mut set = Self::default();
        let ours = |(_, jwk): &(usize, &Value)| jwk.get("use").and_then(Value::as_str) == Some("x509-svid");
        for (entry, jwk) in entries.iter().enumerate().filter(ours) {
            let certificates = jwk.get("x5c").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let Some(first) = certificates.first().and_then(Value::as_str) else {
                left_out.push(LeftOut::NoCertificate { entry });
                continue;
            };
            if certificates.len() > 1 {
                left_out.push(LeftOut::MoreCertificates { entry });
            }
            set.add(entry, Authority::from_base64(first), left_out);
        }
        set
    }

    /// Reads the authorities of a trust domain as the SPIFFE Workload API gives them: at most [`MAX_KEYS`] certificates in DER,
    /// one after the other. They are held to the same rules as those of a bundle.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] if it is not a row of DER elements, [`CertificateError::TooMany`].
    pub fn from_der(der: &[u8]) -> Result<(Self, Vec<LeftOut>), CertificateError> {
        let (mut set, mut left_out) = (Self::default(), Vec::new());
        for (entry, certificate) in split_certificates(der, MAX_KEYS)?.into_iter().enumerate() {
            set.add(entry, Authority::new(certificate), &mut left_out);
        }
        Ok((set, left_out))
    }

    fn add(&mut self, entry: usize, authority: Result<Authority, CertificateError>, left_out: &mut Vec<LeftOut>) {
        match authority {
            Ok(authority) if self.authorities.contains(&authority) => {}
            Ok(authority) => self.authorities.push(authority),
            Err(cause) => left_out.push(LeftOut::NoAuthority { entry, cause }),
        }
    }

    /// Whether there is no authority: then no certificate is believed.
    pub const fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// How many authorities there are, whether or not they are valid now.
    pub const fn len(&self) -> usize {
        self.authorities.len()
    }

    /// The thumbprint of each authority's certificate, and the last second at which it is valid.
    pub fn iter(&self) -> impl Iterator<Item = (CertificateThumbprint, UnixTime)> {
        self.authorities.iter().map(|authority| (CertificateThumbprint::of(&authority.certificate), authority.validity.not_after))
    }

    /// Those whose own certificates are valid at `now`: path validation does not ask (RFC 5280 section 6.1.1 (d)), we do.
    pub(super) fn valid_at(&self, now: UnixTime) -> Vec<&Authority> {
        self.authorities.iter().filter(|authority| authority.validity.verify(now).is_ok()).collect()
    }
}

impl Authority {
    /// Reads one member of `x5c`: DER in base64, with padding, unlike all else in a JWK (RFC 7517 section 4.7).
    fn from_base64(base64: &str) -> Result<Self, CertificateError> {
        let der = STANDARD.decode(base64).map_err(|_| CertificateError::Malformed("not base64"))?;
        Self::new(CertificateDer::from(der))
    }

    fn new(certificate: CertificateDer<'static>) -> Result<Self, CertificateError> {
        if certificate.len() > MAX_CHAIN_BYTES {
            return Err(CertificateError::TooLong { limit: MAX_CHAIN_BYTES });
        }
        let (validity, path_len) = profile::authority(&certificate)?;
        Ok(Self { certificate, validity, path_len })
    }
}
