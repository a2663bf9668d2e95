//! WPTs and message signatures, made and judged by this crate: what the vectors cannot show.

#[path = "support/sample.rs"]
mod sample;

use core::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use procura_token::{
    Algorithm, DpopProof, DpopRules, Freshness, Htu, JwkConfirmation, MessageSignError, NewDpopProof, NewRequestSignature,
    NewResponseSignature, NewWpt, ParseError, RequestHead, RequestSignatureRules, ResponseHead, ResponseSignatureRules,
    SignError, SignatureFields, Signer, SigningKey, TokenId, UnixTime, Unverified, UnverifiedRequestSignature,
    UnverifiedResponseSignature, VerifiedSignature, VerifiedWpt, VerifyError, Wpt, WptRules, random_bytes,
};
use proptest::prelude::*;
use sample::{Kind, NOW, at, id, key, keys_of};

const WIT: &str = "e30.e30.c2ln";
const TARGET: &str = "/calendar?day=today";
const URI: &str = "https://api.example/calendar";

fn confirmation(signer: &SigningKey) -> JwkConfirmation {
    JwkConfirmation::try_from(signer.public_key().clone()).unwrap()
}

fn uri() -> Htu {
    URI.parse().unwrap()
}

mod wpt {
    use super::*;

    fn new(audience: &Htu) -> NewWpt<'_> {
        let (iat, exp, jti) = (at(NOW), at(NOW + 60), TokenId::from_random(random_bytes()));
        NewWpt { audience, iat, exp, jti, wit: WIT, transaction_token: None, other_tokens: &[], access_token: None }
    }

    fn rules<'a>(confirmation: &'a JwkConfirmation, audiences: &'a [Htu]) -> WptRules<'a> {
        let (transaction_token, access_token) = (None, None);
        let algorithms = Algorithm::DEFAULT;
        WptRules { wit: WIT, confirmation, audiences, transaction_token, other_tokens: &[], access_token, algorithms }
    }

    fn judge(proof: &str, rules: &WptRules<'_>, now: UnixTime) -> Result<VerifiedWpt, VerifyError> {
        Unverified::<Wpt>::parse(proof)?.verify(rules, now)
    }

    /// WPT-04 to WPT-11: what is made verifies, with every kind of token beside it.
    #[test]
    fn a_proof_is_good_for_exactly_the_tokens_it_was_made_for() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519] {
            let signer = key(algorithm);
            let (cnf, audiences) = (confirmation(&signer), [uri()]);
            let tokens = [("x-user", "alice"), ("x-session", "s")];
            let made = NewWpt {
                transaction_token: Some("txn"),
                other_tokens: &[("X-User", " alice "), ("x-session", "s")],
                access_token: Some("access"),
                ..new(&audiences[0])
            };
            let proof = made.sign(&signer).unwrap();
            let base = rules(&cnf, &audiences);
            let good = WptRules { transaction_token: Some("txn"), other_tokens: &tokens, access_token: Some("access"), ..base };
            let verified = judge(&proof, &good, at(NOW)).unwrap();
            assert_eq!((verified.id(), verified.thumbprint()), (&made.jti, signer.public_key().thumbprint()));

            let refused = |rules: WptRules<'_>| judge(&proof, &rules, at(NOW)).unwrap_err();
            assert_eq!(refused(WptRules { wit: "e30.e30.c2lo", ..good }), VerifyError::WitHash);
            assert_eq!(refused(WptRules { transaction_token: None, ..good }), VerifyError::TransactionTokenHash);
            assert_eq!(refused(WptRules { other_tokens: &tokens[..1], ..good }), VerifyError::OtherTokenHash);
            assert_eq!(refused(WptRules { other_tokens: &[tokens[0]; 2], ..good }), VerifyError::OtherTokenHash);
            assert_eq!(refused(WptRules { access_token: Some("other"), ..good }), VerifyError::AccessTokenHash);
            assert_eq!(refused(WptRules { audiences: &[], ..good }), VerifyError::Audience);
            assert_eq!(
                refused(WptRules { algorithms: &[Algorithm::Ps256], ..good }),
                VerifyError::AlgorithmNotAllowed(algorithm)
            );
        }
    }

    /// WPT-08: 128 random bits.
    #[test]
    fn names_of_proofs_do_not_repeat() {
        let names: std::collections::HashSet<_> = (0..10_000).map(|_| TokenId::from_random(random_bytes())).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.as_str().len() == 22));
    }

    /// WPT-24: one sender's name is not another's, and a proof signed again is the same proof.
    #[test]
    fn the_replay_key_is_of_key_and_name() {
        let (one, other, audiences) = (key(Algorithm::Es256), key(Algorithm::Es256), [uri()]);
        let made = NewWpt { jti: id("same"), ..new(&audiences[0]) };
        let replay_key = |made: &NewWpt<'_>, signer: &SigningKey| {
            let cnf = confirmation(signer);
            judge(&made.sign(signer).unwrap(), &rules(&cnf, &audiences), at(NOW)).unwrap().replay_key()
        };
        assert_eq!(replay_key(&made, &one), replay_key(&made, &one));
        assert_ne!(replay_key(&made, &one), replay_key(&made, &other));
        assert_ne!(replay_key(&made, &one), replay_key(&NewWpt { jti: id("another"), ..made.clone() }, &one));
    }

    /// What a store is told encloses every instant at which the proof is accepted, and not a second more, but for those at
    /// which the maker's clock is ahead.
    #[test]
    fn the_time_to_remember_is_the_time_of_acceptance() {
        let signer = key(Algorithm::Es256);
        let (cnf, audiences) = (confirmation(&signer), [uri()]);
        let header = r#"{"typ":"wpt+jwt","alg":"ES256"}"#;
        let wth = procura_token::access_token_hash(WIT);
        for (times, since, made) in [
            (format!(r#""exp":{}"#, NOW + 60), NOW - 270, NOW - 270),
            (format!(r#""exp":{},"iat":{NOW}"#, NOW + 60), NOW - 30, NOW),
            (format!(r#""exp":{},"iat":{NOW},"nbf":{}"#, NOW + 60, NOW + 10), NOW - 20, NOW + 10),
            (format!(r#""exp":{},"iat":0"#, NOW + 60), NOW - 270, NOW - 270),
            // Made for 320 seconds, which is accepted from the beginning.
            (format!(r#""exp":{},"iat":{}"#, NOW + 60, NOW - 260), NOW - 270, NOW - 260),
        ] {
            let claims = format!(r#"{{"aud":"{URI}","jti":"1","wth":"{wth}",{times}}}"#);
            let proof = sample::forge(&signer, header, &claims);
            let accepted = |now: u64| judge(&proof, &rules(&cnf, &audiences), at(now));
            assert!(accepted(since - 1).is_err() && accepted(NOW + 60).is_err(), "{times}");
            for now in [since, NOW + 59] {
                let verified = accepted(now).unwrap();
                assert_eq!(verified.made_since(), at(made), "{times}");
                assert_eq!(verified.replay_until(Duration::from_secs(60)), at(NOW + 121), "{times}");
            }
        }
    }

    /// F28: a WPT is nothing else, and nothing else is a WPT.
    #[test]
    fn no_other_kind_is_a_wpt_and_a_wpt_no_other_kind() {
        let signer = key(Algorithm::Es256);
        let proof = new(&uri()).sign(&signer).unwrap();
        for kind in Kind::ALL {
            assert!(kind.judge(&proof, &keys_of(&signer), NOW).is_err(), "{kind:?}");
            assert!(Unverified::<Wpt>::parse(&kind.issue(&signer)).is_err(), "{kind:?}");
        }
    }

    /// The proof names no key: the WIT has it.
    #[test]
    fn the_header_says_nothing_of_the_key() {
        let signer = key(Algorithm::Es256);
        let proof = new(&uri()).sign(&signer).unwrap();
        let header = procura_token::base64url::decode(proof.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"typ":"wpt+jwt","alg":"ES256"}"#);
    }
}

/// What a store is told of a DPoP proof encloses every instant at which it is accepted.
#[test]
fn the_time_to_remember_a_dpop_proof_is_the_time_of_acceptance() {
    let signer = key(Algorithm::Es256);
    let (freshness, uris) = (Freshness::default(), [uri()]);
    let made = NewDpopProof { jti: id("1"), htm: "GET", htu: &uris[0], iat: at(NOW), ath: None, nonce: None };
    let proof = made.sign(&signer).unwrap();
    let judge = |now: u64| {
        let algorithms = Algorithm::DEFAULT;
        let rules = DpopRules { method: "GET", uris: &uris, access_token: None, algorithms, freshness };
        Unverified::<DpopProof>::parse(&proof).unwrap().verify(&rules, at(now))
    };
    assert!(judge(NOW - 6).is_err() && judge(NOW + 61).is_err());
    for now in [NOW - 5, NOW + 60] {
        let verified = judge(now).unwrap();
        assert_eq!(verified.replay_until(freshness, Duration::ZERO), at(NOW + 61));
    }
}

struct Exchange {
    client: SigningKey,
    server: SigningKey,
    request: HeaderMap,
    response: HeaderMap,
    nonce: TokenId,
}

impl Exchange {
    fn new(algorithm: Algorithm) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("workload-identity-token", HeaderValue::from_static(WIT));
        let (request, response) = (headers.clone(), headers);
        Self { client: key(algorithm), server: key(algorithm), request, response, nonce: TokenId::from_random(random_bytes()) }
    }

    fn request(&self) -> RequestHead<'_> {
        RequestHead { method: "POST", target: TARGET, headers: &self.request }
    }

    fn response(&self) -> ResponseHead<'_> {
        ResponseHead { status: 200, headers: &self.response }
    }

    fn fields(&self, body: &[u8]) -> Result<SignatureFields, MessageSignError> {
        let (created, expires) = (at(NOW), at(NOW + 60));
        NewRequestSignature { audience: &uri(), created, expires, nonce: &self.nonce, sign_response: true }.sign(
            &self.client,
            &self.request(),
            body,
        )
    }

    fn sign(&mut self, body: &[u8]) {
        self.fields(body).unwrap().insert_into(&mut self.request);
    }

    fn answer(&mut self, body: &[u8]) {
        let (created, expires, nonce) = (at(NOW), at(NOW + 60), id("answer"));
        let fields = NewResponseSignature { created, expires, nonce: &nonce, request_nonce: &self.nonce }
            .sign(&self.server, &self.response(), &self.request(), body)
            .unwrap();
        fields.insert_into(&mut self.response);
    }

    fn judge(&self, body: &[u8], now: UnixTime) -> Result<VerifiedSignature, VerifyError> {
        self.judge_beside(WIT, body, now)
    }

    fn judge_beside(&self, wit: &str, body: &[u8], now: UnixTime) -> Result<VerifiedSignature, VerifyError> {
        let (confirmation, audiences) = (&confirmation(&self.client), &[uri()]);
        let rules = RequestSignatureRules { wit, confirmation, audiences, algorithms: Algorithm::DEFAULT };
        let signature = UnverifiedRequestSignature::parse(&self.request())?.expect("it is signed");
        signature.verify(&rules, now)?.with_body(body)
    }

    fn judge_answer(&self, request: &RequestHead<'_>, nonce: &TokenId, body: &[u8]) -> Result<VerifiedSignature, VerifyError> {
        let (wit, confirmation) = (WIT, &confirmation(&self.server));
        let rules = ResponseSignatureRules { wit, confirmation, request_nonce: nonce, algorithms: Algorithm::DEFAULT };
        let signature = UnverifiedResponseSignature::parse(&self.response(), request)?.expect("it is signed");
        signature.verify(&rules, at(NOW))?.with_body(body)
    }
}

/// SIG-01 to SIG-05, SIG-09, SIG-21: a whole exchange.
#[test]
fn a_request_and_its_response_verify() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519] {
        for body in [&b""[..], b"{}"] {
            let mut exchange = Exchange::new(algorithm);
            for (name, value) in [("authorization", "DPoP abc"), ("txn-token", "t"), ("content-type", "application/json")] {
                exchange.request.insert(name, HeaderValue::from_static(value));
            }
            exchange.response.insert("content-type", HeaderValue::from_static("application/json"));
            exchange.sign(body);
            assert_eq!(exchange.request.contains_key("content-digest"), !body.is_empty());
            let verified = exchange.judge(body, at(NOW)).unwrap();
            assert_eq!(verified.nonce(), &exchange.nonce);
            assert!(verified.wants_signed_response());
            assert_eq!(verified.thumbprint(), exchange.client.public_key().thumbprint());
            exchange.answer(body);
            let verified = exchange.judge_answer(&exchange.request(), &exchange.nonce, body).unwrap();
            assert_eq!((verified.nonce(), verified.wants_signed_response()), (&id("answer"), false));
            assert_eq!(exchange.judge(b"other", at(NOW)).unwrap_err(), VerifyError::ContentDigest);
        }
    }
}

/// SIG-26: also when both carry the same nonce.
#[test]
fn a_response_is_to_its_own_request_alone() {
    let mut exchange = Exchange::new(Algorithm::Es256);
    exchange.sign(b"");
    exchange.answer(b"");
    let own = exchange.request();
    assert!(exchange.judge_answer(&own, &exchange.nonce, b"").is_ok());
    assert_eq!(exchange.judge_answer(&own, &id("other"), b"").unwrap_err(), VerifyError::RequestNonce);
    for other in [RequestHead { target: "/mail", ..own }, RequestHead { method: "GET", ..own }] {
        assert_eq!(exchange.judge_answer(&other, &exchange.nonce, b"").unwrap_err(), VerifyError::Signature);
    }
}

/// SIG-15: the key is of the WIT that is in the message, not of another one the caller has at hand.
#[test]
fn a_signature_beside_another_wit_is_refused() {
    let mut exchange = Exchange::new(Algorithm::Es256);
    exchange.sign(b"");
    assert_eq!(exchange.judge_beside("e30.e30.c2lo", b"", at(NOW)).unwrap_err(), VerifyError::WitHash);
}

/// SIG-25: a client that wants a signature sees that there is none.
#[test]
fn an_unsigned_message_is_no_error_and_no_signature() {
    let exchange = Exchange::new(Algorithm::Es256);
    assert!(UnverifiedRequestSignature::parse(&exchange.request()).unwrap().is_none());
    assert!(UnverifiedResponseSignature::parse(&exchange.response(), &exchange.request()).unwrap().is_none());
}

/// A signature for longer than five minutes, as the draft's example is, was made when it says and not later.
#[test]
fn a_long_signature_is_as_old_as_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec-conformance/vectors/http-signature.json");
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let is_it = |vector: &&serde_json::Value| vector["id"] == "http-signature/time-longest-published";
    let vector = file["vectors"].as_array().unwrap().iter().find(is_it).unwrap();
    let mut headers = HeaderMap::new();
    for pair in vector["input"]["request"]["headers"].as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let head = RequestHead { method: "GET", target: TARGET, headers: &headers };
    let wit = headers["workload-identity-token"].to_str().unwrap();
    let payload = procura_token::base64url::decode(wit.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let jwk = procura_token::Jwk::parse(claims["cnf"]["jwk"].to_string().as_bytes()).unwrap();
    let (confirmation, audiences) = (&JwkConfirmation::try_from(jwk).unwrap(), &[uri()]);
    let rules = RequestSignatureRules { wit, confirmation, audiences, algorithms: Algorithm::DEFAULT };
    let signature = UnverifiedRequestSignature::parse(&head).unwrap().unwrap();
    let verified = signature.verify(&rules, at(NOW)).unwrap().with_body(b"").unwrap();
    assert_eq!((verified.made_since(), verified.replay_until(Duration::ZERO)), (at(NOW), at(NOW + 303)));
}

/// SIG-07, SIG-14.
#[test]
fn the_time_to_remember_a_signature_is_the_time_of_acceptance() {
    let mut exchange = Exchange::new(Algorithm::Es256);
    exchange.sign(b"");
    for (now, good) in [(NOW - 31, false), (NOW - 30, true), (NOW + 59, true), (NOW + 60, false)] {
        assert_eq!(exchange.judge(b"", at(now)).is_ok(), good, "{now}");
    }
    let verified = exchange.judge(b"", at(NOW)).unwrap();
    assert_eq!(verified.made_since(), at(NOW));
    assert_eq!(verified.replay_until(Duration::from_secs(60)), at(NOW + 121));
}

/// A second attempt with the same headers replaces the first signature.
#[test]
fn a_message_can_be_signed_again() {
    let mut exchange = Exchange::new(Algorithm::Es256);
    exchange.sign(b"{}");
    let first = exchange.judge(b"{}", at(NOW)).unwrap();
    exchange.nonce = id("second");
    exchange.sign(b"{}");
    let second = exchange.judge(b"{}", at(NOW)).unwrap();
    assert_ne!(first.replay_key(), second.replay_key());
    assert_eq!(exchange.request.get_all("signature").iter().count(), 1);
}

#[test]
fn what_nobody_would_accept_is_not_signed() {
    let message = |error: VerifyError| MessageSignError::Message(error);
    let edited = |edit: &dyn Fn(&mut HeaderMap)| {
        let mut exchange = Exchange::new(Algorithm::Es256);
        edit(&mut exchange.request);
        exchange.fields(b"{}").unwrap_err()
    };
    let append = |name: &'static str, value: &'static [u8]| {
        edited(&move |headers| _ = headers.append(name, HeaderValue::from_bytes(value).unwrap()))
    };
    assert_eq!(edited(&|headers| headers.clear()), message(VerifyError::NoSuchComponent));
    assert!(matches!(append("workload-identity-token", b"two"), MessageSignError::Message(VerifyError::Malformed(_))));
    assert!(matches!(append("authorization", b"DPoP \xe9"), MessageSignError::Message(VerifyError::Malformed(_))));
    assert_eq!(append("content-digest", b"sha-256=:AA==:"), message(VerifyError::ContentDigest));

    let exchange = Exchange::new(Algorithm::Es256);
    let signed = |head: RequestHead<'_>, expires: u64| {
        let new = NewRequestSignature {
            audience: &uri(),
            created: at(NOW),
            expires: at(expires),
            nonce: &exchange.nonce,
            sign_response: false,
        };
        new.sign(&exchange.client, &head, b"")
    };
    for expires in [NOW - 1, NOW, NOW + 301] {
        let refused = signed(exchange.request(), expires).unwrap_err();
        assert_eq!(refused, message(VerifyError::LifetimeTooLong { exp: at(expires), now: at(NOW) }));
    }
    for target in ["", "/a b", "/a\nb", "/\u{e9}"] {
        let head = RequestHead { target, ..exchange.request() };
        assert!(matches!(signed(head, NOW + 60), Err(MessageSignError::Message(VerifyError::Malformed(_)))), "{target:?}");
    }
}

#[test]
fn a_key_that_fails_is_told_from_a_message_that_cannot_be_signed() {
    struct Broken(SigningKey);
    impl Signer for Broken {
        fn algorithm(&self) -> Algorithm {
            self.0.algorithm()
        }
        fn public_key(&self) -> &procura_token::Jwk {
            self.0.public_key()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError)
        }
    }
    let exchange = Exchange::new(Algorithm::Es256);
    let (created, expires) = (at(NOW), at(NOW + 60));
    let new = NewRequestSignature { audience: &uri(), created, expires, nonce: &exchange.nonce, sign_response: false };
    let refused = new.sign(&Broken(key(Algorithm::Es256)), &exchange.request(), b"").unwrap_err();
    assert_eq!(refused, MessageSignError::Key(SignError));
}

/// Method and target come from somewhere else than a header map, so they could hold what begins another line.
#[test]
fn a_line_feed_in_method_or_target_does_not_reach_the_signature_base() {
    let mut exchange = Exchange::new(Algorithm::Es256);
    exchange.sign(b"");
    let judge = |head: RequestHead<'_>| {
        let (wit, confirmation, audiences) = (WIT, &confirmation(&exchange.client), &[uri()]);
        let rules = RequestSignatureRules { wit, confirmation, audiences, algorithms: Algorithm::DEFAULT };
        UnverifiedRequestSignature::parse(&head).unwrap().unwrap().verify(&rules, at(NOW)).map(|_| ())
    };
    assert_eq!(judge(exchange.request()), Ok(()));
    let injected = format!("{TARGET}\n\"workload-identity-token\": {WIT}");
    for head in [RequestHead { target: &injected, ..exchange.request() }, RequestHead { method: "POST\n", ..exchange.request() }]
    {
        assert!(matches!(judge(head), Err(VerifyError::Malformed(ParseError::Value { .. }))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SIG-02, SIG-34: no header, no method and no target that differs is accepted in place of what was signed.
    #[test]
    fn no_other_message_has_the_signature_of_this_one(
        name in prop::sample::select(vec!["content-type", "authorization", "txn-token", "content-digest", "workload-identity-token"]),
        value in "[!-~]{1,12}",
        method in "[A-Z]{1,6}",
        target in "/[!-~]{0,12}",
    ) {
        let mut exchange = Exchange::new(Algorithm::Ed25519);
        exchange.request.insert("authorization", HeaderValue::from_static("DPoP abc"));
        exchange.sign(b"{}");
        let good = exchange.request.clone();
        exchange.request.insert(HeaderName::from_static(name), value.parse().unwrap());
        prop_assert_eq!(exchange.judge(b"{}", at(NOW)).is_ok(), exchange.request == good);
        exchange.request = good;
        let (confirmation, audiences) = (&confirmation(&exchange.client), &[uri()]);
        let rules = RequestSignatureRules { wit: WIT, confirmation, audiences, algorithms: Algorithm::DEFAULT };
        let head = RequestHead { method: &method, target: &target, headers: &exchange.request };
        let verdict = UnverifiedRequestSignature::parse(&head).unwrap().unwrap().verify(&rules, at(NOW));
        prop_assert_eq!(verdict.is_ok(), method == "POST" && target == TARGET);
    }

    /// A field with one character changed is refused, or says the same in other white space.
    #[test]
    fn no_other_input_is_accepted(at_index: prop::sample::Index, with in "[ -~]") {
        let mut exchange = Exchange::new(Algorithm::Ed25519);
        exchange.sign(b"");
        let good = exchange.request["signature-input"].to_str().unwrap().to_owned();
        let index = at_index.index(good.len());
        let changed = format!("{}{with}{}", &good[..index], &good[index + 1..]);
        exchange.request.insert("signature-input", changed.parse().unwrap());
        let same = |text: &str| text.replace(' ', "");
        prop_assert!(exchange.judge(b"", at(NOW)).is_err() || same(&changed) == same(&good) || changed == good);
    }

    #[test]
    fn no_fields_make_the_parser_panic(input in "[ -~]{0,120}", signature in "[ -~]{0,60}") {
        let mut exchange = Exchange::new(Algorithm::Ed25519);
        exchange.request.insert("signature-input", input.parse().unwrap());
        exchange.request.insert("signature", signature.parse().unwrap());
        let _ = UnverifiedRequestSignature::parse(&exchange.request());
    }

    /// What is made verifies, whatever it says.
    #[test]
    fn every_message_can_be_signed(
        nonce in "[ -~]{1,40}",
        target in "/[!-~]{0,40}",
        extra in "[ -~]{0,20}",
        lifetime in 1_u64..=300,
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut exchange = Exchange::new(Algorithm::Ed25519);
        exchange.request.insert("content-type", extra.parse().unwrap());
        let nonce = id(&nonce);
        let (created, expires, audience) = (at(NOW), at(NOW + lifetime), &uri());
        let new = NewRequestSignature { audience, created, expires, nonce: &nonce, sign_response: false };
        let head = RequestHead { target: &target, ..exchange.request() };
        new.sign(&exchange.client, &head, &body).unwrap().insert_into(&mut exchange.request);
        let head = RequestHead { method: "POST", target: &target, headers: &exchange.request };
        let (confirmation, audiences) = (&confirmation(&exchange.client), &[uri()]);
        let rules = RequestSignatureRules { wit: WIT, confirmation, audiences, algorithms: Algorithm::DEFAULT };
        let signature = UnverifiedRequestSignature::parse(&head).unwrap().unwrap();
        let verified = signature.verify(&rules, at(NOW)).unwrap().with_body(&body).unwrap();
        prop_assert_eq!(verified.nonce(), &nonce);
    }
}
