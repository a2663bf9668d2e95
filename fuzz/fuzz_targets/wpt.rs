//! No WPT makes its parser or verifier panic, and one that is accepted is by this key, for this WIT and these tokens.
//!
//! The input is a proof, or a header and claims with a line feed between them, which are then signed: so the fuzzer gets
//! past the signature.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{
    Algorithm, Htu, JwkConfirmation, Signer, SigningKey, UnixTime, Unverified, Wpt, WptRules, access_token_hash, base64url,
};

/// A published test key.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"agent-es256","alg":"ES256","d":"JnPJutSl_cdaIsbsowgeqxazOrYmO4Cfy0EA7nkrXB4","x":"kotMS7VJ0fRmqRuVmkHtGFZ-HKG_Y24opeeqClA4ltw","y":"f1EQPvxb-kRLv_MNi7z7LZioOGFddHqZ3RwRWsnrNaU"}"#;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const WIT: &str = "e30.e30.c2ln";

struct Fixture {
    signer: SigningKey,
    confirmation: JwkConfirmation,
    audiences: [Htu; 1],
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let signer = SigningKey::from_jwk(KEY.as_bytes()).expect("a good key");
    let confirmation = JwkConfirmation::try_from(signer.public_key().clone()).expect("it has an algorithm");
    Fixture { signer, confirmation, audiences: ["https://api.example/calendar".parse().expect("a URI")] }
});

fn proof(text: &str) -> String {
    let Some((header, claims)) = text.split_once('\n') else { return text.to_owned() };
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = FIXTURE.signer.sign(input.as_bytes()).expect("the key signs");
    format!("{input}.{}", base64url::encode(signature))
}

fuzz_target!(|text: &str| {
    let fixture = &*FIXTURE;
    let proof = proof(text);
    let alone = WptRules {
        wit: WIT,
        confirmation: &fixture.confirmation,
        audiences: &fixture.audiences,
        transaction_token: None,
        other_tokens: &[],
        access_token: None,
        algorithms: Algorithm::DEFAULT,
    };
    let user = [("x-custom-token", "some-example-other-token")];
    let beside = [
        alone,
        WptRules { other_tokens: &user, ..alone },
        WptRules { transaction_token: Some("t"), ..alone },
        WptRules { wit: "e30.e30.c2lo", ..alone },
    ];
    let judge = |rules: &WptRules<'_>| Unverified::<Wpt>::parse(&proof).ok()?.verify(rules, NOW).ok();
    let accepted: Vec<_> = beside.iter().filter_map(judge).collect();
    assert!(accepted.len() <= 1, "a proof is for one WIT and one set of tokens");
    let Some(verified) = accepted.first() else { return };
    assert_eq!(verified.thumbprint(), fixture.signer.public_key().thumbprint());
    assert!((1..=256).contains(&verified.id().as_str().len()));
    assert!(verified.made_since() <= NOW + procura_token::MAX_PROOF_AHEAD && NOW < verified.replay_until(Duration::ZERO));
    assert!(verified.replay_until(Duration::ZERO) <= NOW + Duration::from_secs(331));
    let payload = proof.split('.').nth(1).expect("a token has parts");
    let claims: serde_json::Value =
        serde_json::from_slice(&base64url::decode(payload).expect("it was decoded")).expect("it was JSON");
    assert!(claims["wth"] == access_token_hash(WIT).as_str() || claims["wth"] == access_token_hash("e30.e30.c2lo").as_str());
});
