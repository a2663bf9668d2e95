//! Claims as the documentation and published tokens have them.

use serde_json::{Value, json};

use crate::trust::platform::profile::sample::{US, identify, rule, settings, with};
use crate::trust::platform::rule::Rule;

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// A token of version 1.0, of a user-assigned managed identity.
fn v1() -> Value {
    json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": US, "iat": 1_716_235_422, "nbf": 1_716_235_422, "exp": 1_716_239_022,
        "aio": "E2ZgYFjm", "appid": "22222222-3333-4444-5555-666666666666", "appidacr": "2", "idtyp": "app",
        "idp": format!("https://sts.windows.net/{TENANT}/"), "oid": "33333333-4444-5555-6666-777777777777", "rh": "0.AVE",
        "roles": ["Task.Write"], "sub": "33333333-4444-5555-6666-777777777777", "tid": TENANT, "uti": "cRZ8", "ver": "1.0",
        "xms_mirid": "/subscriptions/s/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/deploy",
    })
}

/// The same of version 2.0.
fn v2() -> Value {
    let changes = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "appid": null, "appidacr": null, "ver": "2.0",
        "azp": "22222222-3333-4444-5555-666666666666", "azpacr": "2",
    });
    with(v1(), &changes)
}

fn azure(claims: &Value, require: &[(&str, &str)]) -> Rule {
    rule(settings("azure", claims["iss"].as_str(), require)).unwrap()
}

#[test]
fn a_managed_identity_is_its_object_in_its_tenant() {
    for claims in [v1(), v2()] {
        let identity = identify(&azure(&claims, &[]), &claims).unwrap();
        let id = format!("spiffe://prod.example/azure/{TENANT}/33333333-4444-5555-6666-777777777777");
        assert_eq!(identity.id().as_str(), id);
        assert_eq!(identity.attributes()["application_id"], "22222222-3333-4444-5555-666666666666");
    }
}

/// F13: what is made anew under an old name is somebody else.
#[test]
fn a_recycled_name_has_another_identifier_and_a_new_name_the_old_one() {
    let rule = azure(&v1(), &[]);
    let first = identify(&rule, &v1()).unwrap();
    let oid = "44444444-4444-5555-6666-777777777777";
    let again = identify(&rule, &with(v1(), &json!({ "oid": oid, "sub": oid }))).unwrap();
    assert!(first.id() != again.id() && first.principal() != again.principal());
    let moved = identify(&rule, &with(v1(), &json!({ "xms_mirid": "/subscriptions/s/resourcegroups/other" }))).unwrap();
    assert_eq!((first.id(), first.principal()), (moved.id(), moved.principal()));
}

#[test]
fn people_other_tenants_and_what_is_not_shown_to_be_an_application_are_refused() {
    let rule = azure(&v1(), &[]);
    for changes in [
        json!({ "idtyp": "user", "upn": "alice@example.com", "scp": "user_impersonation" }),
        json!({ "idtyp": null }),
        json!({ "sub": "Y0KxT1pairwise" }),
        json!({ "tid": "11111111-86f1-41af-91ab-2d7cd011db47" }),
        json!({ "tid": "" }),
        json!({ "tid": "sts.windows.net" }),
        json!({ "oid": null }),
    ] {
        assert!(identify(&rule, &with(v1(), &changes)).is_err(), "{changes}");
    }
}

#[test]
fn the_issuer_names_one_tenant() {
    for issuer in [
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/organizations/v2.0",
        "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0",
        "https://sts.windows.net/common/",
        "https://login.microsoftonline.com/{tenantid}/v2.0",
    ] {
        assert!(
            issuer.parse::<procura_token::Issuer>().is_err() || rule(settings("azure", Some(issuer), &[])).is_err(),
            "{issuer}"
        );
    }
    assert!(rule(settings("azure", None, &[])).is_err());
}
