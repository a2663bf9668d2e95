//! The service inside this process: its own keys, files and policies, a store in memory, and a clock that a test turns.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use procura::app::App;
use procura::clock::Clock;
use procura::config::Config;
use procura::exchange::{CLIENT_ASSERTION_TYPE, GRANT_TYPE, Incoming};
use procura_handover::{HandOver, UnverifiedHandover};
use procura_token::{
    Algorithm, DelegationId, JwkConfirmation, NewDpopProof, NewWit, Signer as _, SigningKey, TokenId, UnixTime, base64url,
    random_bytes,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::plan::{Scopes, TARGETS, User, WORKLOADS, id};
use crate::tree::{Token, claims};

const ISSUER: &str = "http://127.0.0.1:8080";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const BISCUIT: &str = "urn:procura:token-type:biscuit";
/// When everything begins: not at a whole second.
const BEGINNING: Duration = Duration::from_millis(1_900_000_000_250);
/// How long what workloads show lasts.
const LIFETIME: u64 = 3600;

/// A clock that stands still until it is set.
struct Stopped(Mutex<UnixTime>);

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        *self.0.lock().unwrap()
    }
}

pub(crate) struct World {
    directory: Arc<TempDir>,
    runtime: Runtime,
    clock: Arc<Stopped>,
    app: App,
    keys: Arc<[SigningKey]>,
}

/// One request: who asks, whose key makes the proof, and the form.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) caller: usize,
    pub(crate) key: usize,
    pub(crate) subject: String,
    pub(crate) shown: Shown,
    /// Whose WIT is the actor token.
    pub(crate) actor: Option<usize>,
    pub(crate) target: usize,
    pub(crate) scope: Option<Scopes>,
}

/// What a subject token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    User,
    Token,
    /// A Biscuit of this delegation, handed to these one after the other, with what each was given.
    Biscuit {
        delegation: String,
        path: Vec<(usize, Scopes)>,
    },
}

impl Shown {
    /// To whom it was handed without the service.
    pub(crate) fn path(&self) -> &[(usize, Scopes)] {
        match self {
            Self::User | Self::Token => &[],
            Self::Biscuit { path, .. } => path,
        }
    }

    /// How the request names it.
    const fn token_type(&self) -> &'static str {
        match self {
            Self::User => "urn:ietf:params:oauth:token-type:id_token",
            Self::Token => "urn:ietf:params:oauth:token-type:access_token",
            Self::Biscuit { .. } => BISCUIT,
        }
    }
}

