//! No signature fields make their parser or verifier panic; what is accepted covers what it must; and what we sign we accept.
//!
//! The input is `Signature-Input`, `Signature`, WIT, `Content-Digest` and body, a line each; or `sign`, a target, a nonce, an
//! `Authorization` and a body, a line each, which are then signed.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use procura_token::{
    Algorithm, Htu, JwkConfirmation, NewRequestSignature, RequestHead, RequestSignatureRules, ResponseHead,
    ResponseSignatureRules, Signer, SigningKey, UnixTime, UnverifiedRequestSignature, UnverifiedResponseSignature,
    VerifiedSignature, VerifyError, workload_identity_token,
};

/// A published test key.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"agent-es256","alg":"ES256","d":"JnPJutSl_cdaIsbsowgeqxazOrYmO4Cfy0EA7nkrXB4","x":"kotMS7VJ0fRmqRuVmkHtGFZ-HKG_Y24opeeqClA4ltw","y":"f1EQPvxb-kRLv_MNi7z7LZioOGFddHqZ3RwRWsnrNaU"}"#;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

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

fn judge(head: &RequestHead<'_>, body: &[u8]) -> Result<Option<VerifiedSignature>, VerifyError> {
    let fixture = &*FIXTURE;
    let Some(signature) = UnverifiedRequestSignature::parse(head)? else { return Ok(None) };
    let rules = RequestSignatureRules {
        wit: workload_identity_token(head.headers)?.unwrap_or_default(),
        confirmation: &fixture.confirmation,
        audiences: &fixture.audiences,
        algorithms: Algorithm::DEFAULT,
    };
    signature.verify(&rules, NOW)?.with_body(body).map(Some)
}

/// The same fields in a response must not be taken for a response's signature.
fn judge_as_response(head: &RequestHead<'_>) {
    let response = ResponseHead { status: 200, headers: head.headers };
    let Ok(Some(signature)) = UnverifiedResponseSignature::parse(&response, head) else { return };
    let request_nonce = "nonce".parse().expect("a nonce");
    let (wit, confirmation) = (workload_identity_token(head.headers).ok().flatten().unwrap_or_default(), &FIXTURE.confirmation);
    let rules = ResponseSignatureRules { wit, confirmation, request_nonce: &request_nonce, algorithms: Algorithm::DEFAULT };
    assert!(signature.verify(&rules, NOW).is_err());
}

fn sign(text: &str) {
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (target, nonce, authorization, body) = (next(), next(), next(), next().as_bytes());
    let (Ok(nonce), Ok(authorization)) = (nonce.parse(), HeaderValue::from_str(authorization)) else { return };
    let mut headers = HeaderMap::new();
    headers.insert("workload-identity-token", HeaderValue::from_static("e30.e30.c2ln"));
    headers.insert("authorization", authorization);
    let head = RequestHead { method: "POST", target, headers: &headers };
    let (created, expires) = (NOW, NOW + Duration::from_secs(60));
    let new = NewRequestSignature { audience: &FIXTURE.audiences[0], created, expires, nonce: &nonce, sign_response: true };
    let Ok(fields) = new.sign(&FIXTURE.signer, &head, body) else { return };
    fields.insert_into(&mut headers);
    let head = RequestHead { method: "POST", target, headers: &headers };
    let verified = judge(&head, body).expect("what we sign we accept").expect("it is signed");
    assert!(verified.nonce() == &nonce && verified.wants_signed_response());
}

fuzz_target!(|text: &str| {
    if let Some(text) = text.strip_prefix("sign\n") {
        return sign(text);
    }
    let mut lines = text.splitn(5, '\n');
    let mut headers = HeaderMap::new();
    for name in ["signature-input", "signature", "workload-identity-token", "content-digest"] {
        let line = lines.next().unwrap_or_default();
        if let (false, Ok(value)) = (line.is_empty(), HeaderValue::from_str(line)) {
            headers.insert(name, value);
        }
    }
    let head = RequestHead { method: "GET", target: "/calendar?day=today", headers: &headers };
    judge_as_response(&head);
    let Ok(Some(verified)) = judge(&head, lines.next().unwrap_or_default().as_bytes()) else { return };
    let input = headers["signature-input"].to_str().expect("it was read");
    for covered in ["\"@method\"", "\"@request-target\"", "\"workload-identity-token\"", "created=", "expires=", "nonce=", "tag="] {
        assert!(input.contains(covered), "{input}");
    }
    assert!(verified.made_since() <= NOW + procura_token::MAX_PROOF_AHEAD && NOW < verified.replay_until(Duration::ZERO));
    assert!(verified.replay_until(Duration::ZERO) <= NOW + Duration::from_secs(331));
});
