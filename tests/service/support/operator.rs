//! Someone with the operators' token.

use std::path::{Path, PathBuf};

use super::{Answer, Door, Ended, Service, World, procura, run};

pub(crate) const TOKEN: &str = "operators-token-of-this-test-0123456789";

impl World {
    /// Adds a listener for operators who show [`TOKEN`].
    pub(crate) fn use_operators(&self) {
        std::fs::write(self.path("keys/operators"), TOKEN).unwrap();
        let table = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"keys/operators\"";
        self.edit("[keys.token]", &format!("{table}\n\n[keys.token]"));
    }
}

/// One who asks one copy.
pub(crate) struct Operator {
    pub(crate) door: Door,
    /// A configuration that says where the listener is, which the service's own leaves to chance.
    config: PathBuf,
}

impl Operator {
    pub(crate) fn of(world: &World, service: &Service) -> Self {
        let door = service.door("serving operators", "http://127.0.0.1", reqwest::Client::new());
        let address = door.url("").replace("http://", "");
        let listen = |address: &str| format!("[admin]\nlisten = \"{address}\"");
        let config = world
            .variant(&format!("operator-{}.toml", address.replace(':', "-")), &[(&listen("127.0.0.1:0"), &listen(&address))]);
        Self { door, config }
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.door.request("GET", path).bearer_auth(TOKEN)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        Answer::of(self.door.request("POST", path).bearer_auth(TOKEN)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &str) -> Answer {
        let request = self.door.request("POST", path).bearer_auth(TOKEN).header("content-type", "application/json");
        Answer::of(request.body(body.to_owned())).await
    }

    /// `procura delegation …`
    pub(crate) fn says(&self, arguments: &[&str]) -> Ended {
        let ended = run(procura(&["delegation"]).args(arguments).arg("--config").arg(&self.config));
        assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN), "{ended:?}");
        ended
    }
}
