//! `procura trust`: whom we believe, and what a credential would become.

use std::process::Stdio;

use procura_token::{Algorithm, Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::support::{Agent, Authority, Ended, ISSUER, World, procura, run, sign};

const PLANNER: &str = "/agent/planner";
const PLANNER_ID: &str = "spiffe://dev.procura.test/agent/planner";

fn trust(world: &World, arguments: &[&str]) -> Ended {
    run(procura(&["trust"]).args(arguments).arg("--config").arg(world.config()))
}

/// What `trust test` says of `credential`: never the credential itself.
#[track_caller]
fn test(world: &World, credential: &str, more: &[&str]) -> Ended {
    let told = trust(world, &[&["test", credential], more].concat());
    let parts = credential.split('.').filter(|part| part.len() > 16 && !part.contains('/'));
    for part in parts {
        assert!(!told.stdout.contains(part) && !told.stderr.contains(part), "the credential is printed: {told:?}");
    }
    told
}

#[track_caller]
fn believed(told: &Ended, lines: &[(&str, &str)]) {
    assert_eq!(told.code, 0, "{told:?}");
    line_by_line(told, lines);
}

#[track_caller]
fn line_by_line(told: &Ended, lines: &[(&str, &str)]) {
    for (name, value) in lines {
        let line = told
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("{name}  ")))
            .unwrap_or_else(|| panic!("no {name}: {told:?}"));
        assert!(line.contains(value), "`{value}` is not in: {line}");
    }
}

#[test]
fn everybody_who_is_believed_is_listed_and_shown_with_public_keys() {
    let world = World::new();
    let listed = trust(&world, &["list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    for words in
        ["TRUST DOMAIN", "dev.procura.test", "trust/bundle.json", "1 jwt-svid", "1 x509-svid", "/agent/* /server/*", "believed"]
    {
        assert!(listed.stdout.contains(words), "{words}: {}", listed.stdout);
    }
    for words in ["USER ISSUER", "https://users.dev.procura.test", "dev", "1 sig"] {
        assert!(listed.stdout.contains(words), "{words}: {}", listed.stdout);
    }
    let bundle: Value = serde_json::from_str(&std::fs::read_to_string(world.path("trust/bundle.json")).unwrap()).unwrap();
    let listed: Value = serde_json::from_str(&trust(&world, &["list", "--json"]).stdout).unwrap();
    let domain = &listed["trust_domains"][0];
    assert_eq!(
        (&domain["name"], &domain["issue_wit"], &domain["disabled"]),
        (&json!("dev.procura.test"), &json!(true), &json!(null))
    );
    assert!(
        domain["keys"].as_array().unwrap().iter().any(|key| key["use"] == "jwt-svid" && key["kid"] == bundle["keys"][0]["kid"])
    );
    assert_eq!(listed["disabled"], json!([]));

    let shown = trust(&world, &["show", "dev.procura.test"]);
    let thumbprint = world.key("authority/svid.jwk").public_key().thumbprint().to_string();
    assert!(
        shown.stdout.contains(&thumbprint) && shown.stdout.contains("ES256") && shown.stdout.contains("x509-svid"),
        "{shown:?}"
    );
    for name in ["dev", "https://users.dev.procura.test"] {
        let shown = trust(&world, &["show", name]);
        assert!(shown.code == 0 && shown.stdout.contains("user issuer"), "{shown:?}");
    }
    trust(&world, &["show", "nobody"]).says(1, &["nobody is called `nobody`", "dev.procura.test", "dev"]);
    let secret = |name: &str| {
        let key: Value = serde_json::from_str(&std::fs::read_to_string(world.path(name)).unwrap()).unwrap();
        key["d"].as_str().unwrap().to_owned()
    };
    for told in [trust(&world, &["list", "--json"]), trust(&world, &["show", "dev.procura.test", "--json"])] {
        assert!(!told.stdout.contains(&secret("keys/wit.jwk")) && !told.stdout.contains("\"d\""), "{told:?}");
    }
}

#[tokio::test]
async fn each_kind_of_credential_is_known_for_what_it_would_become() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, PLANNER));
    let svid = world.svid(PLANNER, 600);
    let workload = [
        ("verdict", "believed"),
        ("name", PLANNER_ID),
        ("vouched for by", "dev.procura.test"),
        ("expires", "(in "),
        ("may have a WIT", "yes"),
    ];
    believed(&test(&world, &svid, &[]), &[&[("kind", "JWT-SVID")], &workload[..]].concat());
    let wit = service.exchange(&planner, &planner.wit(&svid)).await.token();
    let thumbprint = planner.key_thumbprint().to_string();
    believed(&test(&world, &wit, &[]), &[&[("kind", "WIT"), ("bound to key", &thumbprint)], &workload[..]].concat());
    believed(
        &test(&world, &world.user_token(json!({})), &[]),
        &[("kind", "ID token"), ("name", "dev:alice"), ("groups", "staff")],
    );
    let for_planner = world.user_token(json!({ "aud": PLANNER_ID }));
    believed(&test(&world, &for_planner, &["--caller", PLANNER_ID]), &[("kind", "ID token"), ("name", "dev:alice")]);
    test(&world, &for_planner, &[]).says(1, &["the ID token would be refused", "aud"]);

    // From a file and from standard input, with its key beside it.
    let pem = world.path("svid.pem");
    std::fs::write(&pem, world.x509_svid(PLANNER)).unwrap();
    believed(&trust(&world, &["test", pem.to_str().unwrap()]), &[&[("kind", "X.509-SVID")], &workload[..]].concat());
    let stdin = Stdio::from(std::fs::File::open(&pem).unwrap());
    let told = run(procura(&["trust", "test", "-", "--json", "--config"]).arg(world.config()).stdin(stdin));
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["kind"], &told["name"], &told["refusal"]), (&json!("X.509-SVID"), &json!(PLANNER_ID), &json!(null)));

    let delegated = service.exchange(&planner, &planner.delegation(&world.user_token(json!({})))).await.token();
    test(&world, &delegated, &[]).says(1, &["the access token would be refused", "procura token verify"]);
}

