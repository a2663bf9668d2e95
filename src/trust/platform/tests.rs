mod host;
mod rules;

use std::collections::BTreeMap;

use procura_token::{JwkSet, ParseError, Signer as _, SigningKey, VerifyError, base64url};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_800_000_000;
const US: &str = "https://sts.example";
const GITHUB: &str = "https://github.example/_services/token";
const SKEW: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// A rule for GitHub Actions in `ci.example`, with its keys in a file.
fn rule(name: &str, jwks_file: &TempDir) -> PlatformRuleSettings {
    PlatformRuleSettings {
        kind: "github-actions".to_owned(),
        name: name.to_owned(),
        trust_domain: "ci.example".parse().unwrap(),
        issuer: Some(GITHUB.parse().unwrap()),
        audiences: vec![US.to_owned()],
        path: None,
        require: BTreeMap::new(),
        jwks_file: Some(jwks_file.path().join("jwks.json")),
        ca_file: None,
        private_addresses: Default::default(),
        sts_endpoints: None,
        api_server: None,
        tpm: None,
    }
}

fn require(all: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    all.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect()
}

/// GitHub, as far as one test is concerned.
struct GitHub {
    key: SigningKey,
    files: TempDir,
}

impl GitHub {
    fn new() -> Self {
        let github = Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), files: tempfile::tempdir().unwrap() };
        github.publish(&github.key);
        github
    }

    fn publish(&self, key: &SigningKey) {
        let keys = JwkSet { keys: vec![key.public_key().for_use("sig")] };
        std::fs::write(self.files.path().join("jwks.json"), serde_json::to_vec(&keys).unwrap()).unwrap();
    }

    /// The token of a push to the main branch of `octo/cat`, as it is documented; `changes` override claims, `null` removes
    /// one.
    fn token(&self, changes: Value) -> String {
        let mut claims = json!({
            "iss": GITHUB, "aud": US, "sub": "repo:octo/cat:ref:refs/heads/main", "jti": "x", "iat": NOW, "nbf": NOW - 300,
            "exp": NOW + 300, "repository": "octo/cat", "repository_id": "74", "repository_owner": "octo",
            "repository_owner_id": "65", "repository_visibility": "private", "ref": "refs/heads/main", "ref_type": "branch",
            "ref_protected": "true", "sha": "deadbeef", "head_ref": "", "base_ref": "", "workflow": "deploy",
            "workflow_ref": "octo/cat/.github/workflows/deploy.yml@refs/heads/main", "event_name": "push",
            "actor": "alice", "actor_id": "12", "run_id": "9000", "run_number": "10", "run_attempt": "2",
            "runner_environment": "github-hosted",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.sign(&claims)
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.key.public_key().key_id, "x5t": "y" });
        let input = format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
        format!("{input}.{}", base64url::encode(self.key.sign(input.as_bytes()).unwrap()))
    }

    async fn believed_by(&self, rules: Vec<PlatformRuleSettings>) -> Platforms {
        let mut rules = PlatformRules::new(rules).unwrap();
        // Its documented algorithm is RS256; this crate makes no RSA keys.
        for rule in &mut rules.0 {
            let profile = profile::Profile { algorithms: &[Algorithm::Es256], ..*rule.profile };
            rule.profile = Box::leak(Box::new(profile));
        }
        Platforms::open(&rules, SKEW, at(NOW)).await.unwrap()
    }
}

async fn verify(platforms: &Platforms, token: &str) -> Result<Arc<PlatformIdentity>, TrustError> {
    platforms.verify(AssertionType::JWT_BEARER, token, at(NOW)).await
}

#[tokio::test]
async fn a_push_to_main_is_a_workload_with_what_is_known_of_it() {
    let github = GitHub::new();
    let platforms = github.believed_by(vec![rule("deploy", &github.files)]).await;
    let token = github.token(json!({}));
    let identity = verify(&platforms, &token).await.unwrap();
    assert_eq!(identity.id().as_str(), "spiffe://ci.example/github/65/74");
    assert_eq!((identity.kind(), &**identity.rule(), identity.authority()), ("github-actions", "deploy", GITHUB));
    assert_eq!((identity.expires(), identity.issued_at(), identity.key()), (at(NOW + 300), Some(at(NOW)), None));
    for (name, text) in
        [("repository", "octo/cat"), ("branch", "main"), ("event", "push"), ("actor", "alice"), ("run_id", "9000")]
    {
        assert_eq!(identity.attributes()[name], text, "{name}");
    }
    for name in ["tag", "environment", "head_ref", "sub", "jti", "iss"] {
        assert!(!identity.attributes().contains_key(name), "{name}");
    }
    // Presented again, it is known.
    assert!(Arc::ptr_eq(&identity, &verify(&platforms, &token).await.unwrap()));
}

