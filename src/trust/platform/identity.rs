//! The workload that a platform's credential turned out to be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use procura_token::{Thumbprint, UnixTime, VerifyError, WorkloadId, sha256};

use super::attribute::Attributes;
use super::profile::Profile;

/// A verified credential of a platform, and the one identifier that its workload has here. Only verification makes one.
#[derive(Clone, Debug)]
pub struct PlatformIdentity {
    pub(super) id: WorkloadId,
    pub(super) kind: &'static str,
    pub(super) rule: Arc<str>,
    pub(super) authority: Box<str>,
    pub(super) principal: [u8; 32],
    pub(super) attributes: Attributes,
    pub(super) digest: [u8; 32],
    pub(super) issued_at: Option<UnixTime>,
    pub(super) valid_from: Option<UnixTime>,
    pub(super) expires: UnixTime,
    pub(super) believed_until: UnixTime,
    pub(super) fingerprint: [u8; 32],
    pub(super) key: Option<Thumbprint>,
}

impl PlatformIdentity {
    /// The workload.
    pub const fn id(&self) -> &WorkloadId {
        &self.id
    }

    /// The platform, such as `github-actions`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The name of the rule that let it in.
    pub const fn rule(&self) -> &Arc<str> {
        &self.rule
    }

    /// The name of the authority that judged it: its issuer, or for kinds without the assertion type.
    pub const fn authority(&self) -> &str {
        &self.authority
    }

    /// A SHA-256 over kind, issuer and identity attributes: of one principal the same for all time, of two never. Another
    /// principal under the same identifier must not be believed while anything made for the first lives.
    pub const fn principal(&self) -> &[u8; 32] {
        &self.principal
    }

    /// What the platform says of it.
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// A SHA-256 over kind, rule and attributes: who has the same one is the same to every policy.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// When the credential was made, if it says so.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// When the credential ends.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// A SHA-256 over what makes it this one credential, however it was written or signed.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The key it is bound to; `None` for a bearer credential.
    pub const fn key(&self) -> Option<&Thumbprint> {
        self.key.as_ref()
    }

    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        if now >= self.expires + skew {
            return Err(VerifyError::Expired { exp: self.expires, now });
        }
        match self.valid_from {
            Some(from) if now + skew < from => Err(VerifyError::NotYetValid { from, now }),
            _ => Ok(()),
        }
    }
}

/// The name of a principal; `None` if an identity attribute is missing.
pub(super) fn principal(profile: &Profile, issuer: &str, attributes: &BTreeMap<&'static str, String>) -> Option<[u8; 32]> {
    let mut parts = vec![profile.kind, issuer];
    for name in profile.identity {
        parts.extend([*name, attributes.get(name)?.as_str()]);
    }
    Some(hash(parts))
}

pub(super) fn digest(kind: &str, rule: &str, attributes: &BTreeMap<&'static str, String>) -> [u8; 32] {
    hash([kind, rule].into_iter().chain(attributes.iter().flat_map(|(name, text)| [*name, text.as_str()])))
}

/// Each part with its length before it, so that no two lists of parts run together to one text.
fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut text = Vec::with_capacity(256);
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    sha256(&text)
}
