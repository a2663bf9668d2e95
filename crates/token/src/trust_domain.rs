//! Trust domains.

use crate::ParseError;
use crate::text::text;

/// The most bytes of a trust domain name (SPIFFE ID section 2.3).
const MAX: usize = 255;

/// The name of a trust domain, such as `prod.example`: who vouches for the workloads under it.
///
/// Lower-case letters, digits, `.`, `-` and `_`, at most 255 bytes (SPIFFE ID section 2.1). It is a name, not a host: no
/// part of this crate looks it up.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Box<str>);

text!(TrustDomain);

impl TrustDomain {
    pub(crate) fn rule(name: &str) -> Result<(), ParseError> {
        let err = |reason| Err(ParseError::value("trust domain", reason));
        match name.len() {
            0 => return err("empty"),
            1..=MAX => {}
            _ => return err("longer than 255 bytes"),
        }
        if !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_')) {
            return err("only a-z, 0-9, `.`, `-` and `_` may occur");
        }
        Ok(())
    }
}

impl core::borrow::Borrow<str> for TrustDomain {
    fn borrow(&self) -> &str {
        &self.0
    }
}
