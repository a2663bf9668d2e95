//! A server that is known by its SPIFFE ID.

use std::fmt;
use std::sync::Arc;

use procura_token::{Bundle, PeerCertificate, UnixTime, UnverifiedX509Svid, WorkloadId};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime as TlsTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::trust::keys::KeyStore;

/// A server that shows an X.509-SVID with exactly this ID, by the newest authorities there are of its trust domain (SPIFFE
/// federation section 5.2.2.4). Its host's name does not count, and no system certificate does.
///
/// Authorities that grew too old for workloads are still good for this: how else could newer ones be had? Their own validity
/// ends too.
pub(super) struct WorkloadServer {
    id: WorkloadId,
    keys: Arc<KeyStore<Bundle>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl WorkloadServer {
    pub(super) fn new(id: WorkloadId, keys: Arc<KeyStore<Bundle>>) -> Self {
        Self { id, keys, algorithms: aws_lc_rs::default_provider().signature_verification_algorithms }
    }

    /// Each connection is verified by itself: a session that is resumed shows no certificate.
    pub(super) fn client_config(self) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(self)).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl ServerCertVerifier for WorkloadServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: TlsTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = |cause: &dyn fmt::Display| Error::General(format!("the server's X.509-SVID: {cause}"));
        let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        let chain = PeerCertificate::new(chain).map_err(|cause| refused(&cause))?;
        let svid = UnverifiedX509Svid::parse(&chain).map_err(|cause| refused(&cause))?;
        // The authorities are of this trust domain and of no other.
        if svid.trust_domain() != self.id.trust_domain() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let authorities = &self.keys.current().set.x509;
        let svid = svid.verify(authorities, UnixTime::from_secs(now.as_secs())).map_err(|cause| refused(&cause))?;
        match *svid.id() == self.id {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(refused(&"of another workload")),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for WorkloadServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadServer").field("id", &self.id).finish_non_exhaustive()
    }
}
