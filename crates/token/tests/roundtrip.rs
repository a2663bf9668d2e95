//! What this crate issues it accepts; what was changed by a bit, a moment or a name it does not.

#[path = "support/sample.rs"]
mod sample;

use procura_token::{
    AccessToken, AccessTokenRules, Actor, ActorChain, Algorithm, Authentication, AuthorizationDetails, ClaimRules, Confirmation,
    Delegation, DpopProof, DpopRules, Freshness, Htu, IdToken, IdTokenRules, Issuer, Jwk, JwkConfirmation, JwtSvid, JwtSvidRules,
    NewDpopProof, NewIdToken, NewJwtSvid, NewWit, ScopeSet, Signer, SigningKey, Subject, TokenId, Unverified, VerifyError,
    VerifyingKey, Wit, WorkloadId, access_token_hash,
};
use proptest::prelude::*;
use sample::{EXP, Kind, NOW, SKEW, URI, at, key, keys_of};

fn token_id() -> impl Strategy<Value = TokenId> {
    "[ -~]{1,256}".prop_map(|text| text.parse().unwrap())
}

fn workload() -> impl Strategy<Value = WorkloadId> {
    "spiffe://[a-z0-9._-]{1,20}(/[a-zA-Z0-9_-]{1,12}){1,4}".prop_map(|text| text.parse().unwrap())
}

fn subject() -> impl Strategy<Value = Subject> {
    "[^\\p{Cc}]{1,100}".prop_map(|text| text.parse().unwrap())
}

fn scope() -> impl Strategy<Value = ScopeSet> {
    prop::collection::vec("[!#-\\[\\]-~]{1,20}", 0..20).prop_map(|tokens| tokens.join(" ").parse().unwrap())
}

fn actors() -> impl Strategy<Value = ActorChain> {
    let actor = (workload(), prop::option::of("\\PC{0,20}")).prop_map(|(id, profile)| Actor { id, profile });
    prop::collection::vec(actor, 1..=8).prop_map(|actors| {
        let mut actors = actors.into_iter();
        let first = ActorChain::new(actors.next().unwrap());
        actors.fold(first, |chain, actor| chain.extend(actor).unwrap())
    })
}

fn authentication() -> impl Strategy<Value = Authentication> {
    (prop::option::of(0..NOW), prop::option::of("\\PC{0,30}"), prop::option::of(prop::collection::vec("\\PC{0,10}", 0..4)))
        .prop_map(|(time, acr, amr)| Authentication { auth_time: time.map(at), acr, amr })
}

fn signer() -> impl Strategy<Value = SigningKey> {
    prop::sample::select(vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519]).prop_map(key)
}

fn details() -> impl Strategy<Value = AuthorizationDetails> {
    let value =
        prop_oneof!["\\PC{1,20}".prop_map(Into::into), any::<i32>().prop_map(Into::into), any::<bool>().prop_map(Into::into)];
    let fields = prop::collection::btree_map("[a-z]{1,8}", value, 0..4);
    let object =
        ("\\PC{1,30}", fields).prop_map(|(kind, mut fields): (String, std::collections::BTreeMap<String, serde_json::Value>)| {
            fields.insert("type".to_owned(), kind.into());
            fields
        });
    prop::collection::vec(object, 1..4)
        .prop_map(|objects| AuthorizationDetails::parse(&serde_json::to_string(&objects).unwrap()).unwrap())
}

