//! Which key what is issued is bound to: decided here and nowhere else.

use procura_token::{CertificateThumbprint, Confirmation, JwkConfirmation, Thumbprint};

use super::ExchangeError;
use super::authenticate::{Caller, CallerCredential};

/// The one key that makes the issued token worth something. Whoever holds it proved so in this request.
pub(super) enum Binding {
    /// A key proved by a DPoP proof, a WPT or a signature.
    Key(JwkConfirmation),
    /// The key of the certificate the connection was made with (RFC 8705 section 3).
    Certificate(CertificateThumbprint),
}

impl Binding {
    /// Who was authenticated with a WIT gets what is bound to the WIT's key: a DPoP proof beside it must be by that key.
    /// Everybody else gets what is bound to the key of their DPoP proof; only who has a certificate may do without one.
    pub(super) fn decide(caller: &Caller, proved: Option<JwkConfirmation>) -> Result<Self, ExchangeError> {
        match (&caller.credential, proved) {
            (CallerCredential::Wit { wit, .. }, proved) => {
                let confirmed = wit.confirmation();
                match proved {
                    Some(key) if !is_same(confirmed, &key) => {
                        Err(ExchangeError::ProofUnfit("it is by another key than the WIT's"))
                    }
                    _ => Ok(Self::Key(confirmed.clone())),
                }
            }
            (CallerCredential::Platform(identity), proved) if identity.key().is_some() => match proved {
                Some(key) if identity.key() == Some(&key.key.thumbprint()) => Ok(Self::Key(key)),
                Some(_) => Err(ExchangeError::ProofUnfit("it is by another key than the one that the platform vouches for")),
                None => Err(ExchangeError::ProofMissing("there is none by the key that the platform vouches for")),
            },
            (_, Some(key)) => Ok(Self::Key(key)),
            (_, None) => match &caller.certificate {
                Some(certificate) => Ok(Self::Certificate(certificate.thumbprint())),
                None => Err(ExchangeError::ProofMissing("there is none")),
            },
        }
    }

    /// Whether it is the key with this thumbprint.
    pub(super) fn has(&self, thumbprint: &Thumbprint) -> bool {
        matches!(self, Self::Key(bound) if bound.key.thumbprint() == *thumbprint)
    }

    /// Whether `key`, which a credential of the request is bound to, is the one that was proved.
    pub(super) fn is_to(&self, key: &JwkConfirmation) -> bool {
        matches!(self, Self::Key(bound) if is_same(bound, key))
    }

    /// Whether `caller` proved in this request to have what a token is `bound` to.
    pub(super) fn proves(&self, caller: &Caller, bound: &Confirmation) -> bool {
        let certificate = caller.certificate.as_ref().map(|svid| Confirmation::Certificate(svid.thumbprint()));
        self.confirmation() == *bound || certificate.as_ref() == Some(bound)
    }

    /// What the issued token says of it.
    pub(super) const fn confirmation(&self) -> Confirmation {
        match self {
            Self::Key(key) => Confirmation::Key(key.key.thumbprint()),
            Self::Certificate(thumbprint) => Confirmation::Certificate(*thumbprint),
        }
    }
}

/// The same key for the same algorithm: a WIT lets its key be used with one alone.
fn is_same(one: &JwkConfirmation, other: &JwkConfirmation) -> bool {
    one.key.thumbprint() == other.key.thumbprint() && one.algorithm == other.algorithm
}
