//! What the handshake proves of a client: that it holds the private key of the certificate it shows. Nothing else.
//!
//! The path is judged for each request by the exchange, against the bundle of the trust domain that the certificate names.
//! So a bundle that changes and a certificate that expires act on connections that are kept, and every refusal is audited.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Requires a certificate of every client, whoever signed it.
#[derive(Debug)]
pub(super) struct ProofOfPossession(WebPkiSupportedAlgorithms);

impl ProofOfPossession {
    pub(super) const fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for ProofOfPossession {
    /// None: a list would tell anyone which authorities there are, and keep clients from showing what we can name in a
    /// refusal.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Only whether it is a certificate. NOT: path, names, times, usage.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        ParsedCertificate::try_from(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
