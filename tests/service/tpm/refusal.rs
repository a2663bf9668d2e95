//! Attestations that are not believed, each made by a real TPM.

use procura_token::base64url;
use serde_json::Value;

use super::{Scene, by_ak, by_ek};
use crate::support::{ISSUER, Tpm};

fn client(reason: &str) -> (String, String) {
    ("invalid_client".to_owned(), format!("caller: platform: {reason}"))
}

/// Makes keys beside those of the page: one that may leave, one that was brought, one that signs anything, and a second AK.
const MORE_KEYS: &str = r"
create() { # name, attributes
  tpm2_create -C primary.ctx -G ecc256:ecdsa-sha256 -a $2 -u $1.pub -r $1.priv -d $1.hash -t $1.ticket
  tpm2_load -C primary.ctx -u $1.pub -r $1.priv -c $1.ctx -n $1.name
}
create leaving 'sign|sensitivedataorigin|userwithauth'
create other 'sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth'
openssl ecparam -name prime256v1 -genkey -noout -out brought.pem
tpm2_import -C primary.ctx -G ecc -i brought.pem -a 'sign|userwithauth' -u brought.pub -r brought.priv
tpm2_load -C primary.ctx -u brought.pub -r brought.priv -c brought.ctx
cp other.hash brought.hash; cp other.ticket brought.ticket
tpm2_createak -C 0x81010001 -c ak2.ctx -G ecc -g sha256 -s ecdsa -u ak2.pub -n ak2.name
";
/// Puts another key of the workload, or another AK, in the place of the page's.
const USE: &str = r"
use_key() {
  cp $1.pub key.pub; cp $1.hash key.hash; cp $1.ticket key.ticket
  tpm2_evictcontrol -C o -c 0x81000010; tpm2_evictcontrol -C o -c $1.ctx 0x81000010
}
use_ak() {
  cp $1.pub ak.pub; tpm2_evictcontrol -C o -c 0x81010002; tpm2_evictcontrol -C o -c $1.ctx 0x81010002
}
";

const WIT: &str = "\nexchange -d requested_token_type=urn:procura:token-type:wit -d subject_token=$assertion \
                   -d subject_token_type=urn:ietf:params:oauth:token-type:jwt >wit.json\n";

#[test]
fn an_attestation_for_another_occasion_is_refused() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    let refuses = |script: &str| scene.refuses(&tpm, &(tpm.functions(false) + script + WIT));
    let occasion = client("the statement was made for another occasion");
    // Of another service, and of a nonce that is good but another.
    let service = format!("ask; answer; issuer=https://other.example; certify; issuer={ISSUER}");
    assert_eq!(refuses(&service), occasion);
    assert_eq!(refuses("ask; answer; certify; ask"), occasion);
    // Of a nonce that is not ours, or no more: the attestation fits, and the nonce does not.
    let nonce = ("use_dpop_nonce".to_owned(), "proof: the nonce is missing or not one given lately".to_owned());
    assert_eq!(refuses("ask; answer; nonce=$(printf %s $nonce | tr A-Za-z B-ZAb-za); certify"), nonce);
    assert_eq!(refuses("assertion=e30; prove() { :; }"), nonce_missing());
}

fn nonce_missing() -> (String, String) {
    ("use_dpop_nonce".to_owned(), "proof: the nonce is missing or not one given lately".to_owned())
}

#[test]
fn an_attestation_of_another_key_or_a_proof_by_another_key_is_refused() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    tpm.does(MORE_KEYS);
    let refuses = |script: &str| scene.refuses(&tpm, &(tpm.functions(false) + USE + script + WIT));
    // The AK certifies the page's key; another one is shown.
    assert_eq!(
        refuses("ask; answer; cp key.pub own.pub; cp other.pub key.pub; certify; cp own.pub key.pub"),
        client("the statement is about another key")
    );
    // What is shown is right, and the proof is by another key of the same TPM.
    let (code, reason) = refuses("ask; answer; certify; use_key other");
    assert_eq!(code, "invalid_dpop_proof");
    assert!(reason.contains("another key than the one that the platform vouches for"), "{reason}");
}

#[test]
fn a_key_that_may_leave_the_tpm_or_was_brought_there_is_refused() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ak("edge-17", &tpm, "ak.name"));
    tpm.does(MORE_KEYS);
    let refuses = |script: &str| scene.refuses(&tpm, &(tpm.functions(true) + USE + script + WIT));
    assert_eq!(refuses("use_key leaving; ask; certify"), client("attested key: it may leave its TPM"));
    // There is no ticket of its creation; `TPM2_Certify` would say that it is loaded.
    tpm.does(&format!("{USE} use_key brought"));
    tpm.certify(b"");
    let script = "tpm2_certifycreation() { :; }; ask; certify";
    assert_eq!(scene.refuses(&tpm, &(tpm.functions(true) + script + WIT)), client("attested key: it may leave its TPM"));
}

