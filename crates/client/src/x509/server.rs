//! Servers that are known by who they are, not by their host's name.

use core::fmt;
use std::sync::Arc;

use procura_token::{ParseError, PeerCertificate, UnixTime, UnverifiedX509Svid, WorkloadId, X509Authorities};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime as TlsTime};
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::Identity;

/// A server that shows an X.509-SVID: whom to expect, and who vouches for it (WIMSE mutual TLS section 3.2).
///
/// Its host's name and address do not count, and no system certificate does.
#[derive(Clone, Debug)]
pub struct WorkloadServer(Arc<Expected>);

struct Expected {
    id: WorkloadId,
    authorities: X509Authorities,
    algorithms: WebPkiSupportedAlgorithms,
}

impl WorkloadServer {
    /// The server must be exactly `id`, by the authorities in `bundle`: the SPIFFE bundle of the trust domain of `id`, and of
    /// no other.
    ///
    /// # Errors
    /// [`ParseError`] if the bundle cannot be read or has no X.509 authority.
    pub fn new(id: WorkloadId, bundle: &[u8]) -> Result<Self, ParseError> {
        let (authorities, _) = X509Authorities::parse_bundle(bundle)?;
        if authorities.is_empty() {
            return Err(ParseError::Value { name: "bundle", reason: "no X.509 authority in it" });
        }
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Ok(Self(Arc::new(Expected { id, authorities, algorithms })))
    }

    pub(crate) fn client_config(&self, identity: Option<&Identity>) -> Result<ClientConfig, rustls::Error> {
        let provider: CryptoProvider = aws_lc_rs::default_provider();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.0) as Arc<dyn ServerCertVerifier>);
        Ok(match identity {
            Some(identity) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified()))),
            None => config.with_no_client_auth(),
        })
    }
}

impl ServerCertVerifier for Expected {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: TlsTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let refused = |cause: &dyn fmt::Display| rustls::Error::General(format!("the server's X.509-SVID: {cause}"));
        let chain = core::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        let chain = PeerCertificate::new(chain).map_err(|cause| refused(&cause))?;
        let svid = UnverifiedX509Svid::parse(&chain).map_err(|cause| refused(&cause))?;
        if svid.trust_domain() != self.id.trust_domain() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let now = UnixTime::from_secs(now.as_secs());
        let svid = svid.verify(&self.authorities, now).map_err(|cause| refused(&cause))?;
        match *svid.id() == self.id {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(refused(&"another workload")),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").field("id", &self.id).finish_non_exhaustive()
    }
}
