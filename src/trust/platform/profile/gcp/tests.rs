//! Claims as the documentation and published tokens have them.

use serde_json::{Value, json};

use crate::trust::platform::profile::sample::{US, identify, rule, settings, with};
use crate::trust::platform::rule::Rule;

const ACCOUNT: &str = "112179062720391305885";

/// Of the metadata server of an instance, with `format=full`.
fn instance() -> Value {
    json!({
        "aud": US, "azp": ACCOUNT, "email": "1071284184436-compute@developer.gserviceaccount.com", "email_verified": true,
        "exp": 1_688_417_242, "iat": 1_688_413_642, "iss": "https://accounts.google.com", "sub": ACCOUNT,
        "google": { "compute_engine": {
            "instance_confidentiality": 1, "instance_creation_timestamp": 1_688_413_580, "instance_id": "4080561024171678567",
            "instance_name": "cvm", "project_id": "mineral-minutia-820", "project_number": 1_071_284_184_436_u64,
            "zone": "us-central1-a", "license_id": ["1001010"],
        } },
    })
}

/// Of a service account, without more.
fn service_account() -> Value {
    with(instance(), &json!({ "google": null }))
}

fn gcp(kind: &str, require: &[(&str, &str)]) -> Rule {
    rule(settings(kind, None, require)).unwrap()
}

#[test]
fn a_service_account_is_its_number() {
    let rule = gcp("gcp", &[("subject", ACCOUNT)]);
    for claims in [
        service_account(),
        instance(),
        with(service_account(), &json!({ "email": null, "email_verified": null })),
        with(service_account(), &json!({ "azp": "1071284184436-compute@developer.gserviceaccount.com" })),
    ] {
        let identity = identify(&rule, &claims).unwrap();
        assert_eq!(identity.id().as_str(), format!("spiffe://prod.example/gcp/service-account/{ACCOUNT}"));
    }
}

#[test]
fn an_instance_is_its_number_in_its_project() {
    let rule = gcp("gcp-instance", &[("project_number", "1071284184436")]);
    let first = identify(&rule, &instance()).unwrap();
    let id = "spiffe://prod.example/gcp/project/1071284184436/instance/4080561024171678567";
    assert_eq!(first.id().as_str(), id);
    // F13: another instance of the same name is another workload, the same one under another account is not.
    let again = with(instance(), &json!({ "google": { "compute_engine": { "instance_id": "1" } } }));
    assert_ne!(identify(&rule, &again).unwrap().principal(), first.principal());
    let other_account = with(instance(), &json!({ "sub": "7", "azp": "7" }));
    assert_eq!(identify(&rule, &other_account).unwrap().principal(), first.principal());
}

#[test]
fn a_token_without_an_instance_is_no_instances() {
    let rule = gcp("gcp-instance", &[("subject", ACCOUNT)]);
    assert!(identify(&rule, &service_account()).is_err());
}

#[test]
fn people_and_other_projects_are_refused() {
    let rule = gcp("gcp-instance", &[("project_number", "1071284184436")]);
    for changes in [
        json!({ "google": { "compute_engine": { "project_number": 1 } } }),
        json!({ "google": { "compute_engine": { "project_number": "1071284184436 " } } }),
        json!({ "azp": "764086051850.apps.googleusercontent.com" }),
        json!({ "azp": null }),
        json!({ "sub": "alice" }),
        json!({ "email": "alice@example.com" }),
        json!({ "email": "alice@gserviceaccount.com.example" }),
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email": "alice@example.com", "azp": "alice@example.com" }),
    ] {
        assert!(identify(&rule, &with(instance(), &changes)).is_err(), "{changes}");
    }
}

/// Google signs for everybody who has an account: a rule for all of them is a mistake.
#[test]
fn a_rule_says_whom_it_means() {
    for kind in ["gcp", "gcp-instance"] {
        assert_eq!(rule(settings(kind, None, &[])).unwrap_err().key, "require");
        assert!(rule(settings(kind, Some("https://accounts.google.com/"), &[("subject", ACCOUNT)])).is_err());
    }
    assert!(rule(settings("gcp", None, &[("zone", "us-central1-a")])).is_err());
}
