//! Hashes that name keys (RFC 7638), certificates (RFC 8705) and tokens.

use core::fmt;
use core::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ParseError, TokenId, base64url};

/// The SHA-256 thumbprint of a public key (RFC 7638): `cnf.jkt`, written as 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

/// The SHA-256 thumbprint of a certificate (RFC 8705 section 3.1): `cnf.x5t#S256`, written as 43 characters of base64url.
///
/// It names the whole certificate, not its key: a certificate that was renewed has another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateThumbprint([u8; 32]);

impl Thumbprint {
    /// Hashes the canonical members of a key, already in RFC 7638 section 3.3 form.
    pub(crate) fn of_members(canonical: &str) -> Self {
        Self(sha256(canonical.as_bytes()))
    }

    /// What names a proof by this key in a replay store: SHA-256 over thumbprint, a zero byte and the proof's own name.
    ///
    /// Per key, so that no client can use up another's name; without any URI, so that no spelling of one makes a second use
    /// look like a first.
    pub(crate) fn replay_key(&self, name: &TokenId) -> [u8; 32] {
        sha256(&[self.0.as_slice(), &[0], name.as_str().as_bytes()].concat())
    }
}

impl CertificateThumbprint {
    /// Hashes the DER of a certificate. Nothing is read: any bytes have a thumbprint.
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }
}

/// Gives a newtype over a SHA-256 hash the usual traits; `$name` is its place in a token.
macro_rules! thumbprint {
    ($type:ident, $name:literal) => {
        impl $type {
            /// The 32 octets.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url::encode(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let hash = base64url::decode_array(text);
                hash.map(Self).map_err(|_| ParseError::value($name, "not a SHA-256 thumbprint in base64url"))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

thumbprint!(Thumbprint, "`jkt`");
thumbprint!(CertificateThumbprint, "`x5t#S256`");

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The `ath` value of an access token: base64url of the SHA-256 of its ASCII text (RFC 9449 section 4.2).
pub fn access_token_hash(access_token: &str) -> String {
    token_hash(access_token)
}

/// How every proof here names a token: base64url of the SHA-256 of its text.
pub(crate) fn token_hash(token: &str) -> String {
    base64url::encode(sha256(token.as_bytes()))
}
