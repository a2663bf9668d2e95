//! Claims as the documentation has them, and what clusters say of a token.

use procura_token::{
    Algorithm, PlatformToken, PlatformTokenRules, Signer as _, SigningKey, UnixTime, Unverified, Verified, base64url,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::review::{Review, question};
use crate::trust::platform::profile::sample::{US, identify, rule, settings, with};
use crate::trust::platform::rule::Rule;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const NOW: UnixTime = UnixTime::from_secs(1_700_077_500);
const UID: &str = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798";

fn claims() -> Value {
    json!({
        "aud": US, "exp": 1_700_081_013, "iat": 1_700_077_413, "iss": ISSUER, "nbf": 1_700_077_413,
        "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a", "sub": "system:serviceaccount:my-namespace:my-serviceaccount",
        "kubernetes.io": {
            "namespace": "my-namespace",
            "node": { "name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1" },
            "pod": { "name": "my-pod", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3" },
            "serviceaccount": { "name": "my-serviceaccount", "uid": UID },
            "warnafter": 1_700_081_020,
        },
    })
}

fn kubernetes(require: &[(&str, &str)]) -> Rule {
    rule(settings("kubernetes", Some(ISSUER), require)).unwrap()
}

#[test]
fn a_service_account_is_its_uid() {
    let identity = identify(&kubernetes(&[]), &claims()).unwrap();
    let id = format!("spiffe://prod.example/kubernetes/my-namespace/my-serviceaccount/{UID}");
    assert_eq!(identity.id().as_str(), id);
    for (name, value) in [("pod", "my-pod"), ("node", "my-node"), ("namespace", "my-namespace")] {
        assert_eq!(identity.attributes().get(name).map(String::as_str), Some(value));
    }
}

/// F13: a service account made again under the same name.
#[test]
fn a_recycled_name_is_another_workload() {
    let uid = "00000000-a7e2-420f-9f9a-dbc4507c3798";
    let again = with(claims(), &json!({ "kubernetes.io": { "serviceaccount": { "uid": uid } } }));
    let (first, again) = (identify(&kubernetes(&[]), &claims()).unwrap(), identify(&kubernetes(&[]), &again).unwrap());
    assert!(first.id() != again.id() && first.principal() != again.principal());
}

#[test]
fn claims_that_contradict_each_other_or_live_in_secrets_are_refused() {
    for changes in [
        json!({ "sub": "system:serviceaccount:kube-system:my-serviceaccount" }),
        json!({ "sub": "system:node:my-node" }),
        json!({ "kubernetes.io": { "namespace": "kube-system" } }),
        json!({ "kubernetes.io": { "serviceaccount": { "uid": null } } }),
        json!({ "kubernetes.io": { "secret": { "name": "s", "uid": "u" }, "pod": null } }),
        json!({ "kubernetes.io": null }),
    ] {
        assert!(identify(&kubernetes(&[]), &with(claims(), &changes)).is_err(), "{changes}");
    }
    let kept = with(claims(), &json!({ "kubernetes.io": { "secret": { "name": "s", "uid": "u" } } }));
    assert!(identify(&kubernetes(&[("secret", "s")]), &kept).is_ok());
}

fn jwt(claims: &Value) -> String {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let input = format!("{}.{}", base64url::encode(r#"{"alg":"ES256","kid":"k"}"#), base64url::encode(claims.to_string()));
    format!("{input}.{}", base64url::encode(key.sign(input.as_bytes()).unwrap()))
}

/// Tokens from before 1.24 have no end, no audience, and an issuer that is no URL.
#[test]
fn a_legacy_token_is_no_platform_token() {
    let legacy = json!({
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:deployer",
        "kubernetes.io/serviceaccount/namespace": "default", "kubernetes.io/serviceaccount/secret.name": "deployer-token-x",
        "kubernetes.io/serviceaccount/service-account.name": "deployer",
        "kubernetes.io/serviceaccount/service-account.uid": UID,
    });
    assert!(Unverified::<PlatformToken>::parse(&jwt(&legacy)).is_err());
    for missing in ["exp", "aud", "iss"] {
        assert!(Unverified::<PlatformToken>::parse(&jwt(&with(claims(), &json!({ missing: null })))).is_err(), "{missing}");
    }
}

fn token() -> Verified<PlatformToken> {
    let rules = PlatformTokenRules {
        issuer: &ISSUER.parse().unwrap(),
        audiences: &[US.to_owned()],
        algorithms: &[],
        skew: std::time::Duration::ZERO,
    };
    Unverified::<PlatformToken>::parse(&jwt(&claims())).unwrap().confirmed_by_its_platform(&rules, NOW).unwrap()
}

/// The answer of a cluster of 1.30 to the question about `token`.
fn review() -> Value {
    let mut review: Value = serde_json::from_slice(&question("a.b.c", &[US.to_owned()])).unwrap();
    assert_eq!(review["spec"], json!({ "token": "a.b.c", "audiences": [US] }));
    review["metadata"] = json!({ "managedFields": [] });
    review["status"] = json!({
        "authenticated": true, "audiences": [US],
        "user": {
            "username": "system:serviceaccount:my-namespace:my-serviceaccount", "uid": UID,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "extra": {
                "authentication.kubernetes.io/credential-id": ["JTI=ea28ed49-2e11-4280-9ec5-bc3d1d84661a"],
                "authentication.kubernetes.io/node-name": ["my-node"],
                "authentication.kubernetes.io/pod-name": ["my-pod"],
                "authentication.kubernetes.io/pod-uid": ["5e0bd49b-f040-43b0-99b7-22765a53f7f3"],
            },
        },
    });
    review
}

fn judge(review: &Value) -> Result<(), &'static str> {
    Review::parse(review.to_string().as_bytes())?.judge(&token())
}

#[test]
fn a_token_is_believed_if_the_cluster_says_so_of_this_one_for_us() {
    assert_eq!(judge(&review()), Ok(()));
    // Clusters from before 1.30 say less.
    assert_eq!(judge(&with(review(), &json!({ "status": { "user": { "extra": null } } }))), Ok(()));
    for changes in [
        json!({ "status": { "authenticated": false } }),
        json!({ "status": { "authenticated": null } }),
        json!({ "status": { "audiences": null } }),
        json!({ "status": { "audiences": [] } }),
        json!({ "status": { "audiences": [ISSUER] } }),
        json!({ "status": { "user": { "username": "system:serviceaccount:kube-system:admin" } } }),
        json!({ "status": { "user": { "uid": "another" } } }),
        json!({ "status": { "user": { "uid": null } } }),
        json!({ "status": { "user": { "extra": { "authentication.kubernetes.io/pod-name": ["other"] } } } }),
        json!({ "status": { "user": { "extra": { "authentication.kubernetes.io/pod-uid": [] } } } }),
        json!({ "status": null }),
        json!({ "status": { "authenticated": "true" } }),
        json!({ "kind": "SubjectAccessReview" }),
        json!({ "apiVersion": "authentication.k8s.io/v1beta1" }),
    ] {
        assert!(judge(&with(review(), &changes)).is_err(), "{changes}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic(text in "\\PC{0,300}") {
        if let Ok(review) = Review::parse(text.as_bytes()) {
            let _ = review.judge(&token());
        }
    }
}
