//! `POST /tpm/challenge`.

use procura_token::base64url;
use serde_json::{Value, json};

use super::{Scene, by_ek};
use crate::support::{Answer, Tpm, World};

async fn ask(scene: &Scene, form: &str) -> Answer {
    let request = scene.service.request("POST", "/tpm/challenge").header("content-type", "application/x-www-form-urlencoded");
    Answer::of(request.body(form.to_owned())).await
}

#[tokio::test]
async fn a_challenge_is_for_an_enrolled_ek_and_an_ak_and_without_keys_there_is_a_nonce_alone() {
    let (tpm, other) = (Tpm::provisioned(&[]), Tpm::provisioned(&[]));
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    let key = |tpm: &Tpm, file: &str| base64url::encode(tpm.read(file));
    let both = |ek: &str, ak: &str| format!("ek_public={ek}&ak_public={ak}");
    let (ek, ak) = (key(&tpm, "ek.pub"), key(&tpm, "ak.pub"));

    let challenge = ask(&scene, &both(&ek, &ak)).await;
    assert_eq!((challenge.status, challenge.header("cache-control")), (200, Some("no-store")), "{challenge:?}");
    let body = challenge.json();
    assert_eq!(body["nonce"].as_str(), challenge.header("dpop-nonce"));
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["nonce", "credential_blob", "encrypted_secret"]);
    let bare = ask(&scene, "").await;
    assert_eq!((bare.status, bare.json().as_object().unwrap().len()), (200, 1));

    // An AK is anybody's to make; without an enrolled EK there is nothing to gain.
    assert_eq!(ask(&scene, &both(&ek, &key(&other, "ak.pub"))).await.status, 200);
    for (why, form) in [
        ("an EK that nobody enrolled", both(&key(&other, "ek.pub"), &ak)),
        ("an AK as EK", both(&ak, &ak)),
        ("an EK as AK", both(&ek, &ek)),
        ("a key that may sign anything as AK", both(&ek, &key(&tpm, "key.pub"))),
        ("half an EK", both(&base64url::encode(&tpm.read("ek.pub")[..40]), &ak)),
    ] {
        assert_eq!(ask(&scene, &form).await.refusal(), (401, "invalid_client".to_owned()), "{why}");
    }
    for form in
        [format!("ek_public={ek}"), format!("ak_public={ak}"), both("+", &ak), both(&ek, "AB"), both(&ek, &ak) + "&ak_public=AA"]
    {
        assert_eq!(ask(&scene, &form).await.refusal(), (400, "invalid_request".to_owned()), "{form}");
    }
    // Nothing is granted, so nothing is recorded.
    assert_eq!(scene.world.audit(), Vec::<Value>::new());
}

#[tokio::test]
async fn the_endpoint_is_announced_and_is_there_only_where_tpms_are_believed() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    let told = scene.service.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(told["procura_tpm_challenge_endpoint"], "http://127.0.0.1:8080/tpm/challenge");
    assert!(told["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("procura_tpm")));
    assert_eq!(scene.service.get("/tpm/challenge").await.status, 405);
    let service = World::new().serve();
    let request = service.request("POST", "/tpm/challenge").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(Answer::of(request).await.status, 404);
    let told = service.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(told["procura_tpm_challenge_endpoint"], json!(null));
}
