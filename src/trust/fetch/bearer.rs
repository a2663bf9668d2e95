//! The credential we show to those who tell only friends: a bearer token in a file.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use http::HeaderValue;

use super::{Fault, FetchError};

/// The most bytes of a token.
const MAX_TOKEN: u64 = 16 * 1024;

/// A file that holds a bearer token and nothing else, but white space around it. It is read for each call: whoever gives us
/// the token renews it there, as Kubernetes does.
#[derive(Clone, Debug)]
pub(in crate::trust) struct BearerFile(PathBuf);

impl BearerFile {
    pub(in crate::trust) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The value of `Authorization`.
    ///
    /// # Errors
    /// [`FetchError`] if the file cannot be read or holds no token.
    pub(in crate::trust) fn authorization(&self) -> Result<HeaderValue, FetchError> {
        let fault = |what: String| FetchError::new(&self.0.display().to_string(), Fault::Setup(what));
        let mut text = String::new();
        let read = File::open(&self.0).and_then(|file| file.take(MAX_TOKEN + 1).read_to_string(&mut text));
        let length = read.map_err(|cause| fault(format!("cannot be read ({})", cause.kind())))?;
        let token = text.trim();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if length as u64 > MAX_TOKEN || !is_token {
            return Err(fault("holds no bearer token".to_owned()));
        }
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| fault("holds no bearer token".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_the_moment_is_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bearer = BearerFile::new(file.path().to_owned());
        for token in ["first", "second\n"] {
            std::fs::write(file.path(), token).unwrap();
            let value = bearer.authorization().unwrap();
            assert_eq!(value.to_str().unwrap(), format!("Bearer {}", token.trim()));
            assert!(value.is_sensitive());
        }
        for other in ["", " \n", "two tokens", "caf\u{e9}", &"a".repeat(16 * 1024 + 1)] {
            std::fs::write(file.path(), other).unwrap();
            assert!(bearer.authorization().is_err(), "{}", other.len());
        }
        drop(file);
        assert!(bearer.authorization().unwrap_err().to_string().contains("cannot be read"));
    }
}
