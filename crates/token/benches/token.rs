//! What a token costs, beside what its cryptography costs: `cargo bench -p procura-token`.

use core::hint::black_box;
use core::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use procura_token::{
    AccessToken, Actor, ActorChain, Algorithm, Authentication, CertificateDer, ClaimRules, Delegation, DpopProof, DpopRules,
    Freshness, Htu, IdToken, IdTokenRules, Issuer, JwkSet, JwtSvid, JwtSvidRules, KeySet, NewDpopProof, NewJwtSvid,
    PeerCertificate, PlatformToken, PlatformTokenRules, Signer, SigningKey, TokenId, UnixTime, Unverified, UnverifiedX509Svid,
    X509Authorities, access_token_hash, base64url,
};

/// As in the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const EXP: UnixTime = UnixTime::from_secs(1_800_001_800);
const SKEW: Duration = Duration::from_secs(60);
const ISSUER: &str = "https://sts.example";
const AGENT: &str = "spiffe://prod.example/agent/planner";

fn es256() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

fn id(text: &str) -> TokenId {
    text.parse().unwrap()
}

/// The floor: nothing above it can be faster.
fn floor(c: &mut Criterion) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let random = SystemRandom::new();
    let message = [7; 700];
    c.bench_function("floor/es256_sign", |b| b.iter(|| pair.sign(&random, black_box(&message)).unwrap()));
    let signature = pair.sign(&random, &message).unwrap();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()).unwrap();
    c.bench_function("floor/es256_verify", |b| {
        b.iter(|| key.verify_sig(black_box(&message), signature.as_ref()).unwrap());
    });
}

fn access_token(signer: &SigningKey) -> AccessToken {
    AccessToken {
        iss: ISSUER.parse().unwrap(),
        sub: "corp:alice".parse().unwrap(),
        aud: "https://api.example/calendar".parse().unwrap(),
        client_id: AGENT.parse().unwrap(),
        iat: NOW,
        exp: EXP,
        jti: id("0190f0f0-0000-7000-8000-000000000001"),
        scope: "calendar.read calendar.write".parse().unwrap(),
        authorization_details: None,
        act: Some(ActorChain::new(Actor { id: AGENT.parse().unwrap(), profile: None })),
        cnf: signer.public_key().thumbprint().into(),
        delegation: Some(Delegation { id: id("0190f0f0-0000-7000-8000-000000000002"), until: EXP, parent: None }),
        authentication: Authentication { auth_time: Some(NOW), acr: Some("1".into()), amr: Some(vec!["pwd".into()]) },
        groups: Some(Vec::new()),
    }
}

fn dpop(c: &mut Criterion) {
    let signer = es256();
    let token = access_token(&signer).issue(&signer).unwrap();
    let uris = ["https://api.example/calendar".parse::<Htu>().unwrap()];
    let ath = Some(access_token_hash(&token));
    let proof = NewDpopProof { jti: id("proof-1"), htm: "GET", htu: &uris[0], iat: NOW, ath, nonce: Some("nonce") };
    let proof = proof.sign(&signer).unwrap();
    let algorithms = &[Algorithm::Es256];
    let freshness = Freshness::default();
    let rules = DpopRules { method: "GET", uris: &uris, access_token: Some(&token), algorithms, freshness };
    c.bench_function("dpop/parse_and_verify", |b| {
        b.iter(|| Unverified::<DpopProof>::parse(black_box(&proof)).unwrap().verify(&rules, NOW).unwrap());
    });
}

fn issue(c: &mut Criterion) {
    let signer = es256();
    let token = access_token(&signer);
    c.bench_function("access_token/issue", |b| b.iter(|| black_box(&token).issue(&signer).unwrap()));
}

fn jwt_svid(c: &mut Criterion) {
    let signer = es256();
    let keys = KeySet::new(&JwkSet { keys: vec![signer.public_key().clone()] }, &[None]);
    let token = NewJwtSvid { sub: &AGENT.parse().unwrap(), aud: ISSUER, iat: NOW, exp: EXP, jti: "1".parse().unwrap() }
        .issue(&signer)
        .unwrap();
    let rules = JwtSvidRules { audience: ISSUER, skew: SKEW };
    c.bench_function("jwt_svid/parse_and_verify", |b| {
        b.iter(|| Unverified::<JwtSvid>::parse(black_box(&token)).unwrap().verify(&keys, &rules, NOW).unwrap());
    });
}

