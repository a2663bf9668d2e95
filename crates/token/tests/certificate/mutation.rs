//! Nothing that is sent makes a reader panic, and what was altered is not believed.

use procura_token::{CertificateDer, PeerCertificate, UnverifiedX509Svid, X509Authorities};
use proptest::prelude::*;
use std::sync::LazyLock;

use crate::pki::{Authority, NOW, at, authority_params, bundle, leaf_params};

struct World {
    authorities: X509Authorities,
    chain: [Vec<u8>; 2],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("root");
    let intermediate = root.intermediate(authority_params("intermediate"));
    let leaf = intermediate.leaf(&leaf_params());
    World { authorities: bundle(&[&root.certificate]), chain: [leaf.to_vec(), intermediate.certificate.to_vec()] }
});

fn is_believed(chain: [Vec<u8>; 2]) -> bool {
    let Ok(peer) = PeerCertificate::new(chain.map(CertificateDer::from).into()) else { return false };
    UnverifiedX509Svid::parse(&peer).is_ok_and(|svid| svid.verify(&WORLD.authorities, at(NOW)).is_ok())
}

#[test]
fn an_unaltered_chain_is_believed() {
    assert!(is_believed(WORLD.chain.clone()));
}

#[test]
fn each_bit_of_the_leaf_counts() {
    for place in 0..WORLD.chain[0].len() * 8 {
        let mut chain = WORLD.chain.clone();
        chain[0][place / 8] ^= 1 << (place % 8);
        assert!(!is_believed(chain), "bit {place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(chain: [Vec<u8>; 2]) {
        prop_assert!(!is_believed(chain));
    }

    #[test]
    fn mutated_certificates_are_refused(
        which in 0_usize..2, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let mut chain = WORLD.chain.clone();
        for (place, byte, kind) in edits {
            let der = &mut chain[which];
            let place = place.index(der.len().max(1));
            match kind {
                0 => der.insert(place, byte),
                1 if place < der.len() => { der.remove(place); }
                2 => der.truncate(place),
                _ => if let Some(there) = der.get_mut(place) { *there = byte },
            }
        }
        prop_assert!(!is_believed(chain.clone()) || chain == WORLD.chain);
    }

    #[test]
    fn arbitrary_bundles_are_read_or_refused(base64 in "[A-Za-z0-9+/=]{0,40}", json in "\\PC{0,60}") {
        let _ = X509Authorities::parse_bundle(json.as_bytes());
        let bundle = format!(r#"{{"keys":[{{"use":"x509-svid","x5c":["{base64}"]}}]}}"#);
        prop_assert!(X509Authorities::parse_bundle(bundle.as_bytes()).unwrap().0.is_empty());
    }
}