#[tokio::test]
async fn what_is_remembered_ends_with_its_time_and_with_its_keys() {
    let github = GitHub::new();
    let platforms = github.believed_by(vec![rule("deploy", &github.files)]).await;
    let token = github.token(json!({}));
    assert!(verify(&platforms, &token).await.is_ok());
    let at = |seconds| platforms.verify(AssertionType::JWT_BEARER, &token, at(seconds));
    assert!(matches!(at(NOW + 360).await, Err(TrustError::Credential(VerifyError::Expired { .. }))));
    assert!(matches!(at(NOW - 61).await, Err(TrustError::Credential(VerifyError::NotYetValid { .. }))));
    // Another key is published, and somebody's token makes it be read.
    let next = GitHub { key: SigningKey::generate(Algorithm::Es256).unwrap(), files: tempfile::tempdir().unwrap() };
    github.publish(&next.key);
    let later = platforms.verify(AssertionType::JWT_BEARER, &next.token(json!({})), UnixTime::from_secs(NOW + 10)).await;
    assert!(later.is_ok(), "{later:?}");
    assert!(matches!(at(NOW + 10).await, Err(TrustError::Credential(VerifyError::UnknownKey))));
}

/// F06, F16, F30, F34: everything that an OIDC verifier has been found to let pass.
#[tokio::test]
async fn tokens_that_are_wrong_are_refused_with_the_reason() {
    let github = GitHub::new();
    let platforms = github.believed_by(vec![rule("deploy", &github.files)]).await;
    let malformed = |error: &TrustError| matches!(error, TrustError::Credential(VerifyError::Malformed(_)));
    type Expected<'a> = &'a dyn Fn(&TrustError) -> bool;
    let audience: Expected<'_> = &|error| matches!(error, TrustError::Credential(VerifyError::Audience));
    let cases: [(Value, Expected<'_>); 15] = [
        (json!({ "aud": "https://other.example" }), audience),
        (json!({ "aud": [US, "https://other.example"] }), audience),
        (json!({ "aud": format!("{US}/") }), audience),
        (json!({ "aud": null }), &malformed),
        (json!({ "exp": NOW - 61 }), &|error| matches!(error, TrustError::Credential(VerifyError::Expired { .. }))),
        (json!({ "exp": (NOW + 300).to_string() }), &malformed),
        (json!({ "exp": null }), &malformed),
        (json!({ "nbf": NOW + 61 }), &|error| matches!(error, TrustError::Credential(VerifyError::NotYetValid { .. }))),
        (json!({ "iat": "now" }), &malformed),
        (json!({ "iss": format!("{GITHUB}/") }), &|error| matches!(error, TrustError::UnknownIssuer)),
        (json!({ "iss": "https://github.example" }), &|error| matches!(error, TrustError::UnknownIssuer)),
        (json!({ "sub": "spiffe://ci.example/github/65/74" }), &malformed),
        (json!({ "act": { "sub": "x" } }), &malformed),
        (json!({ "cnf": { "jkt": "x" } }), &malformed),
        (json!({ "events": {} }), &malformed),
    ];
    for (changes, expected) in cases {
        let error = verify(&platforms, &github.token(changes.clone())).await.unwrap_err();
        assert!(expected(&error) && !error.is_ours(), "{changes}: {error:?}");
    }
    let stranger = GitHub::new().token(json!({}));
    assert!(matches!(verify(&platforms, &stranger).await, Err(TrustError::Credential(VerifyError::UnknownKey))));
    let token = github.token(json!({}));
    let (head, _) = token.rsplit_once('.').unwrap();
    assert!(verify(&platforms, &format!("{head}.AAAA")).await.is_err());
    for text in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        assert!(matches!(verify(&platforms, text).await, Err(TrustError::Credential(VerifyError::Malformed(_)))), "{text}");
    }
}

#[tokio::test]
async fn an_algorithm_that_the_platform_does_not_use_is_refused() {
    let github = GitHub::new();
    let rules = PlatformRules::new([rule("deploy", &github.files)]).unwrap();
    let platforms = Platforms::open(&rules, SKEW, at(NOW)).await.unwrap();
    let error = verify(&platforms, &github.token(json!({}))).await.unwrap_err();
    assert!(matches!(error, TrustError::Credential(VerifyError::AlgorithmNotAllowed(Algorithm::Es256))), "{error:?}");
}

#[tokio::test]
async fn a_typ_that_names_another_kind_is_refused() {
    let github = GitHub::new();
    let platforms = github.believed_by(vec![rule("deploy", &github.files)]).await;
    let token = github.token(json!({}));
    let (_, rest) = token.split_once('.').unwrap();
    for typ in ["at+jwt", "wit+jwt", "dpop+jwt"] {
        let header = base64url::encode(json!({ "alg": "ES256", "typ": typ }).to_string());
        let error = verify(&platforms, &format!("{header}.{rest}")).await.unwrap_err();
        assert!(matches!(error, TrustError::Credential(VerifyError::Malformed(ParseError::Typ))), "{error:?}");
    }
}
