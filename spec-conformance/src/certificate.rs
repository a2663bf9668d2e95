//! X.509-SVIDs and the authorities that sign them, able to be wrong on purpose.

use crate::clock;
use crate::jose::{b64u, sha256};
use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::time::{Duration, UNIX_EPOCH};

/// Who signs certificates: a trust domain's authority, or somebody who would like to be one.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What a client sends after the leaf; nothing for an authority that is an anchor itself.
    chain: String,
}

/// A certificate before it is signed.
pub(crate) struct CertificateDraft {
    pub(crate) parameters: CertificateParams,
    pub(crate) key: KeyPair,
}

/// A certificate and its key, as a TLS client wants them.
pub(crate) struct Certified {
    pub(crate) der: Vec<u8>,
    chain: String,
    key: String,
}

impl Authority {
    /// Reads an authority's certificate and private key.
    pub(crate) fn from_pem(certificate: &str, key: &str) -> Result<Self> {
        let key = KeyPair::from_pem(key).context("no usable private key")?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).context("no certificate of an authority")?;
        Ok(Self { issuer, chain: String::new() })
    }

    /// An authority of its own that calls itself the trust domain's.
    pub(crate) fn unknown(trust_domain: &str) -> Result<Self> {
        Ok(Self { issuer: Issuer::new(authority_parameters(trust_domain)?, KeyPair::generate()?), chain: String::new() })
    }

    /// An authority below this one; `change` may spoil it.
    pub(crate) fn intermediate(&self, trust_domain: &str, change: fn(&mut CertificateParams)) -> Result<Self> {
        let mut parameters = authority_parameters(trust_domain)?;
        parameters.distinguished_name.push(DnType::CommonName, "an intermediate authority");
        change(&mut parameters);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Self { issuer: Issuer::new(parameters, key), chain: format!("{}{}", certificate.pem(), self.chain) })
    }

    /// Signs what a draft says.
    pub(crate) fn sign(&self, draft: &CertificateDraft) -> Result<Certified> {
        let certificate = draft.parameters.signed_by(&draft.key, &self.issuer)?;
        Ok(Certified {
            der: certificate.der().to_vec(),
            chain: format!("{}{}", certificate.pem(), self.chain),
            key: draft.key.serialize_pem(),
        })
    }
}

impl CertificateDraft {
    /// A good X.509-SVID of a workload, for five minutes.
    pub(crate) fn svid(id: &str) -> Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let mut draft = Self { parameters, key: KeyPair::generate()? };
        draft.name(id)?;
        draft.lasts(-60, 300);
        Ok(draft)
    }

    /// The URI names it, and nothing else does.
    pub(crate) fn name(&mut self, id: &str) -> Result<()> {
        self.parameters.subject_alt_names = vec![SanType::URI(id.to_owned().try_into()?)];
        Ok(())
    }

    /// From and until when it is valid, in seconds from now.
    pub(crate) fn lasts(&mut self, from: i64, until: i64) {
        let moment = |away: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(clock::now() + away).unwrap_or_default());
        self.parameters.not_before = moment(from).into();
        self.parameters.not_after = moment(until).into();
    }

    /// Signed with its own key.
    pub(crate) fn self_signed(&self) -> Result<Certified> {
        let certificate = self.parameters.self_signed(&self.key)?;
        Ok(Certified { der: certificate.der().to_vec(), chain: certificate.pem(), key: self.key.serialize_pem() })
    }
}

impl Certified {
    /// Key and chain in one text, as reqwest takes them.
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.key, self.chain)
    }

    /// The chain, leaf first.
    pub(crate) fn chain(&self) -> &str {
        &self.chain
    }

    /// `x5t#S256` (RFC 8705 section 3.1).
    pub(crate) fn thumbprint(&self) -> String {
        b64u(sha256(&self.der))
    }
}

fn authority_parameters(trust_domain: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.subject_alt_names = vec![SanType::URI(format!("spiffe://{trust_domain}").try_into()?)];
    parameters.distinguished_name.push(DnType::CommonName, "An authority");
    Ok(parameters)
}
