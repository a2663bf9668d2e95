//! Claims as the documentation and published tokens have them.

use serde_json::{Value, json};

use crate::trust::platform::profile::sample::{US, identify, rule, settings, with};
use crate::trust::platform::rule::Rule;

const ISSUER: &str = "https://a103a2cc-b461-473d-84fe-6c4f6d45af88.tokens.sts.global.api.aws";

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": US, "sub": "arn:aws:iam::123456789012:role/data/DataProcessingRole",
        "iat": 1_700_000_000, "exp": 1_700_000_900, "jti": "5488e298-0a47-4c5b-80d7-6b4ab8a4cede",
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012", "source_region": "us-east-1", "org_id": "o-abc1234567",
            "principal_id": "arn:aws:iam::123456789012:role/data/DataProcessingRole",
            "ou_path": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"],
            "principal_tags": { "environment": "production", "procura": "d5f1", "kubernetes-namespace": "default" },
            "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:process-data",
            "request_tags": { "procura": "forged", "kubernetes-namespace": "forged" },
        },
    })
}

fn aws(require: &[(&str, &str)]) -> Rule {
    rule(settings("aws-jwt", Some(ISSUER), require)).unwrap()
}

#[test]
fn a_role_is_its_name_in_its_account() {
    let identity = identify(&aws(&[]), &claims()).unwrap();
    assert_eq!(identity.id().as_str(), "spiffe://prod.example/aws/123456789012/DataProcessingRole");
    for (name, value) in [("organization", "o-abc1234567"), ("tag", "d5f1"), ("kubernetes_namespace", "default")] {
        assert_eq!(identity.attributes().get(name).map(String::as_str), Some(value));
    }
    // A path is no part of the name.
    let elsewhere = with(claims(), &json!({ "sub": "arn:aws:iam::123456789012:role/DataProcessingRole" }));
    assert_eq!(identify(&aws(&[]), &elsewhere).unwrap().principal(), identity.principal());
    let other = with(claims(), &json!({ "sub": "arn:aws:iam::123456789012:role/data/Other" }));
    assert_ne!(identify(&aws(&[]), &other).unwrap().principal(), identity.principal());
}

/// F13: a role made again has the name of the first; a tag that the first one has tells them apart.
#[test]
fn a_recycled_role_is_told_by_its_tag() {
    let tagged = aws(&[("tag", "d5f1")]);
    assert!(identify(&tagged, &claims()).is_ok());
    for tags in [json!({ "procura": null }), json!({ "procura": "d5f2" })] {
        let again = with(claims(), &json!({ "https://sts.amazonaws.com/": { "principal_tags": tags } }));
        assert!(identify(&tagged, &again).is_err(), "{tags}");
    }
}

#[test]
fn who_is_no_role_or_of_another_account_is_refused() {
    for sub in [
        "arn:aws:iam::210987654321:role/DataProcessingRole",
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/DataProcessingRole/s",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:rolename",
        "arn:gcp:iam::123456789012:role/x",
        "alice",
    ] {
        assert!(identify(&aws(&[]), &with(claims(), &json!({ "sub": sub }))).is_err(), "{sub}");
    }
    let bare = with(claims(), &json!({ "https://sts.amazonaws.com/": null }));
    assert!(identify(&aws(&[]), &bare).is_err());
    for issuer in ["https://sts.amazonaws.com", "https://x.tokens.sts.global.api.aws/", "https://tokens.sts.global.api.aws"] {
        assert!(rule(settings("aws-jwt", Some(issuer), &[])).is_err(), "{issuer}");
    }
}
