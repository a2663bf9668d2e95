use std::path::Path;
use std::time::Duration;

use procura_token::{
    Algorithm, ApprovalToken, Audience, Issuer, JwkSet, KeySet, PostureToken, Signer as _, SigningKey, UserName, VerifyError,
};
use tempfile::TempDir;

use super::*;
use crate::trust::{AcceptedTokens, PlatformRules, StatementIssuerSettings, TrustSettings, UserIssuerSettings};

const NOW: u64 = 1_800_000_000;
const PLANNER: &str = "spiffe://prod.example/agent/planner";

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

struct World {
    directory: TempDir,
    key: SigningKey,
    trust: Trust,
}

fn write_keys(path: &Path, key: &SigningKey) {
    let set = JwkSet { keys: vec![key.public_key().for_use("sig")] };
    std::fs::write(path, serde_json::to_string(&set).unwrap()).unwrap();
}

fn issuer(text: &str) -> Issuer {
    text.parse().unwrap()
}

fn users(alias: &str, file: &Path) -> UserIssuerSettings {
    UserIssuerSettings {
        url: issuer(&format!("https://{alias}.example")),
        alias: alias.to_owned(),
        jwks_file: Some(file.to_owned()),
        ca_file: None,
        private_addresses: std::iter::empty().collect(),
        accepts: AcceptedTokens { id_tokens: true, access_tokens: false },
        audiences: vec![],
        workloads: vec![],
        algorithms: vec![Algorithm::Es256],
        required: vec![],
        access_token_mark: vec![],
        groups_claim: "groups".to_owned(),
        client_claim: None,
        scope_claim: "scope".to_owned(),
        consent_claim: None,
        session: None,
        introspection: None,
    }
}

impl World {
    /// Users of `corp` and of `guests`; one who may approve for `corp` alone, and attest the agents of `prod.example`.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (key, file) = (SigningKey::generate(Algorithm::Es256).unwrap(), directory.path().join("keys.json"));
        write_keys(&file, &key);
        let settings = TrustSettings {
            issuer: issuer("https://sts.example"),
            domains: vec![],
            user_issuers: vec![users("corp", &file), users("guests", &file)],
            approvers: vec![believed(&file, vec!["corp".to_owned()])],
            attesters: vec![believed(&file, vec!["spiffe://prod.example/agent/*".parse().unwrap()])],
            platforms: PlatformRules::default(),
            skew: Duration::from_secs(60),
            disabled_file: None,
        };
        let trust = Trust::open(&settings, &KeySet::default(), Arc::new(|| at(NOW))).await.unwrap();
        Self { directory, key, trust }
    }

    fn approval(&self, user: (&str, &str)) -> String {
        let approval = ApprovalToken {
            iss: issuer("https://consent.example"),
            aud: Audience::from("https://sts.example"),
            sub: "alice".parse().unwrap(),
            user: UserName { iss: issuer(user.0), sub: user.1.parse().unwrap() },
            agent: PLANNER.parse().unwrap(),
            target: "https://api.example/".parse().unwrap(),
            scope: None,
            jti: "1".parse().unwrap(),
            iat: at(NOW),
            exp: at(NOW + 600),
        };
        approval.issue(&self.key).unwrap()
    }

    fn posture(&self, workload: &str) -> String {
        let posture = PostureToken {
            iss: issuer("https://consent.example"),
            aud: Audience::from("https://sts.example"),
            sub: workload.parse().unwrap(),
            posture: [("edr".to_owned(), "healthy".to_owned())].into(),
            jti: "1".parse().unwrap(),
            iat: at(NOW),
            exp: at(NOW + 600),
        };
        posture.issue(&self.key).unwrap()
    }

    async fn judge(&self, approval: &str, now: u64) -> Result<Approval, TrustError> {
        self.trust.verify_approval(approval, at(now)).await
    }
}

fn believed<R>(file: &Path, speaks_of: Vec<R>) -> StatementIssuerSettings<R> {
    StatementIssuerSettings {
        name: "consent".to_owned(),
        issuer: issuer("https://consent.example"),
        jwks_file: Some(file.to_owned()),
        ca_file: None,
        private_addresses: std::iter::empty().collect(),
        algorithms: vec![Algorithm::Es256],
        speaks_of,
    }
}

#[tokio::test]
async fn an_approval_is_of_a_user_in_our_namespace() {
    let world = World::new().await;
    let approval = world.judge(&world.approval(("https://corp.example", "alice")), NOW).await.unwrap();
    assert_eq!((approval.user.as_str(), approval.token.agent.as_str()), ("corp:alice", PLANNER));
    for (user, why) in [
        (("https://guests.example", "alice"), "its issuer may not speak of them"),
        (("https://consent.example", "alice"), "the issuer is not one we believe"),
    ] {
        assert_eq!(world.judge(&world.approval(user), NOW).await.unwrap_err().to_string(), why);
    }
}

/// F35: what was believed once is not remembered beyond its end, nor beyond the keys it was verified with.
#[tokio::test]
async fn an_approval_shown_again_is_judged_by_the_time_and_by_the_keys_of_then() {
    let world = World::new().await;
    let approval = world.approval(("https://corp.example", "alice"));
    for (later, is_good) in [(0, true), (0, true), (659, true), (660, false), (0, true)] {
        let verdict = world.judge(&approval, NOW + later).await;
        assert_eq!(verdict.is_ok(), is_good, "{later}");
        assert!(is_good || matches!(verdict, Err(TrustError::Credential(VerifyError::Expired { .. }))));
    }
    write_keys(&world.directory.path().join("keys.json"), &SigningKey::generate(Algorithm::Es256).unwrap());
    world.trust.reload(at(NOW + 1)).await;
    let verdict = world.judge(&approval, NOW + 1).await;
    assert!(matches!(verdict, Err(TrustError::Credential(VerifyError::UnknownKey))), "{verdict:?}");
}

#[tokio::test]
async fn an_attester_speaks_of_the_workloads_below_its_paths() {
    let world = World::new().await;
    let attests = async |workload: &str| world.trust.verify_posture(&world.posture(workload), at(NOW)).await.is_ok();
    for (workload, may) in [
        (PLANNER, true),
        ("spiffe://prod.example/agent/a/b", true),
        ("spiffe://prod.example/agent", false),
        ("spiffe://prod.example/agents/planner", false),
        ("spiffe://prod.example/server/agent/planner", false),
        ("spiffe://prod.example.evil/agent/planner", false),
        ("wimse://prod.example/agent/planner", false),
    ] {
        assert_eq!(attests(workload).await, may, "{workload}");
    }
}

#[tokio::test]
async fn what_is_said_of_one_kind_is_nothing_of_the_other() {
    let world = World::new().await;
    let (approval, posture) = (world.approval(("https://corp.example", "alice")), world.posture(PLANNER));
    assert!(world.judge(&posture, NOW).await.is_err() && world.trust.verify_posture(&approval, at(NOW)).await.is_err());
    assert!(world.trust.verify_posture(&posture, at(NOW)).await.is_ok());
}
