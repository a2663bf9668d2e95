//! Nothing that is sent makes a reader panic, and what was altered is not believed.

use procura_token::tpm::{EndorsementKey, KeyAttestation};
use proptest::prelude::*;

use crate::recorded::{RECORDED, Recorded, verify};

/// The four parts of what a TPM said.
fn parts(recorded: &Recorded) -> [Vec<u8>; 4] {
    let said = &recorded.creation;
    [recorded.ak.0.clone(), recorded.key.0.clone(), said.statement.0.clone(), said.signature.0.clone()]
}

/// Whether it is believed, and whose TPM it is: the name of another attestation key is another TPM's.
fn is_believed(recorded: &Recorded, [ak, key, statement, signature]: &[Vec<u8>; 4]) -> bool {
    let parts = KeyAttestation { attestation_key: ak, key, statement, signature };
    verify(&parts, b"occasion").is_ok_and(|verified| verified.attestation_key().as_bytes() == recorded.ak_name.0)
}

#[test]
fn each_bit_counts() {
    for name in ["p256", "rsassa"] {
        let recorded = &RECORDED[name];
        assert!(is_believed(recorded, &parts(recorded)), "{name}");
        for which in 0..4 {
            for place in 0..parts(recorded)[which].len() * 8 {
                let mut altered = parts(recorded);
                altered[which][place / 8] ^= 1 << (place % 8);
                assert!(!is_believed(recorded, &altered), "{name}: bit {place} of part {which}");
            }
        }
    }
}

#[test]
fn no_part_may_be_cut_or_be_followed_by_anything() {
    for (name, recorded) in RECORDED.iter() {
        for which in 0..4 {
            for length in 0..parts(recorded)[which].len() {
                let mut cut = parts(recorded);
                cut[which].truncate(length);
                assert!(!is_believed(recorded, &cut), "{name}: {length} bytes of part {which}");
            }
            let mut longer = parts(recorded);
            longer[which].push(0);
            assert!(!is_believed(recorded, &longer), "{name}: part {which}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes: [Vec<u8>; 4]) {
        prop_assert!(!is_believed(&RECORDED["p256"], &bytes));
        prop_assert!(EndorsementKey::parse(&bytes[0]).is_err());
    }

    #[test]
    fn mutated_parts_are_refused(
        name in prop::sample::select(RECORDED.keys().collect::<Vec<_>>()), which in 0_usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let recorded = &RECORDED[name];
        let mut altered = parts(recorded);
        for (place, byte, kind) in edits {
            let part = &mut altered[which];
            let place = place.index(part.len().max(1));
            match kind {
                0 => part.insert(place, byte),
                1 if place < part.len() => { part.remove(place); }
                2 => part.truncate(place),
                _ => if let Some(there) = part.get_mut(place) { *there = byte },
            }
        }
        prop_assert!(!is_believed(recorded, &altered) || altered == parts(recorded));
    }
}
