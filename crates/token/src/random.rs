//! Randomness, from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// `N` unpredictable bytes from the operating system's generator.
///
/// # Panics
/// If the operating system has no randomness to give: then nothing this process could issue would be safe.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "without randomness every token would be forgeable; stopping is the only safe answer"
    )]
    SystemRandom::new().fill(&mut bytes).expect("the operating system supplies randomness");
    bytes
}
