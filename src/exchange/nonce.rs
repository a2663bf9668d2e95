//! Nonces for DPoP proofs: stateless, unpredictable, short-lived.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use procura_token::{UnixTime, base64url, random_bytes};

/// Gives nonces and recognises its own (RFC 9449 section 8).
///
/// A nonce is a period's number, eight random bytes and half an HMAC-SHA-256 over both. It is recognised during its own
/// period and the next, by every copy of the service that shares the secret, without any state. It is not tied to one
/// client: it shows that a proof was made lately, not who made it.
#[derive(Clone)]
pub struct Nonces {
    key: Key,
    period: Duration,
}

const RANDOM: usize = 8;
const TAG: usize = 16;

impl Nonces {
    /// `secret` is shared by all copies of the service; `period` is at least a second.
    pub fn new(secret: &[u8], period: Duration) -> Self {
        Self { key: Key::new(HMAC_SHA256, secret), period }
    }

    /// A nonce for now: 38 characters of base64url.
    pub fn give(&self, now: UnixTime) -> String {
        let body = [self.number(now).to_be_bytes().as_slice(), &random_bytes::<RANDOM>()].concat();
        let tag = self.tag(&body);
        base64url::encode([body, tag].concat())
    }

    /// Whether `nonce` was given in this period or the one before.
    pub fn recognise(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(bytes) = base64url::decode(nonce) else { return false };
        let Some((body, tag)) = bytes.split_at_checked(4 + RANDOM) else { return false };
        let Some(number) = body.first_chunk::<4>().map(|number| u32::from_be_bytes(*number)) else { return false };
        let current = self.number(now);
        verify_slices_are_equal(&self.tag(body), tag).is_ok() && (number == current || number.wrapping_add(1) == current)
    }

    fn number(&self, now: UnixTime) -> u32 {
        (now.as_secs() / self.period.as_secs().max(1)) as u32
    }

    fn tag(&self, body: &[u8]) -> Vec<u8> {
        let mut tag = sign(&self.key, body).as_ref().to_vec();
        tag.truncate(TAG);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);
    const NOW: UnixTime = UnixTime::from_secs(1_790_000_030);

    #[test]
    fn a_nonce_is_recognised_in_its_period_and_the_next_by_every_copy() {
        let nonces = Nonces::new(b"secret", PERIOD);
        let nonce = nonces.give(NOW);
        let copy = Nonces::new(b"secret", PERIOD);
        assert!(copy.recognise(&nonce, NOW) && copy.recognise(&nonce, NOW + PERIOD));
        assert!(!copy.recognise(&nonce, NOW + 2 * PERIOD) && !copy.recognise(&nonce, NOW - PERIOD));
    }

    #[test]
    fn foreign_truncated_and_altered_nonces_are_not_recognised() {
        let nonces = Nonces::new(b"secret", PERIOD);
        let nonce = nonces.give(NOW);
        assert!(!Nonces::new(b"other", PERIOD).recognise(&nonce, NOW));
        for length in 0..nonce.len() {
            assert!(!nonces.recognise(&nonce[..length], NOW), "{length}");
        }
        for index in 0..nonce.len() {
            let mut altered = nonce.clone().into_bytes();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            assert!(!nonces.recognise(std::str::from_utf8(&altered).unwrap(), NOW), "{index}");
        }
    }

    #[test]
    fn nonces_of_one_instant_differ() {
        let nonces = Nonces::new(b"secret", PERIOD);
        assert_ne!(nonces.give(NOW), nonces.give(NOW));
    }
}
