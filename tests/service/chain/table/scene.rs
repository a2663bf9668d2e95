//! The world of the table: its service, its agents, and how they ask.

use std::collections::HashMap;
use std::rc::Rc;

use procura_token::{Algorithm, Signer as _};
use serde_json::{Value, json};

use super::credential::Credential;
use crate::support::{Agent, Answer, Authority, Door, Form, Operator, Provider, Service, World, claims, now};

const TARGETS: &str = include_str!("targets.toml");
const POLICIES: &str = include_str!("policies.cedar");
/// How the provider is believed: access tokens too.
const PROVIDER: &str = "token_kinds = [\"id_token\", \"access_token\"]\n\
                        workloads = { calendar-api = \"spiffe://dev.procura.test/agent/planner\" }\n";

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) provider: Provider,
    service: Service,
    operator: Operator,
    authority: Authority,
    agents: HashMap<String, Rc<Agent>>,
    certificates: HashMap<String, (Rc<Door>, Value)>,
    /// What was got before, by the words for it.
    pub(super) known: HashMap<String, Credential>,
    nonce: Option<String>,
}

impl Scene {
    pub(super) async fn new(edits: &[[String; 2]]) -> Self {
        let (world, authority, provider) = (World::new(), Authority::new(), Provider::new().await.start().await);
        provider.trusted_as(&world, "idp", PROVIDER);
        world.use_mtls(&authority);
        world.use_operators();
        std::fs::write(world.path("targets/table.toml"), TARGETS).unwrap();
        std::fs::write(world.path("policies/table.cedar"), POLICIES).unwrap();
        if edits.is_empty() {
            world.edit("[audit]", "[token]\nmax_depth = 8\n\n[audit]");
        }
        for [old, new] in edits {
            world.edit(old, new);
        }
        let service = world.serve();
        let operator = Operator::of(&world, &service);
        let (agents, certificates, known) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut scene = Self { world, provider, service, operator, authority, agents, certificates, known, nonce: None };
        // Whoever a token may name has a key before.
        for name in ["planner", "researcher", "archivist", "thief"] {
            scene.agent(name);
        }
        scene
    }

    /// `planner` is `/agent/planner`; a name with a slash is a path already.
    pub(super) fn id(name: &str) -> String {
        let name = name.trim_end_matches("(tls)");
        let room = if name.contains('/') { "" } else { "agent/" };
        format!("spiffe://dev.procura.test/{room}{name}")
    }

    pub(super) fn agent(&mut self, name: &str) -> Rc<Agent> {
        let path = Self::id(name).trim_start_matches("spiffe://dev.procura.test").to_owned();
        let world = &self.world;
        Rc::clone(self.agents.entry(name.to_owned()).or_insert_with(|| Rc::new(Agent::new(world, &path))))
    }

    pub(super) fn target(&self, name: &str) -> String {
        if name.contains(':') {
            return name.to_owned();
        }
        let port = if ["calendar", "mail", "files"].contains(&name) { 8090 } else { 8091 };
        format!("http://127.0.0.1:{port}/{name}")
    }

    /// What a token bound to what `name` has says of it.
    pub(super) fn confirmation(&self, name: &str) -> Value {
        match self.certificates.get(name) {
            Some((_, thumbprint)) => thumbprint.clone(),
            None => json!({ "jkt": self.agents[name].key_thumbprint() }),
        }
    }

    /// A request of `caller`, who says who he is, unless it is nobody.
    pub(super) fn form(&mut self, caller: &str, subject: &str) -> Form {
        let agent = self.agent(caller);
        match caller == "nobody" || caller.ends_with("(tls)") {
            true => agent.unauthenticated(subject),
            false => agent.delegation(subject),
        }
    }

    /// Sends `form` with a proof by the key of `key`; over mutual TLS if that is how `caller` comes, then without one unless
    /// `key` is somebody's.
    pub(super) async fn send(&mut self, caller: &str, key: Option<&str>, form: &Form) -> Answer {
        let is_mutual = caller.ends_with("(tls)");
        let door = if is_mutual { Some(self.door(caller)) } else { None };
        let key = key.unwrap_or(if is_mutual { "" } else { caller });
        if key.is_empty() {
            return match door {
                Some(door) => door.post_bare(form).await,
                None => self.service.post_bare(form).await,
            };
        }
        let agent = self.agent(key);
        loop {
            let proof = agent.proof(self.nonce.as_deref());
            let answer = match &door {
                Some(door) => door.post(&proof, form).await,
                None => self.service.post(&proof, form).await,
            };
            if !answer.text.contains("use_dpop_nonce") {
                return answer;
            }
            self.nonce = answer.header("dpop-nonce").map(str::to_owned);
        }
    }

    /// Ends the delegation that `credential` belongs to.
    pub(super) async fn revoke(&self, credential: &Credential) {
        let said = claims(&credential.text);
        let path = format!("/delegations/{}/revoke", said["delegation"]["id"].as_str().unwrap());
        assert_eq!(self.operator.post(&path).await.status, 200);
    }

    /// The listener for mutual TLS, and a client with a certificate of `name`.
    fn door(&mut self, name: &str) -> Rc<Door> {
        if let Some((door, _)) = self.certificates.get(name) {
            return Rc::clone(door);
        }
        let pem = Authority::of(&self.world).certify_workload(&Self::id(name), 3600);
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([self.authority.certificate()]);
        let http = http.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap()).build().unwrap();
        let door = Rc::new(self.service.door("serving with client certificates", "https://localhost", http));
        let der = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem.as_bytes());
        let thumbprint = json!({ "x5t#S256": procura_token::base64url::encode(procura_token::sha256(&der.unwrap())) });
        self.certificates.insert(name.to_owned(), (Rc::clone(&door), thumbprint));
        door
    }

    pub(super) fn word(&self, word: &str) -> Value {
        let (name, of) = word.split_once(' ').unwrap_or((word, ""));
        match name {
            "jwk" => serde_json::to_value(self.agents[of].key.public_key().for_algorithm(Algorithm::Es256)).unwrap(),
            "jkt" => json!(self.agents[of].key_thumbprint()),
            "groups" => (0..of.parse().unwrap()).map(|n: usize| json!(format!("a-group-with-a-long-name-{n}"))).collect(),
            _ => match word.strip_prefix("now").map(|more| more.parse::<i64>().unwrap_or(0)) {
                Some(more) => json!(now().checked_add_signed(more).unwrap()),
                None => panic!("`@{word}` is no word of the table"),
            },
        }
    }
}
