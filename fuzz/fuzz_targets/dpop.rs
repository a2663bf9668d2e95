//! No proof makes its parser or verifier panic, and one that is accepted is by the key it shows, for this request.
//!
//! The input is a proof, or a header and claims with a line feed between them: the header then gets the public key it has
//! not, and both are signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{
    Algorithm, DpopProof, DpopRules, Freshness, Htu, Signer, SigningKey, UnixTime, Unverified, base64url,
};

/// A published test key.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"agent-es256","alg":"ES256","d":"JnPJutSl_cdaIsbsowgeqxazOrYmO4Cfy0EA7nkrXB4","x":"kotMS7VJ0fRmqRuVmkHtGFZ-HKG_Y24opeeqClA4ltw","y":"f1EQPvxb-kRLv_MNi7z7LZioOGFddHqZ3RwRWsnrNaU"}"#;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

static SIGNER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_jwk(KEY.as_bytes()).expect("a good key"));
static URIS: LazyLock<[Htu; 1]> = LazyLock::new(|| ["https://as.example/token".parse().expect("a URI")]);

/// The proof, and whether the key it shows is ours.
fn proof(text: &str) -> (String, bool) {
    let Some((header, claims)) = text.split_once('\n') else { return (text.to_owned(), false) };
    let mut ours = false;
    let header = match serde_json::from_str::<serde_json::Value>(header) {
        Ok(serde_json::Value::Object(mut members)) if !members.contains_key("jwk") => {
            ours = true;
            members.insert("jwk".into(), serde_json::to_value(SIGNER.public_key()).expect("a key is JSON"));
            serde_json::Value::Object(members).to_string()
        }
        _ => header.to_owned(),
    };
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = SIGNER.sign(input.as_bytes()).expect("the key signs");
    (format!("{input}.{}", base64url::encode(signature)), ours)
}

fuzz_target!(|text: &str| {
    let (proof, ours) = proof(text);
    let freshness = Freshness::default();
    let rules =
        DpopRules { method: "POST", uris: &*URIS, access_token: None, algorithms: Algorithm::DEFAULT, freshness };
    let Ok(unverified) = Unverified::<DpopProof>::parse(&proof) else { return };
    let Ok(verified) = unverified.verify(&rules, NOW) else { return };
    assert!(!ours || verified.thumbprint() == SIGNER.public_key().thumbprint());
    assert_eq!(verified.thumbprint(), verified.key().jwk.thumbprint());
    assert!(verified.key().key.fits(verified.key().algorithm));
    assert!(verified.nonce().is_none_or(|nonce| nonce.len() <= 512));
    assert!((1..=256).contains(&verified.id().as_str().len()));
    assert!(verified.replay_until(freshness, core::time::Duration::ZERO) > NOW);
});
