//! The development world from the command line, as someone who tries the service meets it.

use std::path::{Path, PathBuf};

use crate::support::{Answer, CALENDAR, Ended, Form, Service, claims, header, procura, run};

struct Shell {
    dir: tempfile::TempDir,
    service: Service,
}

impl Shell {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service::develop(dir.path(), &[]);
        Self { dir, service }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `procura dev …` in this world and keeps what it prints in a file.
    fn keep(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let printed = run(procura(&["dev"]).args(arguments).arg("--dir").arg(self.dir.path()));
        assert_eq!(printed.code, 0, "{printed:?}");
        std::fs::write(self.path(name), printed.stdout).unwrap();
        self.path(name)
    }

    fn exchange(&self, svid: &Path, arguments: &[&str]) -> Ended {
        run(procura(&["exchange", "--issuer", &self.service.url(""), "--svid"]).arg(svid).args(arguments))
    }
}

#[test]
fn credentials_are_printed_exchanged_and_verified_from_a_shell() {
    let shell = Shell::new();
    let issuer = shell.service.url("");
    let planner = shell.keep("planner", &["svid", "--kind", "jwt", "--id", "/agent/planner"]);
    let alice = shell.keep("alice", &["user-token", "--sub", "alice"]);
    let ask = ["--user-token", alice.to_str().unwrap(), "--audience", "calendar", "--scope", "calendar.read"];
    let granted = shell.exchange(&planner, &ask);
    assert_eq!(granted.code, 0, "{granted:?}");
    let token = granted.stdout.trim();
    assert_eq!((&claims(token)["iss"], &claims(token)["scope"]), (&issuer.as_str().into(), &"calendar.read".into()));

    let verify = |audience: &str| run(&mut procura(&["token", "verify", token, "--issuer", &issuer, "--audience", audience]));
    let verified = verify(CALENDAR);
    assert!(verified.code == 0 && verified.stdout.starts_with("verified"), "{verified:?}");
    verify("http://127.0.0.1:8090/mail").says(1, &["the token is not believed"]);

    let archivist = shell.keep("archivist", &["svid", "--kind", "jwt", "--id", "/agent/archivist"]);
    shell.exchange(&archivist, &ask).says(1, &["invalid_target"]);
    shell.exchange(&planner, &ask[..2]).says(2, &["--resource URI or --audience NAME"]);
    shell.exchange(&shell.path("nothing"), &ask).says(1, &["nothing"]);
}

#[test]
fn a_wit_got_from_a_shell_serves_as_actor_token_with_its_key() {
    let shell = Shell::new();
    let key = shell.path("agent.jwk");
    assert_eq!(run(procura(&["keys", "generate", "--out"]).arg(&key)).code, 0);
    let svid = |name: &str| shell.keep(name, &["svid", "--kind", "jwt", "--id", "/agent/planner"]);
    let key = key.to_str().unwrap();
    let got = shell.exchange(&svid("one"), &["--request-wit", "--key", key]);
    assert_eq!(got.code, 0, "{got:?}");
    assert_eq!(header(got.stdout.trim())["typ"], "wit+jwt");
    std::fs::write(shell.path("wit"), got.stdout).unwrap();
    // The authority of the world makes one too.
    let made = shell.keep("made", &["svid", "--kind", "wit", "--id", "/agent/planner", "--key", key]);
    let alice = shell.keep("alice", &["user-token", "--sub", "alice"]);
    for wit in [&shell.path("wit"), &made] {
        let ask = ["--user-token", alice.to_str().unwrap(), "--audience", "mail", "--actor-wit", wit.to_str().unwrap()];
        let granted = shell.exchange(&svid("two"), &[&ask[..], &["--key", key]].concat());
        assert_eq!(granted.code, 0, "{granted:?}");
    }
}

#[test]
fn the_world_is_complete_and_survives_a_second_start() {
    let mut shell = Shell::new();
    let keys = ["keys/token.jwk", "keys/wit.jwk", "authority/svid.jwk", "authority/users.jwk", "authority/ca-key.pem"];
    let read = |shell: &Shell| keys.map(|name| std::fs::read_to_string(shell.path(name)).unwrap());
    let before = read(&shell);
    let x509 = std::fs::read_to_string(shell.keep("x509", &["svid", "--kind", "x509", "--id", "/agent/planner"])).unwrap();
    assert!(x509.starts_with("-----BEGIN CERTIFICATE-----") && x509.contains("PRIVATE KEY-----"), "{x509}");
    let key = shell.path("agent.jwk");
    assert_eq!(run(procura(&["keys", "generate", "--out"]).arg(&key)).code, 0);
    let for_key = ["svid", "--kind", "x509", "--id", "/agent/planner", "--key", key.to_str().unwrap()];
    let x509 = std::fs::read_to_string(shell.keep("bare", &for_key)).unwrap();
    assert!(x509.starts_with("-----BEGIN CERTIFICATE-----") && !x509.contains("PRIVATE KEY-----"), "{x509}");
    let needs_key = ["dev", "svid", "--kind", "wit", "--id", "/agent/planner", "--dir"];
    run(procura(&needs_key).arg(shell.dir.path())).says(2, &["give --key FILE"]);
    shell.service.signal("-TERM");
    assert_eq!(shell.service.wait().code(), Some(0));
    shell.service = Service::develop(shell.dir.path(), &[]);
    assert_eq!(read(&shell), before);
}

#[tokio::test]
async fn the_world_is_reached_over_mutual_tls_with_a_certificate_from_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    let shell = Shell { service: Service::develop(dir.path(), &["--mtls", "127.0.0.1:0"]), dir };
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    let svid = read(shell.keep("svid.pem", &["svid", "--kind", "x509", "--id", "/agent/planner"]));
    let authority = reqwest::Certificate::from_pem(&read(shell.path("authority/ca.pem"))).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
    let client = client.identity(reqwest::Identity::from_pem(&svid).unwrap()).build().unwrap();
    for name in ["https://127.0.0.1", "https://localhost"] {
        let door = shell.service.door("serving with client certificates", name, client.clone());
        assert_eq!(door.get("/readyz").await.status, 200, "{name}");
        let alice = read(shell.keep("alice", &["user-token", "--sub", "alice"]));
        let form = Form::default()
            .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .add("subject_token", String::from_utf8(alice).unwrap().trim())
            .add("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
            .add("audience", "calendar");
        let request = door.request("POST", "/token").header("content-type", "application/x-www-form-urlencoded");
        let granted = Answer::of(request.body(form.encode())).await;
        assert!(claims(&granted.token())["cnf"]["x5t#S256"].is_string(), "{granted:?}");
    }
    assert!(String::from_utf8(read(shell.path("config.toml"))).unwrap().contains("[mtls]"));
    let key = shell.path("keys/mtls-key.pem").metadata().unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}
