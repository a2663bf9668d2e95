//! Credentials that cost as much as their limits let them. Each is refused or believed after all the work it can cause.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use procura_token::{
    Algorithm, ApprovalToken, CertificateDer, ClaimRules, DpopProof, DpopRules, Freshness, Htu, IdToken, IdTokenRules, JwkSet,
    JwtSvid, JwtSvidRules, KeySet, MAX_CHAIN, MAX_TOKEN, PeerCertificate, PlatformToken, PostureToken, Signer as _, SigningKey,
    Statement, UnixTime, Unverified, UnverifiedX509Svid, X509Authorities, base64url,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, SanType,
};

/// A credential and its judge.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) judge: Box<dyn Fn()>,
}

fn hostile(name: &'static str, judge: impl Fn() + 'static) -> Hostile {
    Hostile { name, judge: Box::new(judge) }
}

/// All of them.
pub(crate) fn all() -> Vec<Hostile> {
    let many = (0..).map(|n| format!(r#""{n}":0,"#));
    let strings = (0..).map(|n| format!(r#""{n}","#));
    vec![
        jwt_svid("a JWT-SVID of many members", &members(many)),
        platform_token("a platform token of many members", &members((0..).map(|n| format!(r#""{n}":0,"#)))),
        platform_token("a platform token of many strings", &format!(r#""x":[{}""]"#, members(strings))),
        platform_token("a platform token of nested arrays", &nested()),
        platform_token("a platform token of nested objects", &members((0..).map(|n| format!(r#""{n}":{{"":{{"":0}}}},"#)))),
        platform_token("a platform token of escapes", &format!(r#""x":"{}""#, r"\u0041".repeat(1900))),
        statement::<PostureToken>("a posture of many findings", &format!(r#""posture":{{{}"":0}}"#, finding_names())),
        statement::<PostureToken>(
            "a posture of nested findings",
            &format!(r#""posture":{{"a":{}}}"#, nested().trim_start_matches(r#""x":"#)),
        ),
        statement::<PostureToken>("a posture of one long finding", &format!(r#""posture":{{"a":"{}"}}"#, "x".repeat(11_500))),
        statement::<ApprovalToken>("an approval of many scopes", &format!(r#""scope":"{}a""#, "a ".repeat(5_700))),
        statement::<ApprovalToken>("an approval of many members", &members((0..).map(|n| format!(r#""{n}":0,"#)))),
        consents(),
        dpop("a DPoP proof by an RSA key of 8192 bits", "PS256", &rsa(1024), 1024),
        dpop("a DPoP proof by a P-521 key", "ES512", &p521(), 132),
        chain(),
    ]
}

/// As many as a token has room for.
fn members(one: impl Iterator<Item = String>) -> String {
    let mut all = String::new();
    for one in one {
        if all.len() + one.len() > MAX_TOKEN * 3 / 4 - 600 {
            break;
        }
        all.push_str(&one);
    }
    all
}

fn nested() -> String {
    let inner = "[".repeat(12) + &"]".repeat(12) + ",";
    format!(r#""x":[{}0]"#, inner.repeat(440))
}

fn sign(signer: &SigningKey, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = base64url::encode(signer.sign(input.as_bytes()).unwrap());
    let token = format!("{input}.{signature}");
    assert!((MAX_TOKEN * 9 / 10..=MAX_TOKEN).contains(&token.len()), "{}", token.len());
    token
}

fn signer() -> (SigningKey, KeySet) {
    let signer = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = KeySet::new(&JwkSet { keys: vec![signer.public_key().clone()] }, &[None]);
    (signer, keys)
}

fn jwt_svid(name: &'static str, members: &str) -> Hostile {
    let (signer, keys) = signer();
    let claims = format!(r#"{{{members}"sub":"spiffe://a.test/x","aud":"us","exp":1800000600}}"#);
    let token = sign(&signer, r#"{"alg":"ES256"}"#, &claims);
    hostile(name, move || {
        let rules = JwtSvidRules { audience: "us", skew: core::time::Duration::ZERO };
        Unverified::<JwtSvid>::parse(&token).unwrap().verify(&keys, &rules, NOW).unwrap();
    })
}

fn platform_token(name: &'static str, members: &str) -> Hostile {
    let (signer, _) = signer();
    let comma = if members.ends_with(',') { "" } else { "," };
    let claims = format!(r#"{{{members}{comma}"iss":"https://a.test","sub":"x","aud":"us","exp":1800000600}}"#);
    let token = sign(&signer, r#"{"alg":"ES256"}"#, &claims);
    hostile(name, move || {
        Unverified::<PlatformToken>::parse(&token).unwrap();
    })
}

fn finding_names() -> String {
    members((0..).map(|n| format!(r#""{n}":0,"#)))
}

/// It is refused, whatever it is; what counts is when.
fn statement<T: Statement>(name: &'static str, members: &str) -> Hostile {
    let (signer, _) = signer();
    let comma = if members.ends_with(',') { "" } else { "," };
    let rest = r#""iss":"https://a.test","aud":"us","sub":"spiffe://a.test/x","jti":"1","iat":1800000000,"exp":1800000600"#;
    let token = sign(&signer, &format!(r#"{{"alg":"ES256","typ":"{}"}}"#, T::TYP), &format!("{{{members}{comma}{rest}}}"));
    hostile(name, move || assert!(Unverified::<T>::parse(&token).is_err()))
}

/// An ID token whose claim of consent has more entries than it may.
fn consents() -> Hostile {
    let (signer, keys) = signer();
    let listed = members((0..).map(|n| format!(r#"{{"agent":"spiffe://a.test/{n}"}},"#)));
    let rest = r#""iss":"https://a.test","sub":"x","aud":"us","iat":1800000000,"exp":1800000600"#;
    let token = sign(&signer, r#"{"alg":"ES256"}"#, &format!(r#"{{"agents":[{}0],{rest}}}"#, listed));
    hostile("an ID token of many consents", move || {
        let issuer = "https://a.test".parse().unwrap();
        let rules = IdTokenRules {
            issuer: &issuer,
            audiences: &["us"],
            algorithms: &[Algorithm::Es256],
            claims: ClaimRules { consent: Some("agents"), ..ClaimRules::default() },
            not: &[],
            skew: core::time::Duration::ZERO,
        };
        assert!(Unverified::<IdToken>::parse(&token).unwrap().verify(&keys, &rules, NOW).is_err());
    })
}

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A proof that is right but for its signature, which is as long as the key makes it.
fn dpop(name: &'static str, algorithm: &str, jwk: &str, signature: usize) -> Hostile {
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"{algorithm}","jwk":{jwk}}}"#);
    let claims = r#"{"jti":"1","htm":"POST","htu":"https://a.test/token","iat":1800000000}"#;
    let signature = base64url::encode(vec![0x3f; signature]);
    let proof = format!("{}.{}.{signature}", base64url::encode(header), base64url::encode(claims));
    hostile(name, move || {
        let uris = ["https://a.test/token".parse::<Htu>().unwrap()];
        let rules = DpopRules {
            method: "POST",
            uris: &uris,
            access_token: None,
            algorithms: &[Algorithm::Ps256, Algorithm::Es512],
            freshness: Freshness::default(),
        };
        assert!(Unverified::<DpopProof>::parse(&proof).unwrap().verify(&rules, NOW).is_err());
    })
}

fn rsa(bytes: usize) -> String {
    format!(r#"{{"kty":"RSA","e":"_____w","n":"{}"}}"#, base64url::encode(vec![0xd5; bytes]))
}

fn p521() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(66);
    serde_json::json!({"kty": "EC", "crv": "P-521", "x": base64url::encode(x), "y": base64url::encode(y)}).to_string()
}

/// As many certificates as there may be, two of them alike, all called as two authorities are called, none by their keys.
fn chain() -> Hostile {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        (params, key)
    };
    let roots = [authority("root"), authority("root")];
    let entry = |(params, key): &(CertificateParams, KeyPair)| {
        let der = params.self_signed(key).unwrap().der().to_vec();
        serde_json::json!({"use": "x509-svid", "kty": "EC", "x5c": [base64::Engine::encode(&base64::prelude::BASE64_STANDARD, der)]})
    };
    let bundle = serde_json::json!({"keys": roots.iter().map(entry).collect::<Vec<_>>()}).to_string();
    let (authorities, _) = X509Authorities::parse_bundle(bundle.as_bytes()).unwrap();
    let forged = authority("root");
    let issuer = Issuer::from_params(&forged.0, &forged.1);
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::URI("spiffe://a.test/x".try_into().unwrap())];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.is_ca = IsCa::ExplicitNoCa;
    let mut certificates = vec![leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()];
    for name in ["root", "root", "2", "3", "4", "5", "6"] {
        let (params, key) = authority(name);
        certificates.push(params.signed_by(&key, &issuer).unwrap().der().clone());
    }
    assert_eq!(certificates.len(), MAX_CHAIN);
    hostile("a chain of eight certificates", move || {
        let chain: Vec<CertificateDer<'static>> = certificates.clone();
        let peer = PeerCertificate::new(chain).unwrap();
        assert!(UnverifiedX509Svid::parse(&peer).unwrap().verify(&authorities, NOW).is_err());
    })
}
