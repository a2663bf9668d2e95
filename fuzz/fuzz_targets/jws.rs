//! No token makes a parser or a verifier panic, and one that is accepted keeps the promises of its kind.
//!
//! The input is a token, or a header and claims with a line feed between them, which are then signed by the trusted key:
//! so the fuzzer gets past the signature.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{
    AccessToken, AccessTokenRules, Algorithm, ApprovalToken, ClaimRules, ClaimValue, DpopProof, ForeignAccessToken,
    ForeignAccessTokenRules, IdToken, IdTokenRules, Issuer, JwkSet, JwtSvid, JwtSvidRules, KeySet, MAX_ACTORS, MAX_TOKEN,
    PlatformToken, PlatformTokenRules, PostureToken, RequiredClaim, Resource, Signer, SigningKey, Statement, StatementRules,
    UnixTime, Unverified, Verified, Wit, base64url, sha256,
};

/// A published test key.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"agent-es256","alg":"ES256","d":"JnPJutSl_cdaIsbsowgeqxazOrYmO4Cfy0EA7nkrXB4","x":"kotMS7VJ0fRmqRuVmkHtGFZ-HKG_Y24opeeqClA4ltw","y":"f1EQPvxb-kRLv_MNi7z7LZioOGFddHqZ3RwRWsnrNaU"}"#;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SKEW: Duration = Duration::from_secs(60);

struct Fixture {
    signer: SigningKey,
    keys: KeySet,
    issuer: Issuer,
    resource: Resource,
    mark: [RequiredClaim; 1],
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let signer = SigningKey::from_jwk(KEY.as_bytes()).expect("a good key");
    let keys = KeySet::new(&JwkSet { keys: vec![signer.public_key().clone()] }, &[None]);
    let issuer = "https://sts.example".parse().expect("an issuer");
    let mark = [RequiredClaim { name: "typ".to_owned(), values: vec![ClaimValue::Text("Bearer".to_owned())] }];
    Fixture { signer, keys, issuer, resource: "https://api.example/calendar".parse().expect("a resource"), mark }
});

fn token(text: &str) -> String {
    let Some((header, claims)) = text.split_once('\n') else { return text.to_owned() };
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = FIXTURE.signer.sign(input.as_bytes()).expect("the key signs");
    format!("{input}.{}", base64url::encode(signature))
}

fn access_token(token: &str) -> Option<[u8; 32]> {
    let fixture = &*FIXTURE;
    let algorithms = Algorithm::DEFAULT;
    let rules = AccessTokenRules { issuer: &fixture.issuer, audience: &fixture.resource, algorithms, skew: SKEW };
    let verified = Unverified::<AccessToken>::parse(token).ok()?.verify(&fixture.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.exp + SKEW && verified.iat <= NOW + SKEW);
    assert_eq!(verified.act.is_some(), verified.delegation.is_some());
    assert!(verified.act.as_ref().is_none_or(|chain| (1..=MAX_ACTORS).contains(&chain.len())));
    // What was read can be written, and says the same again.
    let again = verified.issue(&fixture.signer).expect("the key signs");
    if again.len() <= MAX_TOKEN {
        let again = Unverified::<AccessToken>::parse(&again).expect("well formed").verify(&fixture.keys, &rules, NOW);
        assert_eq!(*again.expect("good"), *verified);
    }
    Some(*verified.fingerprint())
}

fn id_token(token: &str) -> Option<[u8; 32]> {
    let fixture = &*FIXTURE;
    let audiences = ["https://sts.example", "spiffe://prod.example/agent/planner"];
    let rules = IdTokenRules {
        issuer: &fixture.issuer,
        audiences: &audiences,
        algorithms: Algorithm::DEFAULT,
        claims: ClaimRules::default(),
        not: &fixture.mark,
        skew: SKEW,
    };
    let verified = Unverified::<IdToken>::parse(token).ok()?.verify(&fixture.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.issued_at() <= NOW + SKEW);
    assert!(verified.issuer() == &fixture.issuer && verified.groups().len() <= 256);
    assert!(audiences.iter().any(|audience| verified.audience().contains(audience)));
    Some(*verified.fingerprint())
}

fn foreign_access_token(token: &str) -> Option<[u8; 32]> {
    let fixture = &*FIXTURE;
    let rules = ForeignAccessTokenRules {
        issuer: &fixture.issuer,
        algorithms: Algorithm::DEFAULT,
        claims: ClaimRules::default(),
        mark: &fixture.mark,
        skew: SKEW,
    };
    let verified = Unverified::<ForeignAccessToken>::parse(token).ok()?.verify(&fixture.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.issuer() == &fixture.issuer);
    assert!(!verified.client().is_empty() && verified.client() != verified.subject().as_str() && verified.scope().is_some());
    Some(*verified.fingerprint())
}