fn id_token(c: &mut Criterion) {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    // `RSAPublicKey` of 2048 bits: nine octets, the modulus, and 65537.
    let n = base64url::encode(&pair.public_key().as_ref()[9..265]);
    let set = format!(r#"{{"keys":[{{"kty":"RSA","kid":"k","alg":"RS256","n":"{n}","e":"AQAB"}}]}}"#);
    let keys = KeySet::new(&JwkSet::parse(set.as_bytes()).unwrap(), &[None]);
    let claims = format!(
        r#"{{"iss":"{ISSUER}","sub":"alice","aud":"app","iat":1800000000,"exp":1800003600,"auth_time":1800000000,"groups":["staff"]}}"#
    );
    let input = format!("{}.{}", base64url::encode(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#), base64url::encode(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    let token = format!("{input}.{}", base64url::encode(signature));
    let issuer: Issuer = ISSUER.parse().unwrap();
    let rules = IdTokenRules {
        issuer: &issuer,
        audiences: &["app"],
        algorithms: &[Algorithm::Rs256],
        claims: ClaimRules::default(),
        not: &[],
        skew: SKEW,
    };
    c.bench_function("id_token/parse_and_verify_rs256", |b| {
        b.iter(|| Unverified::<IdToken>::parse(black_box(&token)).unwrap().verify(&keys, &rules, NOW).unwrap());
    });
}

/// A token of GitHub Actions, beside its signature alone.
fn platform_token(c: &mut Criterion) {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let n = base64url::encode(&pair.public_key().as_ref()[9..265]);
    let set = format!(r#"{{"keys":[{{"kty":"RSA","kid":"k","alg":"RS256","n":"{n}","e":"AQAB"}}]}}"#);
    let keys = KeySet::new(&JwkSet::parse(set.as_bytes()).unwrap(), &[None]);
    let claims = format!(
        r#"{{"jti":"6ed5c2b3-1c3f-4a5e-9a63-0c4c6f1f8d7e","sub":"repo:octo/cat:ref:refs/heads/main","aud":"{ISSUER}","ref":"refs/heads/main","sha":"2f3a4b5c6d7e8f902f3a4b5c6d7e8f902f3a4b5c","repository":"octo/cat","repository_owner":"octo","repository_owner_id":"65","run_id":"9000","run_number":"10","run_attempt":"2","repository_visibility":"private","repository_id":"74","actor_id":"12","actor":"alice","workflow":"deploy","head_ref":"","base_ref":"","event_name":"push","ref_protected":"true","ref_type":"branch","workflow_ref":"octo/cat/.github/workflows/deploy.yml@refs/heads/main","workflow_sha":"2f3a4b5c6d7e8f902f3a4b5c6d7e8f902f3a4b5c","job_workflow_ref":"octo/cat/.github/workflows/deploy.yml@refs/heads/main","job_workflow_sha":"2f3a4b5c6d7e8f902f3a4b5c6d7e8f902f3a4b5c","runner_environment":"github-hosted","check_run_id":"31","iss":"{ISSUER}","nbf":1799999700,"exp":1800000300,"iat":1800000000}}"#
    );
    let input = format!("{}.{}", base64url::encode(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#), base64url::encode(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref()).unwrap();
    c.bench_function("floor/rs256_verify", |b| {
        b.iter(|| public.verify_sig(black_box(input.as_bytes()), &signature).unwrap());
    });
    let token = format!("{input}.{}", base64url::encode(&signature));
    let (issuer, audiences): (Issuer, _) = (ISSUER.parse().unwrap(), [ISSUER.to_owned()]);
    let rules = PlatformTokenRules { issuer: &issuer, audiences: &audiences, algorithms: &[Algorithm::Rs256], skew: SKEW };
    c.bench_function("platform_token/parse_and_verify_rs256", |b| {
        b.iter(|| Unverified::<PlatformToken>::parse(black_box(&token)).unwrap().verify(&keys, &rules, NOW).unwrap());
    });
}

fn thumbprint(c: &mut Criterion) {
    let signer = es256();
    c.bench_function("jwk/thumbprint", |b| b.iter(|| black_box(signer.public_key()).thumbprint()));
}

/// A leaf, an intermediate and the authority: three parses and two signatures.
fn x509_svid(c: &mut Criterion) {
    let file: serde_json::Value = serde_json::from_str(include_str!("../../../spec-conformance/vectors/x509-svid.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| vector["id"] == "x509-svid/good-intermediate").unwrap();
    let chain = vector["input"]["chain"].as_array().unwrap();
    let chain = chain.iter().map(|one| CertificateDer::from(STANDARD.decode(one.as_str().unwrap()).unwrap())).collect::<Vec<_>>();
    let (authorities, _) = X509Authorities::parse_bundle(vector["input"]["bundle"].to_string().as_bytes()).unwrap();
    c.bench_function("x509_svid/name_of_connection", |b| {
        b.iter_batched(|| chain.clone(), |chain| PeerCertificate::new(chain).unwrap(), BatchSize::SmallInput);
    });
    let peer = PeerCertificate::new(chain.clone()).unwrap();
    c.bench_function("x509_svid/parse_and_verify", |b| {
        b.iter(|| UnverifiedX509Svid::parse(black_box(&peer)).unwrap().verify(&authorities, NOW).unwrap());
    });
}

criterion_group!(benches, floor, dpop, issue, jwt_svid, id_token, platform_token, x509_svid, thumbprint);
criterion_main!(benches);
