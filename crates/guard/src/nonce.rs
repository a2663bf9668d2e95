//! Nonces without memory: an HMAC over a period of time.

use core::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use procura_token::{Resource, UnixTime, base64url};

/// Seconds of one period. A nonce is good in the period it was made in and the next: 60 to 120 seconds.
const PERIOD: u64 = 60;
const RANDOM: usize = 8;
const TAG: usize = 16;

/// The secret behind nonces (RFC 9449 section 9). All nodes of one resource server share it; it is never printed.
#[derive(Clone)]
pub struct NonceSecret([u8; 32]);

impl NonceSecret {
    /// Takes 32 unpredictable octets.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// A secret of this process alone: right for a server of one node.
    ///
    /// # Errors
    /// [`BuildError::Randomness`](crate::BuildError::Randomness) if the operating system has none.
    pub fn generate() -> Result<Self, crate::BuildError> {
        let mut octets = [0; 32];
        SystemRandom::new().fill(&mut octets).map_err(|_| crate::BuildError::Randomness)?;
        Ok(Self(octets))
    }
}

impl fmt::Debug for NonceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceSecret(..)")
    }
}

/// Makes nonces and knows its own again: base64url of 8 random octets and 16 octets of
/// HMAC-SHA256(secret, audience ‖ period ‖ random).
pub(crate) struct Nonces {
    key: Key,
    audience: Resource,
}

impl Nonces {
    pub(crate) fn new(secret: &NonceSecret, audience: Resource) -> Self {
        Self { key: Key::new(HMAC_SHA256, &secret.0), audience }
    }

    /// A new nonce; `None` if the operating system has no randomness.
    pub(crate) fn issue(&self, now: UnixTime) -> Option<String> {
        let mut random = [0; RANDOM];
        SystemRandom::new().fill(&mut random).ok()?;
        let tag = self.tag(now.as_secs() / PERIOD, &random);
        Some(base64url::encode([random.as_slice(), tag.as_slice()].concat()))
    }

    /// Whether `nonce` was made with this secret for this audience, in this period or the one before.
    pub(crate) fn knows(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(octets) = base64url::decode(nonce) else { return false };
        let Some((random, tag)) = octets.split_at_checked(RANDOM) else { return false };
        let period = now.as_secs() / PERIOD;
        [period, period.saturating_sub(1)]
            .into_iter()
            .any(|period| verify_slices_are_equal(&self.tag(period, random), tag).is_ok())
    }

    fn tag(&self, period: u64, random: &[u8]) -> [u8; TAG] {
        let mut context = Context::with_key(&self.key);
        context.update(b"procura-guard nonce\0");
        context.update(self.audience.as_str().as_bytes());
        context.update(&[0]);
        context.update(&period.to_be_bytes());
        context.update(random);
        let mut tag = [0; TAG];
        for (kept, octet) in tag.iter_mut().zip(context.sign().as_ref()) {
            *kept = *octet;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(secret: u8, audience: &str) -> Nonces {
        Nonces::new(&NonceSecret::new([secret; 32]), audience.parse().unwrap())
    }

    #[test]
    fn a_nonce_is_good_for_its_period_and_the_next() {
        let nonces = nonces(1, "https://api.example");
        let nonce = nonces.issue(UnixTime::from_secs(6_000)).unwrap();
        for (now, good) in [(5_999, false), (6_000, true), (6_059, true), (6_119, true), (6_120, false)] {
            assert_eq!(nonces.knows(&nonce, UnixTime::from_secs(now)), good, "{now}");
        }
    }

    #[test]
    fn nonces_of_another_secret_or_audience_are_unknown() {
        let now = UnixTime::from_secs(6_000);
        let ours = nonces(1, "https://api.example");
        for other in [nonces(2, "https://api.example"), nonces(1, "https://b.example")] {
            assert!(!ours.knows(&other.issue(now).unwrap(), now));
        }
        let nonce = ours.issue(now).unwrap();
        for damaged in ["", "AAAA", nonce.split_at(31).0, &format!("{nonce}AAAA"), &format!("{nonce}=")] {
            assert!(!ours.knows(damaged, now), "{damaged}");
        }
    }

    #[test]
    fn a_nonce_has_the_characters_the_rfc_allows_and_says_nothing_twice() {
        let nonces = nonces(1, "https://api.example");
        let two = [nonces.issue(UnixTime::from_secs(0)).unwrap(), nonces.issue(UnixTime::from_secs(0)).unwrap()];
        assert_ne!(two[0], two[1]);
        assert!(two[0].bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    }

    #[test]
    fn the_secret_is_never_shown() {
        assert_eq!(format!("{:?}", NonceSecret::new([7; 32])), "NonceSecret(..)");
    }
}
