//! Secrets that a TPM gives back: made and recognised without being kept.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use procura_token::UnixTime;
use procura_token::tpm::TpmName;

use super::device::EkHash;

/// How long a secret is given out; it is accepted for up to twice as long.
const PERIOD: Duration = Duration::from_secs(600);

/// Makes the secret of one pair of keys, and recognises it. That two keys are in one TPM is true for ever: that the secret
/// changes only limits for how long one is worth stealing, beside keys that cannot be stolen.
pub(super) struct Challenges(Key);

impl Challenges {
    /// `secret` is shared by all copies of the service called `audience`.
    pub(super) fn new(secret: &Key, audience: &str) -> Self {
        let purpose = [b"procura tpm credential\n", audience.as_bytes()].concat();
        Self(Key::new(HMAC_SHA256, hmac::sign(secret, &purpose).as_ref()))
    }

    /// The secret of an endorsement key and an attestation key, now.
    pub(super) fn secret(&self, ek: &EkHash, ak: &TpmName, now: UnixTime) -> [u8; 32] {
        self.of_period(ek, ak, period(now))
    }

    /// Whether `presented` is the secret of this pair, from this period or the one before.
    pub(super) fn recognise(&self, ek: &EkHash, ak: &TpmName, presented: &[u8], now: UnixTime) -> bool {
        let periods = [Some(period(now)), period(now).checked_sub(1)].into_iter().flatten();
        periods.map(|period| self.of_period(ek, ak, period)).any(|own| verify_slices_are_equal(&own, presented).is_ok())
    }

    fn of_period(&self, ek: &EkHash, ak: &TpmName, period: u64) -> [u8; 32] {
        // Only the last part varies in length.
        let tag = hmac::sign(&self.0, &[&period.to_be_bytes(), ek.as_slice(), ak.as_bytes()].concat());
        let mut secret = [0; 32];
        secret.copy_from_slice(tag.as_ref());
        secret
    }
}

const fn period(now: UnixTime) -> u64 {
    now.as_secs() / PERIOD.as_secs()
}

/// Shows no secret.
impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenges")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(hash: &str) -> TpmName {
        format!("000b{}", hash.repeat(32)).parse().unwrap()
    }

    fn challenges(secret: u8, audience: &str) -> Challenges {
        Challenges::new(&Key::new(HMAC_SHA256, &[secret; 32]), audience)
    }

    #[test]
    fn a_secret_is_recognised_in_its_period_and_the_next_by_every_copy() {
        let of = |secret: u8| challenges(secret, "https://a");
        let secret = of(1).secret(&[2; 32], &name("33"), UnixTime::from_secs(6_000));
        for (now, good) in [(5_999, false), (6_000, true), (6_599, true), (7_199, true), (7_200, false)] {
            assert_eq!(of(1).recognise(&[2; 32], &name("33"), &secret, UnixTime::from_secs(now)), good, "{now}");
        }
    }

    #[test]
    fn the_secret_of_another_pair_service_or_length_is_not_recognised() {
        let (now, own) = (UnixTime::from_secs(6_000), challenges(1, "https://a"));
        let secret = own.secret(&[2; 32], &name("33"), now);
        assert!(own.recognise(&[2; 32], &name("33"), &secret, now));
        assert!(!own.recognise(&[3; 32], &name("33"), &secret, now));
        assert!(!own.recognise(&[2; 32], &name("34"), &secret, now));
        assert!(!own.recognise(&[2; 32], &name("33"), &secret[..31], now));
        assert!(!own.recognise(&[2; 32], &name("33"), &[], now));
        for other in [challenges(2, "https://a"), challenges(1, "https://b")] {
            assert!(!other.recognise(&[2; 32], &name("33"), &secret, now));
        }
    }
}
