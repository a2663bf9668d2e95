//! The connections of a client, and the certificate it shows on them.

use procura_token::CertificateThumbprint;

use crate::transport::Transport;
#[cfg(feature = "x509")]
use crate::{
    SvidError,
    transport::Trust,
    x509::{AnyX509SvidSource, Identity},
};

/// Connections of one kind: all with one certificate, or all with none. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    /// What is shown to servers that ask.
    pub(crate) certificate: Option<CertificateThumbprint>,
}

/// An X.509-SVID as it is now: read anew each time, and connections made anew when it has changed.
#[cfg(feature = "x509")]
pub(crate) struct Identities {
    source: Box<dyn AnyX509SvidSource>,
    newest: tokio::sync::Mutex<Option<(std::sync::Arc<Identity>, Connection)>>,
}

#[cfg(feature = "x509")]
impl Identities {
    pub(crate) fn new(source: Box<dyn AnyX509SvidSource>) -> Self {
        Self { source, newest: tokio::sync::Mutex::default() }
    }

    /// While the files of an SVID are replaced one by one, they do not fit together: then the one before is used, until its
    /// end.
    pub(crate) async fn current(
        &self,
        trust: &Trust,
        now: procura_token::UnixTime,
    ) -> Result<(std::sync::Arc<Identity>, Connection), SvidError> {
        let read = self.source.x509_svid_boxed().await;
        let mut newest = self.newest.lock().await;
        let fresh = read.and_then(|pem| match newest.as_ref().filter(|(identity, _)| identity.is_made_from(&pem)) {
            Some(same) => Ok(same.clone()),
            None => {
                let identity = Identity::parse(pem)?;
                let transport = Transport::with_identity(trust, &identity).map_err(SvidError::new)?;
                let connection = Connection { transport, certificate: Some(identity.thumbprint()) };
                Ok((std::sync::Arc::new(identity), connection))
            }
        });
        let fresh = fresh.and_then(|fresh| fresh.0.verify_time(now).map(|()| fresh));
        let usable = match (fresh, &*newest) {
            (Ok(fresh), _) => fresh,
            (Err(_), Some(before)) if before.0.verify_time(now).is_ok() => return Ok(before.clone()),
            (Err(cause), _) => return Err(cause),
        };
        *newest = Some(usable.clone());
        Ok(usable)
    }
}