impl Request {
    /// Whether its subject token is one of this delegation.
    pub(crate) fn subject_is_of(&self, id: &str) -> bool {
        match &self.shown {
            Shown::Biscuit { delegation, .. } => delegation == id,
            Shown::User | Shown::Token => claims(&self.subject)["delegation"]["id"] == id,
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let mut procura = Command::new(env!("CARGO_BIN_EXE_procura"));
        let made = procura.args(["dev", "user-token", "--sub", "alice", "--dir"]).arg(directory.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let target = |(resource, server): &(&str, Option<usize>)| {
            let workloads: Vec<_> = server.iter().map(|server| id(WORKLOADS[*server])).collect();
            format!("[[target]]\nresource = \"{resource}\"\nscopes = {:?}\nworkloads = {workloads:?}\n", Scopes::all())
        };
        let targets: String = TARGETS.iter().map(target).collect();
        std::fs::write(directory.path().join("targets/dev.toml"), targets).unwrap();
        std::fs::write(directory.path().join("policies/dev.cedar"), "").unwrap();
        let config = directory.path().join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap().replace("[audit]", "[token]\nmax_depth = 8\n\n[audit]");
        std::fs::write(config, text).unwrap();
        let keys = WORKLOADS.iter().map(|_| SigningKey::generate(Algorithm::Es256).unwrap()).collect();
        Self::start(directory, keys, "config.toml")
    }

    /// A service with the same keys that remembers nothing.
    pub(crate) fn forgetful(&self) -> Self {
        let config = std::fs::read_to_string(self.directory.path().join("config.toml")).unwrap();
        let config = config.replace("audit/events.jsonl", "audit/other.jsonl");
        std::fs::write(self.directory.path().join("other.toml"), config).unwrap();
        Self::start(Arc::clone(&self.directory), Arc::clone(&self.keys), "other.toml")
    }

    fn start(directory: Arc<TempDir>, keys: Arc<[SigningKey]>, config: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Arc::new(Stopped(Mutex::new(UnixTime::new(BEGINNING))));
        let config = Config::load(&directory.path().join(config)).unwrap();
        let app = runtime.block_on(App::start(&config, Arc::clone(&clock) as Arc<dyn Clock>)).unwrap();
        Self { directory, runtime, clock, app, keys }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn set(&self, now: UnixTime) {
        *self.clock.0.lock().unwrap() = now;
    }

    /// Puts `policies` in force instead of those before.
    pub(crate) fn legislate(&self, policies: &str) {
        std::fs::write(self.directory.path().join("policies/dev.cedar"), policies).unwrap();
        self.app.exchange().policy.reload().unwrap();
    }

    pub(crate) fn thumbprint(&self, workload: usize) -> Value {
        json!(self.keys[workload].public_key().thumbprint())
    }

    /// A token of the user of this number, like no other.
    pub(crate) fn user_token(&self, number: usize, user: &User) -> String {
        let now = self.now().as_secs();
        let mut said = json!({
            "iss": "https://users.dev.procura.test", "sub": format!("user{number}"), "aud": ISSUER, "iat": now,
            "exp": now + user.lasts, "auth_time": now - 7, "acr": "urn:example:loa2", "amr": ["pwd"], "groups": ["staff"],
            "jti": unique(),
        });
        if let Some(scope) = user.scope {
            said["scope"] = scope.to_string().into();
        }
        sign(&key(self.directory.path(), "authority/users.jwk"), &said)
    }

    /// What comes of `request` now: a token, or the code of a refusal.
    pub(crate) fn ask(&self, request: &Request) -> Result<String, &'static str> {
        self.ask_for(ACCESS_TOKEN, request)
    }

    /// Whoever acts in `token` gets it as a Biscuit and hands it over, and so on; of more than there is, all that there is. The
    /// request by which the last one brings it back; `None` if the service gave no Biscuit.
    pub(crate) fn hand_over(&self, token: &Token, path: &[(usize, Option<Scopes>)], scope: Option<Scopes>) -> Option<Request> {
        let ((caller, key), target) = (token.holder(), token.target());
        let (subject, actor) = (token.text.clone(), None);
        let asked = Request { caller, key, subject, shown: Shown::Token, actor, target, scope: None };
        let (mut text, mut holder, mut handed) = (self.ask_for(BISCUIT, &asked).ok()?, key, Vec::new());
        for (to, wanted) in path {
            let held = UnverifiedHandover::parse(&text).unwrap();
            let all = Scopes::parse(&held.scope().to_string());
            let given = wanted.filter(|wanted| wanted.is_within(all)).unwrap_or(all);
            let wit = self.wit(*to);
            let narrowed = HandOver { wit: &wit, scope: Some(&given.to_string().parse().unwrap()), until: None };
            text = held.hand_over(&self.keys[holder], &narrowed).unwrap();
            (holder, _) = (*to, handed.push((*to, given)));
        }
        let shown = Shown::Biscuit { delegation: token.delegation().to_owned(), path: handed };
        Some(Request { caller: holder, key: holder, subject: text, shown, actor: None, target, scope })
    }

    fn ask_for(&self, wanted: &str, request: &Request) -> Result<String, &'static str> {
        let (form, headers) = (self.form(wanted, request), self.proof(request.key));
        let incoming = Incoming {
            form: form.as_bytes(),
            method: "POST",
            target: "/token",
            headers: &headers,
            certificate: Ok(None),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let answer = self.runtime.block_on(self.app.exchange().exchange(incoming, self.now()));
        answer.outcome.map(|issued| issued.token).map_err(|refusal| refusal.code())
    }

    pub(crate) fn revoke(&self, delegation: &str) {
        let id: DelegationId = delegation.parse().unwrap();
        self.runtime.block_on(self.app.exchange().store.revoke(&id, self.now())).unwrap();
    }

    fn form(&self, wanted: &str, request: &Request) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", GRANT_TYPE)
            .append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE)
            .append_pair("client_assertion", &self.svid(request.caller))
            .append_pair("subject_token", &request.subject)
            .append_pair("subject_token_type", request.shown.token_type())
            .append_pair("requested_token_type", wanted)
            .append_pair("resource", TARGETS[request.target].0);
        if let Some(actor) = request.actor {
            form.append_pair("actor_token", &self.wit(actor));
            form.append_pair("actor_token_type", "urn:ietf:params:oauth:token-type:jwt");
        }
        if let Some(scope) = request.scope {
            form.append_pair("scope", &scope.to_string());
        }
        form.finish()
    }

    fn proof(&self, key: usize) -> HeaderMap {
        let (exchange, now) = (self.app.exchange(), self.now());
        let (jti, nonce) = (TokenId::from_random(random_bytes()), exchange.nonce(now));
        let htu = &exchange.settings.token_endpoints[0];
        let proof = NewDpopProof { jti, htm: "POST", htu, iat: now.whole_secs(), ath: None, nonce: Some(&nonce) };
        let proof = HeaderValue::try_from(proof.sign(&self.keys[key]).unwrap()).unwrap();
        HeaderMap::from_iter([(HeaderName::from_static("dpop"), proof)])
    }

    fn svid(&self, workload: usize) -> String {
        let now = self.now().as_secs();
        let said = json!({ "sub": id(WORKLOADS[workload]), "aud": ISSUER, "iat": now, "exp": now + LIFETIME, "jti": unique() });
        sign(&key(self.directory.path(), "authority/svid.jwk"), &said)
    }

    fn wit(&self, workload: usize) -> String {
        let now = self.now().whole_secs();
        let public = self.keys[workload].public_key().for_algorithm(Algorithm::Es256);
        let wit = NewWit {
            iss: "spiffe://dev.procura.test/token-service".to_owned(),
            sub: &id(WORKLOADS[workload]).parse().unwrap(),
            iat: now,
            exp: now + Duration::from_secs(LIFETIME),
            jti: TokenId::from_random(random_bytes()),
            cnf: &JwkConfirmation::try_from(public).unwrap(),
        };
        wit.issue(self.app.exchange().wit_keys.signer()).unwrap()
    }
}

fn unique() -> String {
    base64url::encode(random_bytes::<12>())
}

fn key(directory: &Path, name: &str) -> SigningKey {
    SigningKey::from_text(&std::fs::read(directory.join(name)).unwrap()).unwrap()
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    let header = json!({ "alg": "ES256", "kid": key.public_key().key_id });
    let input = [&header, claims].map(|part| base64url::encode(part.to_string())).join(".");
    format!("{input}.{}", base64url::encode(key.sign(input.as_bytes()).unwrap()))
}
