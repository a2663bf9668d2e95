//! base64url without padding (RFC 7515 section 2), canonical form only.
//!
//! Padding, white space, other alphabets and non-zero trailing bits are errors: each octet string has one spelling, so
//! that one key has one thumbprint and one token one text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ParseError;

/// Encodes `bytes` without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// [`encode`], at the end of `text`.
#[cfg(feature = "sign")]
pub(crate) fn append(bytes: impl AsRef<[u8]>, text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Decodes canonical, unpadded base64url.
///
/// # Errors
/// [`ParseError::Base64url`] for anything that [`encode`] would not have written.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, ParseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseError::Base64url)
}

/// Decodes exactly `N` octets.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], ParseError> {
    decode(text)?.try_into().map_err(|_| ParseError::Base64url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_spellings_are_refused() {
        for text in ["AA==", "A", "AB", "A A", "+/+/", "AA\n", "\u{e9}"] {
            assert_eq!(decode(text), Err(ParseError::Base64url), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_decodes_is_what_encode_writes(text in "[A-Za-z0-9_=+/ -]{0,24}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }
    }
}
