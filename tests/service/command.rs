//! The commands that do one thing and end.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{World, procura, run};

#[test]
fn the_example_configuration_is_one_that_config_check_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("procura.toml");
    let example = run(&mut procura(&["config", "example"]));
    assert_eq!(example.code, 0);
    std::fs::write(&file, &example.stdout).unwrap();
    let told = run(procura(&["config", "check"]).arg(&file));
    assert_eq!((told.code, told.stdout), (0, format!("{}: ok\n", file.display())), "{}", told.stderr);
    std::fs::write(&file, example.stdout.replace("issuer", "isuer")).unwrap();
    run(procura(&["config", "check"]).arg(&file)).says(2, &["procura.toml", "line", "did you mean `issuer`?"]);
}

#[test]
fn the_schema_knows_every_key_of_the_example() {
    let schema: Value = serde_json::from_str(&run(&mut procura(&["config", "schema"])).stdout).unwrap();
    let example: toml::Table = run(&mut procura(&["config", "example"])).stdout.parse().unwrap();
    for key in example.keys() {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    for required in schema["required"].as_array().unwrap() {
        assert!(example.contains_key(required.as_str().unwrap()), "{required}");
    }
    assert_eq!(schema["additionalProperties"], json!(false));
}

#[test]
fn a_generated_key_is_its_owners_alone_and_never_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    for (algorithm, curve) in [("ES256", "P-256"), ("EdDSA", "Ed25519")] {
        let file = dir.path().join(format!("{algorithm}.jwk"));
        let made = run(procura(&["keys", "generate", "--algorithm", algorithm, "--out"]).arg(&file));
        assert_eq!(made.code, 0, "{made:?}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read_to_string(&file).unwrap();
        let key: Value = serde_json::from_str(&before).unwrap();
        assert_eq!((&key["crv"], &key["alg"]), (&json!(curve), &json!(algorithm)));
        assert!(made.stdout.contains(key["kid"].as_str().unwrap()) && !made.stdout.contains(key["d"].as_str().unwrap()));
        run(procura(&["keys", "generate", "--out"]).arg(&file)).says(1, &[&file.display().to_string(), "name a new file"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }
    let nowhere = dir.path().join("no/such/directory.jwk");
    run(procura(&["keys", "generate", "--out"]).arg(nowhere)).says(1, &["directory.jwk", "a directory that exists"]);
    let other = run(procura(&["keys", "generate", "--algorithm", "RS256", "--out"]).arg(dir.path().join("rsa")));
    other.says(1, &["only ES256 and EdDSA keys can be made"]);
}

#[test]
fn a_token_is_shown_and_not_believed() {
    let world = World::new();
    let token = world.user_token(json!({ "sub": "carol" }));
    let shown = run(&mut procura(&["token", "inspect", &token]));
    assert!(shown.code == 0 && shown.stdout.starts_with("NOT VERIFIED"), "{shown:?}");
    assert!(shown.stdout.contains("\"sub\": \"carol\"") && shown.stdout.contains("\"alg\": \"ES256\""), "{shown:?}");

    let file = world.path("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let from_stdin = Stdio::from(std::fs::File::open(&file).unwrap());
    assert_eq!(run(procura(&["token", "inspect", "-"]).stdin(from_stdin)).stdout, shown.stdout);

    run(&mut procura(&["token", "inspect", "nothing"])).says(1, &["not a JWS in compact serialization"]);
    let verify = ["token", "verify", &token, "--issuer", "http://127.0.0.1:8080", "--audience", "https://a.test", "--jwks"];
    run(procura(&verify).arg(world.path("trust/users.jwks.json"))).says(1, &["the token is not believed"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut process = procura(&["config", "schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let ended = process.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}
