//! A development world in a directory of its own, and the credentials its authorities give.

use std::path::{Path, PathBuf};

use procura::clock::{Clock as _, SystemClock};
use procura_token::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::{Authority, Ended, Service, jwt_svid, procura, run, sign};

/// The issuer of a world made without `--listen`. The service may listen anywhere: an issuer is a name.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";
/// Where the listener for mutual TLS says it is.
pub(crate) const MTLS_URL: &str = "https://localhost:8444";
const USER_ISSUER: &str = "https://users.dev.procura.test";
pub(crate) const CALENDAR: &str = "http://127.0.0.1:8090/calendar";

/// The current time in seconds.
pub(crate) fn now() -> u64 {
    SystemClock.now().as_secs()
}

pub(crate) struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// The world `procura dev` makes, its service listening on whatever port is free.
    pub(crate) fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let made = run(procura(&["dev", "user-token", "--sub", "alice", "--dir"]).arg(world.dir.path()));
        assert_eq!(made.code, 0, "{}", made.stderr);
        world.edit("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\"");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config.toml")
    }

    /// Replaces text of the configuration.
    pub(crate) fn edit(&self, old: &str, new: &str) {
        replace(&self.config(), &self.config(), &[(old, new)]);
    }

    /// Writes a variant of the configuration to another file.
    pub(crate) fn variant(&self, name: &str, edits: &[(&str, &str)]) -> PathBuf {
        replace(&self.config(), &self.path(name), edits);
        self.path(name)
    }

    /// Shares claims through the Redis at `url`, with time enough for a busy machine.
    pub(crate) fn use_redis(&self, url: &str, timeout: &str) {
        self.edit("kind = \"memory\"", &format!("kind = \"redis\"\nurl = \"{url}\"\ntimeout = \"{timeout}\""));
    }

    /// Adds a listener that requires client certificates, itself certified by `authority`.
    pub(crate) fn use_mtls(&self, authority: &Authority) {
        self.write_mtls(authority);
        let table = format!(
            "[mtls]\nlisten = \"127.0.0.1:0\"\nurl = \"{MTLS_URL}\"\ncertificate_file = \"mtls.pem\"\nkey_file = \"mtls-key.pem\""
        );
        self.edit("[keys.token]", &format!("{table}\n\n[keys.token]"));
    }

    /// Writes certificate and key of that listener.
    pub(crate) fn write_mtls(&self, authority: &Authority) {
        let (certificate, key) = authority.certify("localhost");
        std::fs::write(self.path("mtls.pem"), certificate).unwrap();
        std::fs::write(self.path("mtls-key.pem"), key).unwrap();
    }

    /// Certificate and key of a workload, in PEM, as the trust domain's authority signs them.
    pub(crate) fn x509_svid(&self, path: &str) -> String {
        let made = run(procura(&["dev", "svid", "--kind", "x509", "--id", path, "--dir"]).arg(self.dir.path()));
        assert_eq!(made.code, 0, "{}", made.stderr);
        made.stdout
    }

    pub(crate) fn serve(&self) -> Service {
        Service::start(&self.config())
    }

    /// How `procura serve` with this world's configuration ends when it cannot start.
    pub(crate) fn serve_in_vain(&self) -> Ended {
        run(procura(&["serve", "--config"]).arg(self.config()))
    }

    pub(crate) fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_text(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// A JWT-SVID for the token endpoint, as the trust domain's authority signs it. Each differs from every other.
    pub(crate) fn svid(&self, path: &str, lifetime: u64) -> String {
        jwt_svid(&self.key("authority/svid.jwk"), &format!("spiffe://dev.procura.test{path}"), lifetime)
    }

    /// An ID token of alice, who belongs to the staff; `changes` override claims, `null` removes one.
    pub(crate) fn user_token(&self, changes: Value) -> String {
        let key = self.key("authority/users.jwk");
        let header = json!({ "alg": "ES256", "kid": key.public_key().key_id });
        sign(&key, &header, &self.user_claims(changes))
    }

    pub(crate) fn user_claims(&self, changes: Value) -> Value {
        let now = now();
        let mut claims = json!({
            "iss": USER_ISSUER, "sub": "alice", "aud": ISSUER, "iat": now, "exp": now + 3600, "auth_time": now,
            "acr": "urn:example:loa2", "amr": ["pwd", "otp"], "groups": ["staff"],
            "nonce": procura_token::base64url::encode(procura_token::random_bytes::<12>()),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    /// The audit log, line by line.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("audit/events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn replace(from: &Path, to: &Path, edits: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(from).unwrap();
    for (old, new) in edits {
        assert!(text.contains(old), "{old} is not in\n{text}");
        text = text.replacen(old, new, 1);
    }
    std::fs::write(to, text).unwrap();
}
