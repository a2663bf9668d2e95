//! No request for AWS and no answer of AWS makes a reader panic, and a request that would be sent is for the one action, at the
//! one endpoint, for us.
//!
//! The first byte of the input says what the rest is: `R` a request, as JSON; `T` one as it is presented; `A` an answer.
#![no_main]

#[path = "../../src/trust/platform/profile/aws_sts/answer.rs"]
mod answer;
#[path = "../../src/trust/platform/profile/aws_sts/query.rs"]
mod query;
#[path = "../../src/trust/platform/profile/aws_sts/request.rs"]
mod request;
#[path = "../../src/trust/platform/profile/aws_sts/signature.rs"]
mod signature;

use std::time::Duration;

use answer::CallerIdentity;
use libfuzzer_sys::fuzz_target;
use procura_token::{UnixTime, base64url};
use request::{Rules, SignedRequest};

/// When the samples were signed.
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ENDPOINT: &str = "https://sts.eu-central-1.amazonaws.com/";

fn judge(text: &str) {
    let Ok(request) = SignedRequest::parse(text) else { return };
    assert!((1..=32).contains(&request.region().len()));
    // However its JSON is written, it is the same request.
    let json = base64url::decode(text).expect("it was decoded");
    let rewritten = serde_json::from_slice::<serde_json::Value>(&json).expect("it was JSON").to_string();
    let again = SignedRequest::parse(&base64url::encode(rewritten)).expect("it was read");
    assert_eq!(again.fingerprint(), request.fingerprint());
    let (endpoints, audiences) = ([ENDPOINT.to_owned()], ["https://procura.example".to_owned()]);
    let rules = Rules { endpoints: &endpoints, audiences: &audiences, skew: Duration::from_secs(60) };
    let Ok(outgoing) = request.judge(&rules, NOW) else { return };
    assert!(request.made() <= NOW + rules.skew && NOW < request.expires());
    assert_eq!(request.audience(), audiences[0]);
    assert!(request.expires() <= request.made() + request::LIFETIME);
    let parameters = if outgoing.is_post {
        assert_eq!(outgoing.url, ENDPOINT);
        outgoing.body
    } else {
        assert!(outgoing.body.is_empty());
        outgoing.url.strip_prefix("https://sts.eu-central-1.amazonaws.com/?").expect("a query of the endpoint")
    };
    let all = |name: &str| parameters.split('&').filter(|pair| pair.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(all("Action"), ["Action=GetCallerIdentity"]);
    assert_eq!(all("Version"), ["Version=2011-06-15"]);
    for (name, value) in &outgoing.headers {
        assert!(!name.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        assert!(!["host", "accept", "transfer-encoding", "content-length"].contains(name));
    }
    assert!(outgoing.headers.contains(&("x-procura-key", &request.key().to_string())));
}

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'R', rest)) => judge(&base64url::encode(rest)),
        Some((b'T', rest)) => judge(&String::from_utf8_lossy(rest)),
        Some((b'A', rest)) => {
            answer::error_code(rest);
            let Ok(caller) = CallerIdentity::parse(rest) else { return };
            assert!(caller.account.len() == 12 && caller.principal_id.len() >= 16 && !caller.name.contains(['/', ':']));
            assert!(caller.arn().contains(&format!("::{}:{}/", caller.account, caller.kind.as_str())));
            assert!(caller.session.is_none_or(|session| !session.contains([':', '/'])));
        }
        _ => {}
    }
});
