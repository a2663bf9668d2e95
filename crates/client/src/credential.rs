//! The agent's own credential, and where it comes from.

use core::fmt;

#[cfg(feature = "x509")]
use crate::X509SvidSource;
#[cfg(feature = "x509")]
use crate::connection::Identities;
use crate::svid::AnySvidSource;
use crate::{PlatformAssertion, SvidSource, WitProof};

/// How a [`Client`](crate::Client) proves at the token endpoint who it is. An [`SvidSource`] alone is one that gives JWT-SVIDs.
pub struct Credential(pub(crate) Kind);

pub(crate) enum Kind {
    JwtSvid(Box<dyn AnySvidSource>),
    Wit(Box<dyn AnySvidSource>, WitProof),
    Platform(Box<dyn AnySvidSource>, PlatformAssertion),
    #[cfg(feature = "x509")]
    X509Svid(Identities),
}

impl Credential {
    /// A JWT-SVID, whose `aud` is the issuer alone. It is a bearer credential: prefer one of the others where there is one.
    pub fn jwt_svid(source: impl SvidSource) -> Self {
        Self(Kind::JwtSvid(Box::new(source)))
    }

    /// A WIT, whose key is the agent's key, proved by `proof` at the token endpoint. The same WIT is shown to resources that
    /// want one ([`Delegated::with_wpt`](crate::Delegated::with_wpt), [`Delegated::with_signature`](crate::Delegated::with_signature)).
    pub fn wit(source: impl SvidSource, proof: WitProof) -> Self {
        Self(Kind::Wit(Box::new(source), proof))
    }

    /// An ID token that a platform (a CI system, a cloud, a cluster) gave its workload, whose `aud` is the issuer alone. It is a
    /// bearer credential, and the subject of one WIT: ask for that first, and go on with it.
    pub fn platform_token(source: impl SvidSource) -> Self {
        Self(Kind::Platform(Box::new(source), PlatformAssertion::Token))
    }

    /// What a platform gave its workload, of any kind. One that is bound to a key is to be bound to the agent's.
    pub fn platform(assertion: PlatformAssertion, source: impl SvidSource) -> Self {
        Self(Kind::Platform(Box::new(source), assertion))
    }

    /// An X.509-SVID, shown to every server that asks for a client certificate, the token endpoint first.
    #[cfg(feature = "x509")]
    pub fn x509_svid(source: impl X509SvidSource) -> Self {
        Self(Kind::X509Svid(Identities::new(Box::new(source))))
    }

    pub(crate) const fn method(&self) -> &'static str {
        match &self.0 {
            Kind::JwtSvid(_) => "spiffe_jwt",
            Kind::Wit(_, proof) => proof.method(),
            Kind::Platform(_, assertion) => assertion.method(),
            #[cfg(feature = "x509")]
            Kind::X509Svid(_) => "spiffe_x509",
        }
    }
}

impl<S: SvidSource> From<S> for Credential {
    fn from(source: S) -> Self {
        Self::jwt_svid(source)
    }
}

/// Shows which kind it is.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.method())
    }
}
