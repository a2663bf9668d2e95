//! Who may end delegations.

use super::{Answer, Door, Service, World};

pub(crate) struct Operator {
    door: Door,
    token: String,
}

impl Operator {
    /// Gives `world` a listener for operators.
    pub(crate) fn admitted_to(world: &World) {
        let table = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"keys/admin\"";
        world.edit("[keys.token]", &format!("{table}\n\n[keys.token]"));
    }

    /// Comes to that listener.
    pub(crate) fn of(world: &World, service: &Service) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let token = std::fs::read_to_string(world.path("keys/admin")).unwrap();
        Self { door: service.door("serving operators", "http://127.0.0.1", http), token: token.trim().to_owned() }
    }

    /// Ends the delegation of this name.
    pub(crate) async fn revoke(&self, delegation: &str) {
        let request = self.door.request("POST", &format!("/delegations/{delegation}/revoke")).bearer_auth(&self.token);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
