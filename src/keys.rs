//! Our signing keys: the one that signs, and all that verifiers should know.

use std::path::{Path, PathBuf};

use procura_token::{Algorithm, JwkSet, KeySet, ParseError, Signer, SigningKey};

/// Which files hold the keys of one ring: a private JWK, or PKCS#8 in PEM; P-256 or Ed25519.
#[derive(Clone, Debug)]
pub struct KeyRingSettings {
    /// The key that signs.
    pub active: PathBuf,
    /// Published, not yet signing.
    pub next: Vec<PathBuf>,
    /// Published, no longer signing.
    pub retired: Vec<PathBuf>,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({}); name a key file made by `procura keys generate`", file.display(), cause.kind())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file holds no key that signs.
    #[error("{}: {cause}; `procura keys generate` makes a key that works", file.display())]
    Unusable {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: ParseError,
    },
    /// The ring is for other keys.
    #[error("{}: its keys are not for {only}; make one with `procura keys generate --algorithm {only}`", file.display())]
    Algorithm {
        /// Which file.
        file: PathBuf,
        /// What the ring is for.
        only: Algorithm,
    },
    /// Two keys of a ring share a `kid`.
    #[error("{}: its `kid` is taken by another key of this ring; give each key its own", .0.display())]
    KeyIdTaken(PathBuf),
}

/// One ring of keys for one purpose.
#[derive(Debug)]
pub struct KeyRing {
    active: SigningKey,
    published: JwkSet,
    verifying: KeySet,
}

impl KeyRing {
    /// Reads the key files. `public_key_use` becomes the `use` of every published key.
    ///
    /// # Errors
    /// [`KeyFileError`] naming the file.
    pub fn open(settings: &KeyRingSettings, public_key_use: &str) -> Result<Self, KeyFileError> {
        Self::open_for(settings, public_key_use, &[])
    }

    /// The same, of keys for one of `algorithms`; for any if there are none.
    ///
    /// # Errors
    /// [`KeyFileError`] naming the file.
    pub fn open_for(settings: &KeyRingSettings, public_key_use: &str, algorithms: &[Algorithm]) -> Result<Self, KeyFileError> {
        let read_key = |path: &Path| {
            let key = read_key(path)?;
            match algorithms.first() {
                Some(only) if !algorithms.contains(&key.algorithm()) => {
                    Err(KeyFileError::Algorithm { file: path.to_owned(), only: *only })
                }
                _ => Ok(key),
            }
        };
        let active = read_key(&settings.active)?;
        let mut published = JwkSet { keys: vec![active.public_key().for_use(public_key_use)] };
        for path in settings.next.iter().chain(&settings.retired) {
            let key = read_key(path)?.public_key().for_use(public_key_use);
            if published.keys.iter().any(|known| known.key_id == key.key_id) {
                return Err(KeyFileError::KeyIdTaken(path.clone()));
            }
            published.keys.push(key);
        }
        let verifying = KeySet::new(&published, &[Some(public_key_use)]);
        Ok(Self { active, published, verifying })
    }

    /// The key that signs.
    pub fn signer(&self) -> &dyn Signer {
        &self.active
    }

    /// The public keys, the signing one first.
    pub const fn published(&self) -> &JwkSet {
        &self.published
    }

    /// The same keys, ready to verify what this ring signed.
    pub const fn verifying(&self) -> &KeySet {
        &self.verifying
    }
}

/// Reads one private key: a JWK, or PKCS#8 in PEM.
///
/// # Errors
/// [`KeyFileError`] naming the file.
pub fn read_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let text = std::fs::read(path).map_err(|cause| KeyFileError::Unreadable { file: path.to_owned(), cause })?;
    SigningKey::from_text(&text).map_err(|cause| KeyFileError::Unusable { file: path.to_owned(), cause })
}
