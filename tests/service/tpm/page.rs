//! What the page promises.

use procura_token::base64url;
use serde_json::{Value, json};

use super::{Scene, by_ak, by_ek};
use crate::support::{ISSUER, Tpm, claims};

/// The token in an answer that curl wrote.
fn token(tpm: &Tpm, file: &str) -> String {
    let answer: Value = serde_json::from_slice(&tpm.read(file)).unwrap();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("refused: {answer}")).to_owned()
}

/// The page from its beginning to its end, and that both tokens are the machine's and bound to its key.
fn follow(tpm: &Tpm, is_by_ak: bool) -> Scene {
    let device = if is_by_ak { by_ak("edge-17", tpm, "ak.name") } else { by_ek("edge-17", tpm) };
    let scene = Scene::new(&device);
    scene.does(tpm, &(tpm.wit(is_by_ak) + tpm.delegation()));

    let wit = claims(&token(tpm, "wit.json"));
    assert_eq!(wit["sub"], "spiffe://devices.test/tpm/edge-17");
    assert_eq!(wit["exp"].as_u64().unwrap() - wit["iat"].as_u64().unwrap(), 3600);
    let public = tpm.read("key.pub");
    let (x, y) = (base64url::encode(&public[public.len() - 66..][..32]), base64url::encode(&public[public.len() - 32..]));
    assert_eq!(wit["cnf"], json!({ "jwk": { "kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y } }));

    let delegation = claims(&token(tpm, "delegation.json"));
    assert_eq!((&delegation["sub"], &delegation["scope"]), (&json!("dev:alice"), &json!("calendar.read")));
    assert_eq!(delegation["act"]["sub"], wit["sub"]);
    let key = procura_token::Jwk::parse(wit["cnf"]["jwk"].to_string().as_bytes()).unwrap();
    assert_eq!(delegation["cnf"], json!({ "jkt": key.thumbprint() }));
    scene
}

fn is_audited(scene: &Scene, tpm: &Tpm, enrolment: &str) {
    let audit = scene.world.audit();
    assert_eq!(audit.len(), 2);
    for event in audit {
        assert_eq!((&event["outcome"], &event["caller.credential"]), (&json!("granted"), &json!("tpm")), "{event}");
        assert_eq!((&event["caller.platform.kind"], &event["caller.platform.rule"]), (&json!("tpm"), &json!("tpm")));
        assert_eq!(event["caller.platform.device"], "edge-17");
        assert_eq!(event["caller.platform.enrolment"], enrolment);
        assert_eq!(event["caller.platform.ak_name"], super::hexadecimal(&tpm.read("ak.name")));
        assert_eq!(event["caller.proof"], "dpop");
    }
}

#[test]
fn a_machine_enrolled_by_its_ek_gets_a_wit_and_a_delegation_token_by_the_commands_of_the_page() {
    let tpm = Tpm::provisioned(&[]);
    let scene = follow(&tpm, false);
    is_audited(&scene, &tpm, "ek");
    // One attestation serves until its nonce ends, and does not make a bearer credential: it may be shown again.
    let wits = [1, 2].map(|_| {
        scene.does(&tpm, &tpm.wit(false));
        token(&tpm, "wit.json")
    });
    assert_ne!(wits[0], wits[1]);
    let again = "exchange -d subject_token=$assertion -d subject_token_type=urn:ietf:params:oauth:token-type:jwt \
                 -d requested_token_type=urn:procura:token-type:wit >again.json";
    scene.does(&tpm, &(tpm.wit(false) + again));
    assert_eq!(claims(&token(&tpm, "again.json"))["cnf"], claims(&token(&tpm, "wit.json"))["cnf"]);
}

#[test]
fn a_machine_enrolled_by_its_ak_gets_both_too() {
    let tpm = Tpm::provisioned(&[]);
    is_audited(&follow(&tpm, true), &tpm, "ak");
}

/// The EK template of the larger curve wants another policy (TCG EK Credential Profile, appendix B): either the password
/// of the hierarchy, as for the smaller ones, or one that stands in the TPM's memory, whose digest this is.
const POLICY_C: &str = "D6032CE61F2FB3C240EB3CF6A33237EF2B6A16F4293C22B455E261CFFD217AD5B4947C2D73E63005EED2DC2B3593D165";

#[test]
fn rsa_and_the_larger_curve_serve_as_well() {
    const AK: &str = "-G ecc -g sha256 -s ecdsa";
    const CERTIFY: &str = "-c 0x81000010 -g sha256 -s ecdsa -d";
    const EK: (&str, &str) = ("-c ek.ctx -G ecc", "-c ek.ctx -G rsa");
    let rsassa = [(AK, "-G rsa -g sha256 -s rsassa"), (CERTIFY, "-c 0x81000010 -g sha256 -s rsassa -d"), EK];
    follow(&Tpm::provisioned(&rsassa), false);
    let rsapss = [(AK, "-G rsa -g sha256 -s rsapss"), (CERTIFY, "-c 0x81000010 -g sha256 -s rsapss -d")];
    follow(&Tpm::provisioned(&rsapss), false);
    let or = format!(
        "-c e -L policy.a; printf {POLICY_C} | basenc -d --base16 >policy.c; tpm2_policyor -S ek.session -L policy sha384:policy.a,policy.c >or"
    );
    let p384 = [
        (AK, "-G ecc384 -g sha384 -s ecdsa"),
        (CERTIFY, "-c 0x81000010 -g sha384 -s ecdsa -d"),
        (EK.0, "-c ek.ctx -G ecc384"),
        ("--policy-session", "--policy-session -g sha384"),
        ("-c e >policy", &or),
    ];
    follow(&Tpm::provisioned(&p384), false);
}

/// Libraries that certify with `TPM2_Certify` instead of `TPM2_CertifyCreation` are understood.
#[test]
fn a_key_that_is_certified_as_loaded_serves_as_one_that_is_certified_as_created() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ak("edge-17", &tpm, "ak.name"));
    let nonce = scene.does(&tpm, &(tpm.functions(true) + "ask; printf %s $nonce"));
    tpm.certify(&procura_token::sha256(format!("procura tpm attestation\n{ISSUER}\n{nonce}").as_bytes()));
    // What is there is sent, and nothing is certified by tpm2-tools.
    let functions =
        tpm.wit(true).replace("ask; answer; certify", &format!("nonce={nonce}; tpm2_certifycreation() {{ :; }}; certify"));
    scene.does(&tpm, &functions);
    assert_eq!(claims(&token(&tpm, "wit.json"))["sub"], "spiffe://devices.test/tpm/edge-17");
}
