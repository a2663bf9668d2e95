//! The agent's own credential, as it is for one exchange.

use crate::connection::Connection;
use crate::{Authentication, HeldWit, PlatformAssertion, Secret, WitProof};

pub(crate) enum Caller {
    JwtSvid(Secret),
    Wit(HeldWit, WitProof),
    Platform(PlatformAssertion, Secret),
    #[cfg(feature = "x509")]
    X509Svid(std::sync::Arc<crate::x509::Identity>, Connection),
}

impl Caller {
    pub(crate) fn authentication(&self) -> Authentication<'_> {
        match self {
            Self::JwtSvid(svid) => Authentication::JwtSvid(svid),
            Self::Wit(wit, proof) => Authentication::Wit(wit, *proof),
            Self::Platform(assertion, credential) => Authentication::Platform(*assertion, credential),
            #[cfg(feature = "x509")]
            Self::X509Svid(identity, _) => Authentication::X509Svid(identity.id()),
        }
    }

    /// The connections with the credential's certificate, if it has one.
    pub(crate) const fn connection(&self) -> Option<&Connection> {
        match self {
            #[cfg(feature = "x509")]
            Self::X509Svid(_, connection) => Some(connection),
            _ => None,
        }
    }
}
