//! A workload's own credential, as subject or actor token.

use std::sync::Arc;

use procura_token::{JwtSvid, UnixTime, Verified, VerifiedX509Svid, Wit, WorkloadId};

use super::authenticate::Caller;
use super::binding::Binding;
use crate::policy::Credential;
use crate::trust::PlatformIdentity;

/// A workload's own credential.
pub(super) enum WorkloadCredential {
    JwtSvid(Arc<Verified<JwtSvid>>),
    Wit(Arc<Verified<Wit>>),
    Platform(Arc<PlatformIdentity>),
    X509Svid(Arc<VerifiedX509Svid>),
}

impl WorkloadCredential {
    pub(super) fn id(&self) -> &WorkloadId {
        match self {
            Self::JwtSvid(svid) => svid.id(),
            Self::Wit(wit) => wit.id(),
            Self::Platform(identity) => identity.id(),
            Self::X509Svid(svid) => svid.id(),
        }
    }

    pub(super) fn expires(&self) -> UnixTime {
        match self {
            Self::JwtSvid(svid) => svid.expires(),
            Self::Wit(wit) => wit.expires(),
            Self::Platform(identity) => identity.expires(),
            Self::X509Svid(svid) => svid.expires(),
        }
    }

    /// Whether it is worth nothing without a key, and that was proved.
    pub(super) fn is_bound(&self) -> bool {
        match self {
            Self::JwtSvid(_) => false,
            Self::Wit(_) | Self::X509Svid(_) => true,
            Self::Platform(identity) => identity.key().is_some(),
        }
    }

    /// When it was made, if it says so.
    pub(super) fn issued_at(&self) -> Option<UnixTime> {
        match self {
            Self::JwtSvid(svid) => svid.issued_at(),
            Self::Platform(identity) => identity.issued_at(),
            Self::Wit(_) | Self::X509Svid(_) => None,
        }
    }

    /// Names this one credential in a record.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        match self {
            Self::JwtSvid(svid) => *svid.fingerprint(),
            Self::Wit(wit) => *wit.fingerprint(),
            Self::Platform(identity) => *identity.fingerprint(),
            Self::X509Svid(svid) => *svid.thumbprint().as_bytes(),
        }
    }

    /// What its platform says of the workload, if it is a platform's.
    pub(super) const fn platform(&self) -> Option<&Arc<PlatformIdentity>> {
        match self {
            Self::Platform(identity) => Some(identity),
            _ => None,
        }
    }

    /// What policies are told.
    pub(super) fn kind(&self) -> Credential {
        match self {
            Self::Platform(identity) => Credential::Platform(identity.kind()),
            Self::X509Svid(_) => Credential::X509Svid,
            Self::JwtSvid(_) => Credential::JwtSvid,
            Self::Wit(_) => Credential::Wit,
        }
    }

    /// Beside the one that authenticated the caller it must name the caller; bound to a key, the key that was proved.
    ///
    /// # Errors
    /// Why it does not fit.
    pub(super) fn verify_caller(&self, caller: &Caller, binding: &Binding) -> Result<(), &'static str> {
        if self.id() != caller.id() {
            return Err("it names another workload than the caller");
        }
        match self {
            Self::Wit(wit) if !binding.is_to(wit.confirmation()) => {
                Err("it is bound to another key than the one proved, or to another algorithm")
            }
            Self::Platform(identity) if identity.key().is_some_and(|key| !binding.has(key)) => {
                Err("it is bound to another key than the one proved")
            }
            _ => Ok(()),
        }
    }
}
