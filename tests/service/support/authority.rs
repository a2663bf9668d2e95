//! A certificate authority of one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::World;

pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    /// The authority of a world's X.509-SVIDs.
    pub(crate) fn of(world: &World) -> Self {
        let read = |name| std::fs::read_to_string(world.path(name)).unwrap();
        // An issuer is found by its name and its key.
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "Procura development authority");
        let key = KeyPair::from_pem(&read("authority/ca-key.pem")).unwrap();
        Self { pem: read("authority/ca.pem"), issuer: Issuer::new(parameters, key) }
    }

    /// Certificate and key of the workload `id` in PEM, good for `lifetime` seconds.
    pub(crate) fn certify_workload(&self, id: &str, lifetime: u64) -> String {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(super::now());
        parameters.not_before = (now - std::time::Duration::from_secs(60)).into();
        parameters.not_after = (now + std::time::Duration::from_secs(lifetime)).into();
        parameters.signed_by(&key, &self.issuer).unwrap().pem() + &key.serialize_pem()
    }

    /// Certificate and key for `name`, in PEM.
    pub(crate) fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([name.to_owned()]).unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Accepts connections to `localhost`.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.certify("localhost");
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
    }

    pub(crate) fn certificate(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(self.pem.as_bytes()).unwrap()
    }
}