#[test]
fn a_credential_that_would_be_refused_is_refused_with_the_reason() {
    let world = World::new();
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let key = world.key("authority/svid.jwk");
    let svid = |signer: &SigningKey, changes: Value| {
        let mut claims = json!({ "sub": PLANNER_ID, "aud": [ISSUER], "exp": crate::support::now() + 600 });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        sign(signer, &json!({ "alg": "ES256", "kid": key.public_key().key_id }), &claims)
    };
    for (credential, reason) in [
        (svid(&stranger, json!({})), "signature"),
        (svid(&key, json!({ "aud": ["https://other.example"] })), "aud"),
        (svid(&key, json!({ "exp": 1_000_000_000 })), "expired"),
        (svid(&key, json!({ "sub": "spiffe://other.example/agent/planner" })), "trust domain"),
        (svid(&key, json!({ "sub": "spiffe://dev.procura.test/stranger" })), "not registered as a client"),
        (svid(&key, json!({ "iss": "https://nobody.example", "sub": "user" })), "issuer is not one we believe"),
        (world.user_token(json!({ "aud": "other" })), "aud"),
        ("nothing".to_owned(), "compact serialization"),
    ] {
        let told = test(&world, &credential, &[]);
        told.says(1, &["would be refused", reason]);
        line_by_line(&told, &[("verdict", "refused"), ("reason", reason)]);
    }
    let pem = world.path("svid.pem");
    std::fs::write(&pem, Authority::new().certify_workload(PLANNER_ID, 600)).unwrap();
    trust(&world, &["test", pem.to_str().unwrap()]).says(1, &["the X.509-SVID would be refused", "certificate"]);
    trust(&world, &["test", "no/such/file"]).says(2, &["there is no such file"]);

    assert_eq!(trust(&world, &["disable", "--workload", PLANNER_ID, "--reason", "stolen\u{1b}"]).code, 1);
    assert_eq!(trust(&world, &["disable", "--workload", PLANNER_ID, "--reason", "stolen"]).code, 0);
    let told = test(&world, &svid(&key, json!({})), &[]);
    told.says(1, &["the JWT-SVID would be refused", "is disabled since", "stolen"]);
    line_by_line(&told, &[("name", PLANNER_ID), ("verdict", "refused")]);
    let listed = trust(&world, &["list"]);
    assert!(listed.stdout.contains("DISABLED") && listed.stdout.contains(PLANNER_ID), "{listed:?}");
}

/// W10.
#[test]
fn nobody_is_enabled_while_what_was_issued_before_may_live_unless_asked_for() {
    let world = World::new();
    let planner = ["--workload", PLANNER_ID];
    let ask = |words: &[&str]| trust(&world, &[words, &planner].concat());
    ask(&["enable"]).says(1, &["trust/disabled.toml", PLANNER_ID, "is not disabled here"]);
    assert_eq!(ask(&["disable", "--reason", "x"]).code, 0);
    let again = ask(&["disable", "--reason", "y"]);
    assert!(again.code == 0 && again.stdout.contains("nothing changed") && again.stdout.contains(": x"), "{again:?}");
    ask(&["enable"]).says(1, &["was disabled", "may live for 1h 1m", "wait until", "--now"]);
    assert_eq!(ask(&["enable", "--now"]).code, 0);
    // An old entry goes without a word.
    let list = world.path("trust/disabled.toml");
    std::fs::write(
        &list,
        format!("[[disabled]]\nworkload = \"{PLANNER_ID}\"\nsince = \"2020-01-01T00:00:00Z\"\nreason = \"x\"\n"),
    )
    .unwrap();
    let told = ask(&["enable"]);
    assert!(told.code == 0 && told.stdout.contains("is not disabled any more"), "{told:?}");
}

#[test]
fn what_is_wrong_with_a_change_is_told() {
    let world = World::new();
    for (who, words) in [
        (["--workload", "spiffe://other.example/agent/planner"], ["other.example", "dev.procura.test"]),
        (["--trust-domain", "dev.procura.tset"], ["dev.procura.tset", "dev.procura.test"]),
        (["--issuer", "https://users.dev.procura.test/"], ["is not configured", "https://users.dev.procura.test"]),
        (["--platform", "ci"], ["platform rule `ci`", "is not configured"]),
    ] {
        trust(&world, &[&["disable", "--reason", "x"], &who[..]].concat()).says(1, &words);
    }
    for arguments in [
        &["disable", "--reason", "x"][..],
        &["disable", "--workload", PLANNER_ID],
        &["disable", "--workload", "spiffe://dev.procura.test/agent/pl*", "--reason", "x"],
        &["disable", "--workload", PLANNER_ID, "--platform", "ci", "--reason", "x"],
        &["enable", "--now"],
    ] {
        assert_eq!(trust(&world, arguments).code, 2, "{arguments:?}");
    }
    std::fs::write(world.path("trust/disabled.toml"), "disabled = [] # none\n").unwrap();
    trust(&world, &["disable", "--workload", PLANNER_ID, "--reason", "x"]).says(1, &["trust/disabled.toml", "with an editor"]);
    world.edit("disabled_file = \"trust/disabled.toml\"", "");
    trust(&world, &["disable", "--workload", PLANNER_ID, "--reason", "x"])
        .says(2, &["config.toml", "`trust.disabled_file`", "is not set"]);
}
