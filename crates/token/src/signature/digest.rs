//! `Content-Digest` (RFC 9530): what binds a body to the head that is signed.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::dictionary;
use crate::{VerifyError, sha256};

/// The field in lower case.
pub(super) const CONTENT_DIGEST: &str = "content-digest";

/// The value of a `Content-Digest` field for `body`, by SHA-256.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha256(body)))
}

/// Verifies `body` against the `Content-Digest` of its head (WIMSE HTTP signature section 3).
///
/// Every digest by `sha-256` or `sha-512` must be the body's, and there must be one if the body is not empty or the field is
/// there. Digests by other algorithms are ignored. The body is what is sent: after content coding, before transfer coding.
///
/// # Errors
/// [`VerifyError::ContentDigest`] if there is none to trust or one is of another body, [`VerifyError::Malformed`] for a field
/// that cannot be read.
pub fn verify_content_digest(headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
    let Some(text) = dictionary::text(headers, CONTENT_DIGEST)? else {
        return if body.is_empty() { Ok(()) } else { Err(VerifyError::ContentDigest) };
    };
    let mut trusted = false;
    for member in dictionary::parse("`Content-Digest`", &text)? {
        let ours = match member.key.as_str() {
            "sha-256" => digest(&SHA256, body),
            "sha-512" => digest(&SHA512, body),
            _ => continue,
        };
        let theirs = member.items.first().filter(|_| !member.is_list).and_then(|item| item.value.as_byte_sequence());
        if theirs != Some(ours.as_ref()) {
            return Err(VerifyError::ContentDigest);
        }
        trusted = true;
    }
    if trusted { Ok(()) } else { Err(VerifyError::ContentDigest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_DIGEST, line.parse().unwrap());
        }
        headers
    }

    /// The digests of RFC 9530 appendix B.1.
    const BODY: &[u8] = b"{\"hello\": \"world\"}\n";
    const SHA_256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA_512: &str = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";

    #[test]
    fn the_digests_of_rfc_9530_are_reproduced() {
        assert_eq!(content_digest(BODY), SHA_256);
        let both = format!("{SHA_256}, {SHA_512}");
        for lines in [&[SHA_256][..], &[SHA_512], &[SHA_256, SHA_512], &[&both], &["unixsum=:AA==:", SHA_256]] {
            assert_eq!(verify_content_digest(&headers(lines), BODY), Ok(()), "{lines:?}");
        }
    }

    /// SIG-04.
    #[test]
    fn another_body_or_no_digest_is_refused() {
        let empty = content_digest(b"");
        for lines in [
            &[][..],
            &["unixsum=:AA==:"],
            &["sha-256"],
            &["sha-256=RK"],
            &["sha-256=(:AA==:)"],
            &["sha-256=:AA==:"],
            &[&empty],
            &[SHA_512, &empty],
        ] {
            assert_eq!(verify_content_digest(&headers(lines), BODY), Err(VerifyError::ContentDigest), "{lines:?}");
        }
        assert_eq!(verify_content_digest(&headers(&[SHA_256]), b""), Err(VerifyError::ContentDigest));
        for lines in [&["sha-256=:AA==:", SHA_256][..], &["\"x\""], &["sha-256=:AA"]] {
            assert!(matches!(verify_content_digest(&headers(lines), BODY), Err(VerifyError::Malformed(_))), "{lines:?}");
        }
    }

    #[test]
    fn no_body_needs_no_digest() {
        assert_eq!(verify_content_digest(&HeaderMap::new(), b""), Ok(()));
        assert_eq!(verify_content_digest(&headers(&[&content_digest(b"")]), b""), Ok(()));
    }
}
