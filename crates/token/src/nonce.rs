//! Nonces for DPoP proofs (RFC 9449 sections 8 and 9): stateless, unpredictable, short-lived.

use core::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

use crate::{UnixTime, base64url, random_bytes};

const RANDOM: usize = 8;
const TAG: usize = 16;

/// Gives nonces and recognises its own.
///
/// A nonce is eight random bytes and half an HMAC-SHA-256 over purpose, epoch, period and those bytes. It is recognised in
/// the period it was given in and in the next, by every node that shares the secret, without any state. It is not tied to
/// one client: it shows that a proof was made lately, not who made it.
///
/// The epoch names one unbroken memory of used proofs. When that memory is lost the next has another epoch, and no nonce
/// from before is recognised: a proof that was used and forgotten cannot come again. Whoever has no such memory, or one
/// that is never lost, always says 0.
#[derive(Clone)]
pub struct Nonces {
    key: Key,
    purpose: Box<str>,
    period: Duration,
}

impl Nonces {
    /// `secret` is shared by all nodes of one server and has at least 32 unpredictable bytes. `purpose` keeps servers that
    /// share a secret apart; `period` is taken as at least a second.
    pub fn new(secret: &[u8], purpose: &str, period: Duration) -> Self {
        Self { key: Key::new(HMAC_SHA256, secret), purpose: purpose.into(), period }
    }

    /// A nonce for now and `epoch`: 32 characters of base64url.
    ///
    /// # Panics
    /// As [`random_bytes`].
    pub fn give(&self, now: UnixTime, epoch: u64) -> String {
        let random = random_bytes::<RANDOM>();
        let tag = self.tag(epoch, self.number(now), &random);
        let mut nonce = [0; RANDOM + TAG];
        nonce[..RANDOM].copy_from_slice(&random);
        nonce[RANDOM..].copy_from_slice(&tag);
        base64url::encode(nonce)
    }

    /// Whether `nonce` was given in `epoch`, and in this period or the one before.
    pub fn recognise(&self, nonce: &str, now: UnixTime, epoch: u64) -> bool {
        let Ok(bytes) = base64url::decode(nonce) else { return false };
        let Some((random, tag)) = bytes.split_at_checked(RANDOM) else { return false };
        let current = self.number(now);
        [Some(current), current.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|number| verify_slices_are_equal(&self.tag(epoch, number, random), tag).is_ok())
    }

    fn number(&self, now: UnixTime) -> u64 {
        now.as_secs() / self.period.as_secs().max(1)
    }

    fn tag(&self, epoch: u64, number: u64, random: &[u8]) -> [u8; TAG] {
        let mut context = Context::with_key(&self.key);
        context.update(self.purpose.as_bytes());
        context.update(&[0]);
        context.update(&epoch.to_be_bytes());
        context.update(&number.to_be_bytes());
        context.update(random);
        let mut tag = [0; TAG];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(half, whole)| *half = *whole);
        tag
    }
}

/// Shows no secret.
impl core::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nonces").field("purpose", &self.purpose).field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);
    const NOW: UnixTime = UnixTime::from_secs(6_000);

    fn nonces(secret: u8, purpose: &str) -> Nonces {
        Nonces::new(&[secret; 32], purpose, PERIOD)
    }

    #[test]
    fn a_nonce_is_recognised_in_its_period_and_the_next_by_every_node() {
        let nonce = nonces(1, "as").give(NOW, 7);
        for (now, good) in [(5_999, false), (6_000, true), (6_059, true), (6_119, true), (6_120, false)] {
            assert_eq!(nonces(1, "as").recognise(&nonce, UnixTime::from_secs(now), 7), good, "{now}");
        }
    }

    #[test]
    fn nonces_of_another_secret_or_purpose_are_not_recognised() {
        for other in [nonces(2, "as"), nonces(1, "rs")] {
            assert!(!nonces(1, "as").recognise(&other.give(NOW, 7), NOW, 7));
        }
    }

    #[test]
    fn nonces_of_another_epoch_are_not_recognised() {
        let nonces = nonces(1, "as");
        let nonce = nonces.give(NOW, 7);
        for (epoch, good) in [(7, true), (6, false), (8, false), (0, false)] {
            assert_eq!(nonces.recognise(&nonce, NOW, epoch), good, "{epoch}");
        }
    }

    #[test]
    fn truncated_and_altered_nonces_are_not_recognised() {
        let nonces = nonces(1, "as");
        let nonce = nonces.give(NOW, 7);
        for length in 0..nonce.len() {
            assert!(!nonces.recognise(nonce.split_at(length).0, NOW, 7), "{length}");
        }
        for index in 0..nonce.len() {
            let altered: String = nonce
                .char_indices()
                .map(|(at, c)| {
                    if at != index {
                        c
                    } else if c == 'A' {
                        'B'
                    } else {
                        'A'
                    }
                })
                .collect();
            assert!(!nonces.recognise(&altered, NOW, 7), "{altered}");
        }
        assert!(!nonces.recognise(&format!("{nonce}AAAA"), NOW, 7));
    }

    #[test]
    fn nonces_of_one_instant_differ_and_have_the_characters_the_rfc_allows() {
        let nonces = nonces(1, "as");
        let (one, other) = (nonces.give(NOW, 7), nonces.give(NOW, 7));
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    }
}
