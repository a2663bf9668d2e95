//! No answer of an issuer makes the reader panic, and one that is believed says what it must.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{ClaimRules, Introspected, IntrospectionRules, Issuer, UnixTime};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SKEW: Duration = Duration::from_secs(60);

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| "https://sts.example".parse().expect("an issuer"));

fuzz_target!(|body: &[u8]| {
    let claims = ClaimRules { groups: "roles", scope: "scp", consent: Some("agents"), ..ClaimRules::default() };
    let rules = IntrospectionRules { issuer: &ISSUER, claims, skew: SKEW };
    let plain = IntrospectionRules { claims: ClaimRules::default(), ..rules };
    for rules in [rules, plain] {
        let Ok(Some(token)) = Introspected::judge("token", body, &rules, NOW) else { continue };
        assert!(NOW < token.expires() + SKEW && token.issuer() == &*ISSUER);
        assert!(!token.client().is_empty() && token.client() != token.subject().as_str());
        assert!(token.scope().is_some() && token.groups().len() <= 256);
        assert!(token.consents().len() <= 64);
    }
});
