//! Countries, and the database that knows where an address is.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use std::path::Path;

use maxminddb::{PathElement, Reader};
use serde::{Deserialize, Serialize};

use super::{PolicyError, file};

/// The most bytes of a database: it is held in memory.
const MAX_BYTES: u64 = 256 << 20;

/// A country by its code of ISO 3166-1: two capital letters, such as `DE`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// Why a text is no [`Country`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country code: write two capital letters such as `DE`")]
pub struct CountryError;

impl Country {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        match *text.as_bytes() {
            [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Ok(Self([first, second])),
            _ => Err(CountryError),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = CountryError;

    fn try_from(text: String) -> Result<Self, CountryError> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A database in MaxMind's format, in memory.
pub(super) struct CountryDatabase(Reader<Vec<u8>>);

impl CountryDatabase {
    pub(super) fn read(path: &Path) -> Result<Self, PolicyError> {
        let wrong = |reason: String| PolicyError::Country { path: path.to_owned(), reason };
        let bytes = file::read_bytes(path, MAX_BYTES).map_err(|cause| wrong(cause.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(wrong("it is larger than 256 MiB".to_owned()));
        }
        let reader = Reader::from_source(bytes).map_err(|cause| wrong(cause.to_string()))?;
        Ok(Self(reader))
    }

    /// Where `address` is, if the database says so. An IPv4 address mapped into IPv6 counts as IPv4.
    pub(super) fn find(&self, address: IpAddr) -> Option<Country> {
        let found = self.0.lookup(address.to_canonical()).ok()?;
        let code: &str = found.decode_path(&[PathElement::Key("country"), PathElement::Key("iso_code")]).ok()??;
        code.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("DE".parse::<Country>().unwrap().as_str(), "DE");
        for text in ["", "D", "de", "DEU", "D1", "Ä"] {
            assert_eq!(text.parse::<Country>(), Err(CountryError), "{text}");
        }
    }
}