prop_compose! {
    fn access_token()(
        sub in subject(), client_id in workload(), jti in token_id(), scope in scope(), authentication in authentication(),
        act in prop::option::of((actors(), token_id(), prop::option::of(token_id()))), hash: [u8; 32], is_key: bool, life in 1_u64..3600,
        authorization_details in prop::option::of(details()), groups in prop::option::of(prop::collection::vec("\\PC{0,30}", 0..6)),
    ) -> AccessToken {
        let (act, delegation) = act.map_or((None, None), |(chain, id, parent)| {
            (Some(chain), Some(Delegation { id, until: at(NOW + life), parent }))
        });
        let sub = if act.is_some() { sub } else { Subject::from(&client_id) };
        let hash = procura_token::base64url::encode(hash);
        let cnf = if is_key { Confirmation::Key(hash.parse().unwrap()) } else { Confirmation::Certificate(hash.parse().unwrap()) };
        AccessToken {
            iss: URI.parse().unwrap(), sub, aud: URI.parse().unwrap(), client_id, iat: at(NOW), exp: at(NOW + life), jti, scope,
            authorization_details, act, cnf, delegation, authentication, groups,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_access_token_is_read_back_as_it_was_issued(token in access_token(), signer in signer()) {
        let (issuer, audience): (Issuer, _) = (URI.parse().unwrap(), URI.parse().unwrap());
        let rules = AccessTokenRules { issuer: &issuer, audience: &audience, algorithms: Algorithm::DEFAULT, skew: SKEW };
        let text = token.issue(&signer).unwrap();
        let verified = Unverified::<AccessToken>::parse(&text).unwrap().verify(&keys_of(&signer), &rules, at(NOW)).unwrap();
        prop_assert_eq!(&*verified, &token);
        prop_assert_eq!(verified.algorithm(), signer.algorithm());
    }

    #[test]
    fn an_id_token_is_read_back_as_it_was_issued(
        sub in subject(), jti in token_id(), authentication in authentication(), signer in signer(),
        scope in prop::option::of(scope()), groups in prop::collection::vec("\\PC{0,60}", 0..20),
    ) {
        let issuer: Issuer = URI.parse().unwrap();
        let (iat, exp) = (at(NOW), at(EXP));
        let new = NewIdToken { iss: &issuer, sub: &sub, aud: "app", iat, exp, jti, authentication, groups: &groups, scope: scope.as_ref() };
        let rules = IdTokenRules { issuer: &issuer, audiences: &["other", "app"], algorithms: Algorithm::DEFAULT, claims: ClaimRules::default(), not: &[], skew: SKEW };
        let text = new.issue(&signer).unwrap();
        let verified = Unverified::<IdToken>::parse(&text).unwrap().verify(&keys_of(&signer), &rules, at(NOW)).unwrap();
        prop_assert_eq!((verified.subject(), verified.groups()), (&sub, groups.as_slice()));
        prop_assert_eq!(verified.authentication(), &new.authentication);
        prop_assert_eq!((verified.issued_at(), verified.expires()), (iat, exp));
    }

    #[test]
    fn a_jwt_svid_is_read_back_as_it_was_issued(sub in workload(), aud in "\\PC{1,60}") {
        let signer = key(Algorithm::Es256);
        let text = NewJwtSvid { sub: &sub, aud: &aud, iat: at(NOW), exp: at(EXP), jti: "1".parse().unwrap() }.issue(&signer).unwrap();
        let rules = JwtSvidRules { audience: &aud, skew: SKEW };
        let verified = Unverified::<JwtSvid>::parse(&text).unwrap().verify(&keys_of(&signer), &rules, at(NOW)).unwrap();
        prop_assert_eq!((verified.id(), verified.expires()), (&sub, at(EXP)));
    }

    #[test]
    fn a_wit_is_read_back_as_it_was_issued(sub in workload(), jti in token_id()) {
        let (signer, holder) = (key(Algorithm::Es256), key(Algorithm::Es256));
        let cnf = JwkConfirmation::try_from(holder.public_key().clone()).unwrap();
        let new = NewWit { iss: format!("{}/sts", sub.origin()), sub: &sub, iat: at(NOW), exp: at(EXP), jti, cnf: &cnf };
        let text = new.issue(&signer).unwrap();
        let unverified = Unverified::<Wit>::parse(&text).unwrap();
        prop_assert_eq!((unverified.origin(), unverified.trust_domain()), (sub.origin(), sub.trust_domain()));
        let verified = unverified.verify(&keys_of(&signer), SKEW, at(NOW)).unwrap();
        prop_assert_eq!((verified.id(), verified.expires()), (&sub, at(EXP)));
        prop_assert_eq!(verified.confirmation().key.thumbprint(), holder.public_key().thumbprint());
    }

    #[test]
    fn a_proof_is_accepted_for_its_own_request(
        jti in token_id(), method in "[A-Z]{1,10}", path in "(/[a-zA-Z0-9.%~-]{0,8}){0,4}", nonce in prop::option::of("[!-~]{1,80}"),
        token in prop::option::of("[A-Za-z0-9._~+/=-]{1,200}"), signer in signer(),
    ) {
        let Ok(htu) = format!("https://api.example{path}").parse::<Htu>() else { return Ok(()) };
        let ath = token.as_deref().map(access_token_hash);
        let new = NewDpopProof { jti, htm: &method, htu: &htu, iat: at(NOW), ath, nonce: nonce.as_deref() };
        let text = new.sign(&signer).unwrap();
        let rules = DpopRules {
            method: &method, uris: std::slice::from_ref(&htu), access_token: token.as_deref(), algorithms: Algorithm::DEFAULT,
            freshness: Freshness::default(),
        };
        let verified = Unverified::<DpopProof>::parse(&text).unwrap().verify(&rules, at(NOW)).unwrap();
        prop_assert_eq!((verified.nonce(), verified.id()), (nonce.as_deref(), &new.jti));
        prop_assert_eq!(verified.thumbprint(), signer.public_key().thumbprint());
        let other = DpopRules { access_token: Some("another token"), ..rules };
        let verdict = Unverified::<DpopProof>::parse(&text).unwrap().verify(&other, at(NOW)).unwrap_err();
        prop_assert_eq!(verdict, VerifyError::AccessTokenHash);
    }

    #[test]
    fn a_changed_character_is_refused(kind in prop::sample::select(&Kind::ALL[..]), at: prop::sample::Index, to in "[ -~]") {
        let signer = key(Algorithm::Es256);
        let token = kind.issue(&signer);
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(kind.judge(&changed, &keys_of(&signer), NOW).is_ok(), changed == token);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        let signer = key(algorithm);
        let keys = keys_of(&signer);
        for kind in [Kind::AccessToken, Kind::Dpop, Kind::IdToken] {
            let token = kind.issue(&signer);
            assert!(kind.judge(&token, &keys, NOW).is_ok());
            for bit in 0..token.len() * 8 {
                let mut bytes = token.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok(flipped) = String::from_utf8(bytes) {
                    assert!(kind.judge(&flipped, &keys, NOW).is_err(), "{kind:?}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn what_was_cut_or_added_to_is_refused() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    for kind in Kind::ALL {
        let token = kind.issue(&signer);
        for end in 0..token.len() {
            assert!(kind.judge(&token[..end], &keys, NOW).is_err(), "{kind:?} cut at {end}");
            assert!(kind.judge(&token[end + 1..], &keys, NOW).is_err(), "{kind:?} cut before {end}");
        }
        for more in ["A", "AA", "AAAA", "=", "==", ".", ".A", " ", "\n", "\0", "~"] {
            assert!(kind.judge(&format!("{token}{more}"), &keys, NOW).is_err(), "{kind:?} with {more:?} behind");
            assert!(kind.judge(&format!("{more}{token}"), &keys, NOW).is_err(), "{kind:?} with {more:?} before");
        }
    }
}

#[test]
fn a_token_ends_at_its_expiry_plus_the_leeway() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let skew = SKEW.as_secs();
    for kind in [Kind::AccessToken, Kind::Approval, Kind::IdToken, Kind::JwtSvid, Kind::Posture, Kind::Wit] {
        let token = kind.issue(&signer);
        for (now, accepted) in [
            (EXP - 1, true),
            (EXP, true),
            (EXP + skew - 1, true),
            (EXP + skew, false),
            (EXP + skew + 1, false),
            (u64::MAX, false),
        ] {
            let verdict = kind.judge(&token, &keys, now);
            assert_eq!(verdict.is_ok(), accepted, "{kind:?} at {now}");
            assert!(accepted || matches!(verdict, Err(VerifyError::Expired { .. })), "{verdict:?}");
        }
    }
    // A WIT-SVID and a JWT-SVID begin with `nbf`, never with `iat`.
    for (kind, begins) in [(Kind::AccessToken, true), (Kind::IdToken, true), (Kind::JwtSvid, false), (Kind::Wit, false)] {
        let token = kind.issue(&signer);
        assert!(kind.judge(&token, &keys, NOW - skew).is_ok(), "{kind:?}");
        assert_eq!(kind.judge(&token, &keys, NOW - skew - 1).is_err(), begins, "{kind:?}");
    }
}

#[test]
fn without_leeway_a_token_ends_at_its_expiry() {
    let signer = key(Algorithm::Es256);
    let token = Kind::Wit.issue(&signer);
    let judge = |now| Unverified::<Wit>::parse(&token).unwrap().verify(&keys_of(&signer), std::time::Duration::ZERO, at(now));
    assert!(judge(EXP - 1).is_ok());
    assert!(judge(EXP).is_err());
    let almost = procura_token::UnixTime::new(std::time::Duration::from_millis(EXP * 1000 - 1));
    let verified =
        Unverified::<Wit>::parse(&token).unwrap().verify(&keys_of(&signer), std::time::Duration::ZERO, almost).unwrap();
    assert!(verified.verify_time(at(EXP), std::time::Duration::ZERO).is_err());
}

#[test]
fn a_proof_is_fresh_for_a_minute_and_remembered_for_longer() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let token = Kind::Dpop.issue(&signer);
    for (now, accepted) in [(NOW - 6, false), (NOW - 5, true), (NOW, true), (NOW + 60, true), (NOW + 61, false)] {
        assert_eq!(Kind::Dpop.judge(&token, &keys, now).is_ok(), accepted, "{now}");
    }
    let uris = [URI.parse::<Htu>().unwrap()];
    let freshness = Freshness::default();
    let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms: &[Algorithm::Es256], freshness };
    let proof = Unverified::<DpopProof>::parse(&token).unwrap().verify(&rules, at(NOW + 60)).unwrap();
    assert!(proof.replay_until(freshness, SKEW) > at(NOW + 60) + SKEW);
}

/// Whoever keeps keys ready may be wrong about one.
#[test]
fn a_dpop_proof_is_verified_with_its_own_key_or_not_at_all() {
    let uris = [URI.parse::<Htu>().unwrap()];
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let (signer, other) = (key(algorithm), key(algorithm));
        let (algorithms, freshness) = (Algorithm::DEFAULT, Freshness::default());
        let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms, freshness };
        let token = Kind::Dpop.issue(&signer);
        let verify = |ready: &Jwk| {
            let proof = Unverified::<DpopProof>::parse(&token).unwrap();
            proof.verify_with(&rules, at(NOW), |_| VerifyingKey::new(ready)).map(|verified| verified.thumbprint())
        };
        let bare = |signer: &SigningKey| {
            let mut jwk = signer.public_key().clone();
            (jwk.key_id, jwk.algorithm) = (None, None);
            jwk
        };
        assert_eq!(verify(&bare(&signer)), Ok(signer.public_key().thumbprint()));
        assert_eq!(verify(&bare(&other)), Err(VerifyError::UnknownKey));
        assert_eq!(verify(&signer.public_key().for_algorithm(algorithm)), Err(VerifyError::UnknownKey), "an `alg` it has not");
    }
}

#[test]
fn another_key_another_issuer_and_another_audience_are_refused() {
    let (signer, other) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let keys = keys_of(&signer);
    for kind in [Kind::AccessToken, Kind::Approval, Kind::IdToken, Kind::JwtSvid, Kind::Posture, Kind::Wit] {
        let token = kind.issue(&signer);
        assert!(matches!(kind.judge(&token, &keys_of(&other), NOW), Err(VerifyError::UnknownKey)), "{kind:?}");
        assert!(matches!(kind.judge(&token, &Default::default(), NOW), Err(VerifyError::UnknownKey)), "{kind:?}");
        let forged = kind.issue(&other);
        assert!(kind.judge(&forged, &keys, NOW).is_err(), "{kind:?}");
    }
    for kind in [Kind::AccessToken, Kind::Approval, Kind::IdToken, Kind::Posture] {
        let token = kind.issue(&signer);
        for issuer in ["https://sts.example", "https://STS.example/", "https://sts.example/x", "http://sts.example/"] {
            assert_eq!(kind.judge_as_for(&token, &keys, issuer, URI, NOW), Err(VerifyError::Issuer), "{kind:?} {issuer}");
        }
    }
    for kind in [Kind::AccessToken, Kind::Approval, Kind::IdToken, Kind::JwtSvid, Kind::Posture] {
        let token = kind.issue(&signer);
        for audience in ["https://sts.example", "https://sts.example/x", "https://STS.example/", "https:"] {
            if kind == Kind::AccessToken && audience == "https:" {
                continue;
            }
            assert_eq!(kind.judge_as_for(&token, &keys, URI, audience, NOW), Err(VerifyError::Audience), "{kind:?} {audience}");
        }
    }
}