#[test]
fn an_ak_that_is_not_enrolled_or_not_restricted_is_refused() {
    let tpm = Tpm::provisioned(&[]);
    tpm.does(MORE_KEYS);
    // Whoever enrolled that one has made a mistake.
    let devices = by_ak("edge-17", &tpm, "ak.name") + &by_ak("edge-18", &tpm, "other.name");
    let scene = Scene::new(&devices);
    let refuses = |script: &str| scene.refuses(&tpm, &(tpm.functions(true) + USE + script + WIT));
    let unrestricted = client("attestation key: it is not restricted to what its TPM says");
    tpm.does(&format!("{USE} use_ak other"));
    assert_eq!(refuses("ask; certify"), unrestricted);
    assert_eq!(refuses("use_ak ak2; ask; certify"), client("no device is enrolled by this attestation key"));
}

#[test]
fn the_secret_of_another_pair_of_keys_is_refused() {
    let (tpm, other) = (Tpm::provisioned(&[]), Tpm::provisioned(&[]));
    let scene = Scene::new(&(by_ek("edge-17", &tpm) + &by_ek("edge-18", &other)));
    tpm.does(MORE_KEYS);
    let refuses = |tpm: &Tpm, script: &str| scene.refuses(tpm, &(tpm.functions(false) + USE + script + WIT));
    let unshown = client("the attestation key has not been shown to be in the TPM of the endorsement key, or not lately");
    // Another AK of the same TPM with the secret of the first; with its own it is as good.
    assert_eq!(refuses(&tpm, "ask; answer; use_ak ak2; certify"), unshown);
    scene.does(&tpm, &(tpm.functions(false) + "ask; answer; certify" + WIT));
    assert!(String::from_utf8(tpm.read("wit.json")).unwrap().contains("access_token"));
    // One enrolled machine as the other.
    other.does(&format!("cp {} first.der", tpm.path("ek.der").display()));
    assert_eq!(refuses(&other, "ask; answer; cp first.der ek.der; certify"), unshown);
    assert_eq!(refuses(&tpm, "ask; head -c 32 /dev/zero >secret; certify"), unshown);
    assert_eq!(refuses(&tpm, "ask; : >secret; certify"), unshown);
    // Only that TPM opens what was made for it.
    other.does(&format!("cp {} challenge", tpm.path("challenge").display()));
    assert_ne!(other.run(&(other.functions(false) + "answer")).code, 0);
}

#[tokio::test]
async fn a_machine_that_is_not_enrolled_gets_nothing() {
    let (tpm, other) = (Tpm::provisioned(&[]), Tpm::provisioned(&[]));
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    scene.does(&tpm, &(tpm.functions(false) + "ask; answer; certify"));
    // It has no challenge to answer, and the secret of another machine does not help.
    other.does(&format!("cp {} secret", tpm.path("secret").display()));
    let script = other.functions(false)
        + "ask; jq -e .error challenge; nonce=$(curl -sS $issuer/tpm/challenge -d '' | jq -r .nonce); certify";
    assert_eq!(scene.refuses(&other, &(script + WIT)), client("no device is enrolled by this endorsement key"));
}

/// Every byte counts; the parsers' own tests turn each bit.
#[tokio::test]
async fn an_attestation_of_which_a_byte_was_changed_is_refused() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    let sent = scene.does(&tpm, &(tpm.functions(false) + "ask; answer; certify; printf '%s %s' $assertion $(prove)"));
    let (assertion, proof) = sent.split_once(' ').unwrap();
    let json: Value = serde_json::from_slice(&base64url::decode(assertion).unwrap()).unwrap();
    let form = |assertion: &str| {
        let form = crate::support::Form::default();
        let form = form.add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
        let form = form.add("client_assertion_type", "urn:procura:client-assertion-type:tpm").add("client_assertion", assertion);
        let form = form.add("subject_token", assertion).add("subject_token_type", crate::support::JWT);
        form.add("requested_token_type", crate::support::WIT)
    };
    for part in ["ak_public", "key_public", "certify_info", "certify_signature", "credential_secret"] {
        let bytes = base64url::decode(json[part].as_str().unwrap()).unwrap();
        for place in (0..bytes.len()).step_by(7) {
            let (mut bytes, mut json) = (bytes.clone(), json.clone());
            bytes[place] ^= 0x20;
            json[part] = base64url::encode(bytes).into();
            let answer = scene.service.post(proof, &form(&base64url::encode(json.to_string()))).await;
            assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{part} {place}");
        }
    }
    for broken in [assertion[4..].to_owned(), format!("{assertion}AAAA"), "A".repeat(16 * 1024 + 4), "e30".to_owned()] {
        assert_eq!(scene.service.post(proof, &form(&broken)).await.refusal(), (401, "invalid_client".to_owned()));
    }
    // Unchanged it is good, and the proof was not used up by all that.
    assert_eq!(scene.service.post(proof, &form(assertion)).await.status, 200);
}
