//! No Biscuit makes the reader panic; what is read permits something, and hands over no more than that.
//!
//! The input is what the text of a Biscuit encodes. Signatures are looked at last, so the fuzzer gets far without a good one.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use libfuzzer_sys::fuzz_target;
use procura_handover::{HandOver, HandOverError, HandoverRules, MAX_BISCUIT, MAX_HOPS, UnverifiedHandover};
use procura_token::{
    Issuer, JwkConfirmation, JwkSet, KeySet, NewWit, ScopeSet, Signer, SigningKey, UnixTime, WorkloadId,
};

/// Published test keys: of the first holder in the vectors, and of their issuer.
const HOLDER: &str = r#"{"kty":"EC","crv":"P-256","kid":"agent-es256","alg":"ES256","d":"JnPJutSl_cdaIsbsowgeqxazOrYmO4Cfy0EA7nkrXB4","x":"kotMS7VJ0fRmqRuVmkHtGFZ-HKG_Y24opeeqClA4ltw","y":"f1EQPvxb-kRLv_MNi7z7LZioOGFddHqZ3RwRWsnrNaU"}"#;
const ROOT: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"VPUgqF07iyxDDHLH4LNs1LytDibEYKAhWDBHVULnL_g"}]}"#;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

struct Fixture {
    holder: SigningKey,
    wit: String,
    root: KeySet,
    issuer: Issuer,
    everything: ScopeSet,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let holder = SigningKey::from_jwk(HOLDER.as_bytes()).expect("a good key");
    let cnf = JwkConfirmation::try_from(holder.public_key().clone()).expect("it has an algorithm");
    let sub: WorkloadId = "spiffe://prod.example/agent/next".parse().expect("an identifier");
    let jti = "wit-1".parse().expect("a name");
    let wit = NewWit { iss: "spiffe://prod.example/sts".to_owned(), sub: &sub, iat: NOW, exp: NOW + Duration::from_secs(600), jti, cnf: &cnf };
    Fixture {
        wit: wit.issue(&holder).expect("the key signs"),
        holder,
        root: KeySet::new(&JwkSet::parse(ROOT.as_bytes()).expect("keys"), &[None]),
        issuer: "https://sts.example".parse().expect("an issuer"),
        everything: "a b c d.e".parse().expect("scopes"),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let Fixture { holder, wit, root, issuer, everything } = &*FIXTURE;
    let text = BASE64_URL_SAFE.encode(bytes);
    let Ok(biscuit) = UnverifiedHandover::parse(&text) else { return };
    assert!(text.len() <= MAX_BISCUIT && !biscuit.scope().is_empty());
    let onward = |to: &HandOver<'_>| biscuit.hand_over(holder, to);
    match onward(&HandOver { wit, scope: None, until: None }) {
        Ok(next) => {
            let next = UnverifiedHandover::parse(&next).expect("what was handed over is read");
            assert_eq!((next.scope(), next.expires(), next.audience()), (biscuit.scope(), biscuit.expires(), biscuit.audience()));
            assert!(onward(&HandOver { wit, scope: Some(everything), until: None }).is_err() || everything.is_subset(biscuit.scope()));
            let later = HandOver { wit, scope: None, until: Some(biscuit.expires() + Duration::from_secs(1)) };
            assert_eq!(onward(&later), Err(HandOverError::Wider));
        }
        Err(error) => assert!(!matches!(error, HandOverError::Wider), "all of it is not more than it"),
    }
    let rules = HandoverRules { issuer, audience: None, skew: Duration::ZERO };
    if let Ok(rooted) = biscuit.verify_root(root, &rules, NOW) {
        assert!(rooted.wits().count() <= MAX_HOPS);
    }
});