fn jwt_svid(token: &str) -> Option<[u8; 32]> {
    let rules = JwtSvidRules { audience: "https://sts.example", skew: SKEW };
    let verified = Unverified::<JwtSvid>::parse(token).ok()?.verify(&FIXTURE.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.id().is_spiffe());
    assert!(Algorithm::SVID.contains(&verified.algorithm()));
    Some(*verified.fingerprint())
}

fn wit(token: &str) -> Option<[u8; 32]> {
    let unverified = Unverified::<Wit>::parse(token).ok()?;
    let origin = unverified.origin().to_owned();
    let verified = unverified.verify(&FIXTURE.keys, SKEW, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.id().origin() == origin);
    let confirmation = verified.confirmation();
    assert!(confirmation.key.fits(confirmation.algorithm));
    assert_eq!(confirmation.key.thumbprint(), confirmation.jwk.thumbprint());
    Some(*verified.fingerprint())
}

/// For another audience than ID tokens, whose shape it has.
fn platform_token(token: &str) -> Option<[u8; 32]> {
    let audiences = ["https://platform.example".to_owned()];
    let (issuer, algorithms) = (&FIXTURE.issuer, Algorithm::DEFAULT);
    let rules = PlatformTokenRules { issuer, audiences: &audiences, algorithms, skew: SKEW };
    let verified = Unverified::<PlatformToken>::parse(token).ok()?.verify(&FIXTURE.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.valid_from().is_none_or(|from| from <= NOW + SKEW));
    assert!(verified.issuer() == issuer && verified.audience().sole() == Some(audiences[0].as_str()));
    assert!(["act", "cnf", "events"].iter().all(|name| verified.claims().get(name).is_none()));
    Some(*verified.fingerprint())
}

fn statement<T: Statement>(token: &str) -> Option<Verified<T>> {
    let issuer = &FIXTURE.issuer;
    let rules = StatementRules { issuer, audience: issuer, algorithms: Algorithm::DEFAULT, skew: SKEW };
    let verified = Unverified::<T>::parse(token).ok()?.verify(&FIXTURE.keys, &rules, NOW).ok()?;
    assert!(NOW < verified.expires() + SKEW && verified.issued_at() <= NOW + SKEW);
    assert!(verified.issued_at() < verified.expires() && verified.expires() <= verified.issued_at() + T::LONGEST);
    assert!(verified.issuer() == issuer && verified.audience().sole() == Some(issuer.as_str()));
    Some(verified)
}

/// What was read can be written, and says the same again.
fn approval_token(token: &str) -> Option<[u8; 32]> {
    let verified = statement::<ApprovalToken>(token)?;
    assert!(verified.scope.as_ref().is_none_or(|scope| !scope.is_empty()));
    let again = verified.issue(&FIXTURE.signer).expect("the key signs");
    assert!(again.len() > MAX_TOKEN || *statement::<ApprovalToken>(&again).expect("good") == *verified);
    Some(*verified.fingerprint())
}

fn posture_token(token: &str) -> Option<[u8; 32]> {
    let verified = statement::<PostureToken>(token)?;
    assert!((1..=32).contains(&verified.posture.len()));
    assert!(verified.posture.iter().all(|(name, value)| (1..=64).contains(&name.len()) && value.len() <= 256));
    let again = verified.issue(&FIXTURE.signer).expect("the key signs");
    assert!(again.len() > MAX_TOKEN || *statement::<PostureToken>(&again).expect("good") == *verified);
    Some(*verified.fingerprint())
}

fuzz_target!(|text: &str| {
    let token = token(text);
    let judges = [access_token, approval_token, id_token, jwt_svid, platform_token, posture_token, wit];
    let accepted: Vec<[u8; 32]> = judges.into_iter().filter_map(|judge| judge(&token)).collect();
    assert!(accepted.len() <= 1, "a token is of one kind");
    // Of the kinds that have the same issuers; from our own access tokens only its issuer tells it.
    assert!(foreign_access_token(&token).is_none() || id_token(&token).is_none());
    if let Some(fingerprint) = accepted.first() {
        let (signed, _) = token.rsplit_once('.').expect("a token has parts");
        assert_eq!(*fingerprint, sha256(signed.as_bytes()));
        assert!(token.len() <= MAX_TOKEN && Unverified::<DpopProof>::parse(&token).is_err());
    }
});
