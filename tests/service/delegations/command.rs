//! `procura delegation`

use serde_json::{Value, json};

use super::{begun, scene};
use crate::support::{Service, claims, procura, run};

#[tokio::test]
async fn delegations_are_listed_shown_and_revoked_from_a_shell() {
    let (world, service, operator) = scene();
    let none = operator.says(&["list"]);
    assert_eq!((none.code, none.stdout.trim()), (0, "no delegations"));
    let alice = begun(&world, &service, "/agent/planner", "alice").await;
    let bob = begun(&world, &service, "/agent/researcher", "bob").await;

    let listed = operator.says(&["list"]);
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert!(listed.code == 0 && lines.len() == 3 && lines[0].starts_with("DELEGATION"), "{listed:?}");
    for words in [[&*alice, "active", "/agent/planner", "dev:alice"], [&*bob, "active", "/agent/researcher", "dev:bob"]] {
        assert!(lines.iter().any(|line| words.iter().all(|word| line.contains(word))), "{listed:?}");
    }
    let json: Value = serde_json::from_str(&operator.says(&["list", "--user", "dev:bob", "--json"]).stdout).unwrap();
    assert_eq!((json["delegations"].as_array().unwrap().len(), &json["delegations"][0]["id"]), (1, &json!(bob)));
    let cut = operator.says(&["list", "--limit", "1"]);
    assert!(cut.code == 0 && cut.stdout.lines().count() == 2 && cut.stderr.contains("there are more"), "{cut:?}");

    let shown = operator.says(&["show", &alice]);
    assert!(shown.code == 0 && shown.stdout.contains("dev:alice") && !shown.stdout.contains("revoked"), "{shown:?}");
    let revoked = operator.says(&["revoke", &alice, "--reason", "a \"quoted\" word"]);
    assert!(revoked.code == 0 && revoked.stdout.contains("1 revoked, 0 revoked before"), "{revoked:?}");
    assert!(operator.says(&["show", &alice]).stdout.contains("revoked"));
    let event = world.audit().into_iter().next_back().unwrap();
    assert_eq!((&event["event.kind"], &event["revocation.reason"]), (&json!("delegation.revoke"), &json!("a \"quoted\" word")));

    let revoked = operator.says(&["revoke", "--agent", "spiffe://dev.procura.test/agent/researcher", "--json"]);
    let json: Value = serde_json::from_str(&revoked.stdout).unwrap();
    assert_eq!((revoked.code, &json["revoked"], &json["delegations"][0]["id"]), (0, &json!(1), &json!(bob)));
    let again = operator.says(&["revoke", "--user", "dev:bob"]);
    assert!(again.code == 0 && again.stdout.contains("0 revoked, 1 revoked before"), "{again:?}");
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_says_why_in_one_line() {
    let (world, service, operator) = scene();
    operator.says(&["show", "AAAAAAAAAAAAAAAAAAAAAA"]).says(1, &["nothing is known of that delegation"]);
    operator.says(&["revoke", "AAAAAAAAAAAAAAAAAAAAAA"]).says(1, &["nothing is known"]);
    // One in 64 begins like an option.
    for id in ["-QAAAAAAAAAAAAAAAAAAAA", "--AAAAAAAAAAAAAAAAAAAA"] {
        operator.says(&["show", id, "--json"]).says(1, &["nothing is known"]);
        operator.says(&["revoke", "--reason", "stolen", id]).says(1, &["nothing is known"]);
    }
    assert_eq!(operator.says(&["revoke", "--usr", "dev:bob"]).code, 2);
    operator.says(&["revoke", "../../healthz"]).says(1, &["nothing is known"]);
    // Whoever named what nothing matches believes that somebody is stopped.
    operator.says(&["revoke", "--user", "dev:carol"]).says(1, &["nothing was revoked"]);
    operator.says(&["revoke"]).says(2, &["--agent, --user or --target"]);
    assert_eq!(operator.says(&["revoke", "x", "--user", "dev:carol"]).code, 2);
    assert_eq!(operator.says(&["list", "--agent", "planner"]).code, 2);

    let with = |name: &str, edits: &[(&str, &str)]| {
        let text = std::fs::read_to_string(operator.config()).unwrap();
        let text = edits.iter().fold(text, |text, (old, new)| text.replacen(old, new, 1));
        std::fs::write(world.path(name), text).unwrap();
        run(procura(&["delegation", "list", "--config"]).arg(world.path(name)))
    };
    let file = "token_file = \"keys/operators\"";
    std::fs::write(world.path("keys/other"), "another-token-of-the-operators-0123456789").unwrap();
    let other = with("other-token.toml", &[(file, "token_file = \"keys/other\"")]);
    other.says(1, &["does not take this token"]);
    assert!(!other.stderr.contains("another-token"), "{other:?}");
    with("no-token.toml", &[(file, "")]).says(2, &["no-token.toml", "`admin.token_file`", "openssl"]);
    with("short.toml", &[(file, "token = \"short\"")]).says(2, &["`admin.token`", "fewer than 32"]);
    with("both.toml", &[(file, &format!("{file}\ntoken = \"{}\"", "a".repeat(32)))]).says(2, &["given twice"]);
    let port = operator.door.url("").replace("http://127.0.0.1:", "");
    with("chance.toml", &[(&format!("127.0.0.1:{port}"), "127.0.0.1:0")]).says(2, &["`admin.listen`"]);
    let table = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\n{file}");
    with("no-admin.toml", &[(&table, "")]).says(2, &["no-admin.toml", "`admin`"]);
    // The public listener is another program, as it were.
    let public = service.url("").replace("http://127.0.0.1:", "");
    with("public.toml", &[(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{public}"))])
        .says(1, &["no delegations to ask for"]);
    drop(service);
    operator.says(&["list"]).says(1, &["nobody answers at 127.0.0.1:"]);
}

/// As the README says.
#[tokio::test]
async fn the_development_world_has_operators() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::develop(dir.path(), &[]);
    let dev = |arguments: &[&str]| {
        let printed = run(procura(&["dev"]).args(arguments).arg("--dir").arg(dir.path()));
        assert_eq!(printed.code, 0, "{printed:?}");
        printed.stdout
    };
    let file = |name: &str, text: String| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name)
    };
    let svid = file("svid", dev(&["svid", "--kind", "jwt", "--id", "/agent/planner"]));
    let user = file("user", dev(&["user-token", "--sub", "alice"]));
    let mut exchange = procura(&["exchange", "--issuer", &service.url(""), "--audience", "calendar", "--svid"]);
    let token = run(exchange.arg(&svid).arg("--user-token").arg(&user));
    assert_eq!(token.code, 0, "{token:?}");
    let id = claims(token.stdout.trim())["delegation"]["id"].as_str().unwrap().to_owned();
    let delegation =
        |arguments: &[&str]| run(procura(&["delegation"]).args(arguments).arg("--config").arg(dir.path().join("config.toml")));
    let listed = delegation(&["list"]);
    assert!(listed.code == 0 && listed.stdout.contains(&id) && listed.stdout.contains("dev:alice"), "{listed:?}");
    let revoked = delegation(&["revoke", "--agent", "spiffe://dev.procura.test/agent/planner", "--reason", "tried"]);
    assert!(revoked.code == 0 && revoked.stdout.contains("1 revoked"), "{revoked:?}");
    let secret = std::fs::metadata(dir.path().join("keys/admin")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);
}
