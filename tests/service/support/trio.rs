//! The three agents of the development world, and a service that knows them.

use serde_json::Value;

use super::{Agent, Service, World, claims};

pub(crate) const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
pub(crate) const RESEARCHER: &str = "spiffe://dev.procura.test/agent/researcher";
pub(crate) const ARCHIVIST: &str = "spiffe://dev.procura.test/agent/archivist";

pub(crate) struct Trio {
    pub(crate) world: World,
    pub(crate) service: Service,
    pub(crate) planner: Agent,
    pub(crate) researcher: Agent,
    pub(crate) archivist: Agent,
}

impl Trio {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// In a world that is changed before the service starts.
    pub(crate) fn with(change: impl FnOnce(&World)) -> Self {
        let world = World::new();
        change(&world);
        let [planner, researcher, archivist] =
            ["/agent/planner", "/agent/researcher", "/agent/archivist"].map(|path| Agent::new(&world, path));
        Self { service: world.serve(), world, planner, researcher, archivist }
    }

    /// One more WIT: an SVID makes one.
    pub(crate) async fn wit(&self, agent: &Agent) -> String {
        let path = claims(&agent.svid)["sub"].as_str().unwrap().replace("spiffe://dev.procura.test", "");
        self.service.exchange(agent, &agent.wit(&self.world.svid(&path, 3600))).await.token()
    }
}

/// Who acts in a token, newest first.
pub(crate) fn actors(token: &Value) -> Vec<String> {
    let acts = std::iter::successors(token.get("act"), |act| act.get("act"));
    acts.map(|act| act["sub"].as_str().unwrap().to_owned()).collect()
}
