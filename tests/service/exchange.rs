//! `procura exchange` for every kind of caller, against the development world.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{Ended, Service, claims, procura, run};

struct Shell {
    dir: tempfile::TempDir,
    service: Service,
}

impl Shell {
    fn new(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service::develop(dir.path(), more);
        Self { dir, service }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs `procura dev …` in this world and keeps what it prints in a file.
    fn keep(&self, name: &str, arguments: &[&str]) -> String {
        let printed = run(procura(&["dev"]).args(arguments).arg("--dir").arg(self.dir.path()));
        assert_eq!(printed.code, 0, "{printed:?}");
        std::fs::write(self.path(name), printed.stdout).unwrap();
        self.path(name)
    }

    fn key(&self, name: &str) -> String {
        assert_eq!(run(procura(&["keys", "generate", "--out"]).arg(PathBuf::from(self.path(name)))).code, 0);
        self.path(name)
    }

    fn planner(&self, kind: &str, more: &[&str]) -> String {
        self.keep(kind, &[&["svid", "--kind", kind, "--id", "/agent/planner"], more].concat())
    }

    /// For the calendar, as alice.
    fn exchange(&self, caller: &[&str]) -> Ended {
        let alice = self.keep("alice", &["user-token", "--sub", "alice"]);
        let ask = ["--user-token", &alice, "--audience", "calendar", "--scope", "calendar.read"];
        run(procura(&["exchange", "--issuer", &self.service.url("")]).args(caller).args(ask))
    }
}

/// WPT-01, SIG-01, choices 3.27.
#[test]
fn a_wit_and_its_key_are_enough() {
    let shell = Shell::new(&[]);
    let key = shell.key("agent.jwk");
    let wit = shell.planner("wit", &["--key", &key]);
    let bound_to = claims(&std::fs::read_to_string(&wit).unwrap())["cnf"]["jwk"].clone();
    let bound_to = procura_token::Jwk::parse(bound_to.to_string().as_bytes()).unwrap().thumbprint();
    for more in [&[][..], &["--proof", "wpt"], &["--proof", "signature"]] {
        let granted = shell.exchange(&[&["--wit", &wit, "--key", &key], more].concat());
        assert_eq!(granted.code, 0, "{more:?}: {granted:?}");
        let token = claims(granted.stdout.trim());
        assert_eq!(
            (&token["client_id"], &token["cnf"]),
            (&json!("spiffe://dev.procura.test/agent/planner"), &json!({ "jkt": bound_to }))
        );
    }
}

/// SPIFFECA-06, MTLSB-05, MTLSB-09.
#[test]
fn an_x509_svid_is_enough_over_mutual_tls() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let shell = Shell::new(&["--mtls", &address]);
    let svid = shell.planner("x509", &[]);
    let (authority, key) = (shell.path("authority/ca.pem"), shell.key("agent.jwk"));
    let caller = ["--svid-cert", &svid, "--svid-key", &svid, "--ca-file", &authority];
    let granted = shell.exchange(&caller);
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(claims(granted.stdout.trim())["cnf"]["x5t#S256"].is_string());
    let granted = shell.exchange(&[&caller[..], &["--key", &key]].concat());
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(claims(granted.stdout.trim())["cnf"]["jkt"].is_string());
    shell.exchange(&caller[..4]).says(1, &["cannot be reached", "certificate"]);
}

#[test]
fn wrong_files_are_named_and_say_what_they_are() {
    let shell = Shell::new(&[]);
    let [key, other] = ["agent.jwk", "other.jwk"].map(|name| shell.key(name));
    let wit = shell.planner("wit", &["--key", &key]);
    let (jwt, x509) = (shell.planner("jwt", &[]), shell.planner("x509", &[]));
    shell.exchange(&["--wit", &wit, "--key", &other]).says(1, &["wit", "the WIT is bound to another key"]);
    shell.exchange(&["--wit", &jwt, "--key", &key]).says(1, &["jwt", "not a WIT"]);
    shell.exchange(&["--svid", &wit]).says(1, &["this is a WIT; give it as --wit"]);
    shell.exchange(&["--svid", &x509]).says(1, &["this is PEM", "--svid-cert"]);
    for (flags, missing) in [
        (&["--wit", &wit][..], "--key"),
        (&["--svid", &jwt, "--proof", "wpt"], "--wit"),
        (&["--svid", &jwt, "--wit", &wit, "--key", &key], "cannot be used with"),
        (&["--svid-cert", &x509], "--svid-key"),
        (&[], "--svid"),
    ] {
        let refused = shell.exchange(flags);
        assert!(refused.code == 2 && refused.stderr.contains(missing), "{flags:?}: {refused:?}");
    }
    let caller = ["--svid-cert", &x509, "--svid-key", &x509];
    shell.exchange(&caller).says(1, &["the server does not offer `spiffe_x509` authentication"]);
    let missing = shell.path("nothing");
    shell.exchange(&["--wit", &missing, "--key", &key]).says(1, &["nothing: cannot be read"]);
}

/// ARCH-09, RAR-08.
#[test]
fn an_agent_asks_in_its_own_name_and_in_detail() {
    let shell = Shell::new(&[]);
    let archivist = shell.keep("archivist", &["svid", "--kind", "jwt", "--id", "/agent/archivist"]);
    let exchange = |more: &[&str]| run(procura(&["exchange", "--issuer", &shell.service.url("")]).args(more));
    let granted = exchange(&["--svid", &archivist, "--as-self", "--audience", "files"]);
    assert_eq!(granted.code, 0, "{granted:?}");
    let token = claims(granted.stdout.trim());
    assert_eq!((&token["sub"], token.get("act")), (&json!("spiffe://dev.procura.test/agent/archivist"), None));
    let untargeted = exchange(&["--svid", &archivist, "--as-self"]);
    assert_eq!(untargeted.code, 2, "{untargeted:?}");

    let (planner, alice) = (shell.planner("jwt", &[]), shell.keep("alice", &["user-token", "--sub", "alice"]));
    let details = r#"[{"type":"calendar_invitation","actions":["send"],"guests":{"most":2}}]"#;
    let ask = ["--svid", &planner, "--user-token", &alice, "--audience", "calendar", "--authorization-details", details];
    let granted = exchange(&ask);
    assert_eq!(granted.code, 0, "{granted:?}");
    let asked: serde_json::Value = serde_json::from_str(details).unwrap();
    assert_eq!(claims(granted.stdout.trim())["authorization_details"], asked);
}
