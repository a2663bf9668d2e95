//! The service and a model of its rules are asked the same, at random, and must say the same.

mod reference;

use std::collections::HashMap;

use procura_handover::{HandOver, HandoverRules, UnverifiedHandover};
use procura_token::{JwkSet, KeySet, UnixTime};
use serde_json::{Value, json};

use self::reference::{Model, Permit, Request, Scopes, Subject, Token, UserToken};
use crate::support::{ACCESS_TOKEN, Agent, BISCUIT, Form, ISSUER, JWT, Operator, Service, World, claims, now};

const WORKLOADS: [&str; 5] = ["/agent/a", "/agent/b", "/agent/c", "/server/x", "/server/y"];
/// The targets, each with the workload that serves it.
const TARGETS: [(&str, Option<usize>); 3] =
    [("https://x.test/api", Some(3)), ("https://y.test/api", Some(4)), ("https://z.test/api", None)];
const SCOPES: [&str; 3] = ["read", "write", "share"];
/// The users' tokens: how long each lasts, and what it may be acted on for.
const USERS: [(i64, Option<&[&str]>); 4] = [(7200, None), (500, None), (7200, Some(&["read", "share"])), (-120, None)];
/// How many runs there are, and how many requests each makes. What fails is told by its number.
const RUNS: u64 = 6;
const STEPS: usize = 80;

/// SplitMix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// At least one of them.
    fn scopes(&mut self) -> Scopes {
        let first = SCOPES[self.below(SCOPES.len())];
        SCOPES.into_iter().filter(|scope| *scope == first || !self.once_in(3)).collect()
    }

    fn permit(&mut self, workload: usize, target: usize) -> Permit {
        let (ttl, depth) = ([200, 900, 1800][self.below(3)], [8, 8, 2, 3][self.below(4)]);
        Permit { workload, target, scopes: self.scopes(), ttl, depth, repeats: self.once_in(3) }
    }
}

struct Run {
    random: Random,
    model: Model,
    world: World,
    service: Service,
    operator: Operator,
    agents: Vec<Agent>,
    users: Vec<String>,
    wits: Vec<String>,
    /// The tokens that were granted or handed over, as the model numbers them.
    tokens: Vec<String>,
    /// The keys that Biscuits are signed by.
    handover_keys: KeySet,
    /// The names of the delegations, as the model numbers them.
    delegations: HashMap<usize, String>,
    nonce: Option<String>,
}

#[tokio::test]
async fn the_service_does_what_the_rules_say() {
    let mut hops = std::collections::BTreeMap::new();
    for seed in 0..RUNS {
        let mut run = Run::new(seed).await;
        for step in 0..STEPS {
            run.step(&format!("run {seed}, step {step}")).await;
        }
        for event in run.world.audit() {
            *hops.entry((event["outcome"].to_string(), event["delegation.hop"].to_string())).or_insert(0) += 1;
        }
    }
    // Each way was taken, and each was barred.
    for hop in ["begin", "continue", "push", "pull", "handover"] {
        for outcome in ["granted", "refused"] {
            assert!(hops.contains_key(&(json!(outcome).to_string(), json!(hop).to_string())), "{outcome} {hop}: {hops:?}");
        }
    }
}

impl Run {
    async fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut permits = Vec::new();
        for (workload, target) in
            (0..WORKLOADS.len()).flat_map(|workload| (0..TARGETS.len()).map(move |target| (workload, target)))
        {
            if !random.once_in(6) {
                permits.push(random.permit(workload, target));
            }
        }
        let world = World::new();
        world.use_operators();
        world.edit("[audit]", "[token]\nmax_depth = 8\n\n[audit]");
        let policies: String = permits.iter().map(cedar).collect();
        let wits = "permit(principal, action == Action::\"issue_wit\", resource == TrustDomain::\"dev.procura.test\");\n";
        std::fs::write(world.path("policies/dev.cedar"), policies + wits).unwrap();
        let target = |(resource, server): &(&str, Option<usize>)| {
            let workloads: Vec<_> = server.iter().map(|server| id(*server)).collect();
            format!("[[target]]\nresource = \"{resource}\"\nscopes = {SCOPES:?}\nworkloads = {workloads:?}\n")
        };
        std::fs::write(world.path("targets/dev.toml"), TARGETS.iter().map(target).collect::<String>()).unwrap();
        let began = now();
        let users = USERS.map(|(lasts, scope)| UserToken {
            exp: began.checked_add_signed(lasts).unwrap(),
            scope: scope.map(|scope| scope.iter().copied().collect()),
        });
        let tokens = users.iter().map(|UserToken { exp, scope }| {
            let scope = scope.as_ref().map(words);
            world.user_token(json!({ "iat": began - 1000, "exp": exp, "scope": scope }))
        });
        let tokens = tokens.collect();
        let agents: Vec<_> = WORKLOADS.iter().map(|path| Agent::new(&world, path)).collect();
        let servers = TARGETS.iter().map(|(_, server)| *server).collect();
        let model = Model::new(permits, servers, SCOPES.into_iter().collect(), users.into());
        let service = world.serve();
        let operator = Operator::of(&world, &service);
        let keys = JwkSet::parse(service.get("/handover/jwks.json").await.text.as_bytes()).unwrap();
        let uses: Vec<_> = keys.keys.iter().map(|key| key.public_key_use.as_deref()).collect();
        let handover_keys = KeySet::new(&keys, &uses);
        let mut run = Self {
            random,
            model,
            world,
            service,
            operator,
            agents,
            users: tokens,
            wits: Vec::new(),
            tokens: Vec::new(),
            handover_keys,
            delegations: HashMap::new(),
            nonce: None,
        };
        for agent in 0..WORKLOADS.len() {
            let form = run.agents[agent].wit(&run.agents[agent].svid);
            let wit = run.send(agent, &form).await.unwrap();
            run.model.wits.push(claims(&wit)["exp"].as_u64().unwrap());
            run.wits.push(wit);
        }
        run
    }

    async fn step(&mut self, told: &str) {
        if !self.tokens.is_empty() && self.random.once_in(20) {
            let revoked = self.model.tokens[self.random.below(self.tokens.len())].delegation;
            let path = format!("/delegations/{}/revoke", self.delegations[&revoked]);
            assert_eq!(self.operator.post(&path).await.status, 200);
            self.model.revoke(revoked);
        }
        self.hand_over();
        let request = self.request();
        let answer = self.send(request.key, &self.form(&request)).await;
        let answer = answer.map(|token| (self.read(&token, request.as_biscuit), token));
        let at = answer.as_ref().map_or_else(|_| now(), |(said, _)| said["iat"].as_u64().unwrap());
        let expected = self.model.ask(&request, at);
        let told = format!("{told}: {request:?}: {}", self.world.audit().pop().unwrap());
        match (answer, expected) {
            (Err(code), expected) => assert_eq!(Err(code.as_str()), expected.map(|_| ()), "{told}"),
            (Ok((said, _)), Err(code)) => panic!("not `{code}` but {said}: {told}"),
            (Ok((said, token)), Ok(expected)) => {
                self.compare(&said, &expected, &told);
                self.tokens.push(token);
            }
        }
    }

    /// Now and then the holder of a Biscuit hands it to somebody who did not act yet.
    fn hand_over(&mut self) {
        let biscuits: Vec<_> = (0..self.tokens.len()).filter(|number| self.model.tokens[*number].is_biscuit).collect();
        if biscuits.is_empty() || !self.random.once_in(3) {
            return;
        }
        let number = biscuits[self.random.below(biscuits.len())];
        let to = self.random.below(WORKLOADS.len());
        let held = &self.model.tokens[number];
        if held.chain.contains(&to) {
            return;
        }
        let scope: Scopes = self.random.scopes().intersection(&held.scope).copied().collect();
        let scope = (!scope.is_empty()).then_some(scope);
        let words = scope.as_ref().map(|scope| words(scope).parse().unwrap());
        let next = HandOver { wit: &self.wits[to], scope: words.as_ref(), until: None };
        let biscuit = UnverifiedHandover::parse(&self.tokens[number]).unwrap();
        self.tokens.push(biscuit.hand_over(&self.agents[held.key].key, &next).unwrap());
        self.model.hand_over(number, to, scope);
    }

    /// What a new token says.
    fn read(&self, token: &str, is_biscuit: bool) -> Value {
        if !is_biscuit {
            return claims(token);
        }
        let rules = HandoverRules { issuer: &ISSUER.parse().unwrap(), audience: None, skew: std::time::Duration::ZERO };
        let biscuit = UnverifiedHandover::parse(token).unwrap();
        let rooted = biscuit.verify_root(&self.handover_keys, &rules, UnixTime::from_secs(now())).unwrap();
        serde_json::to_value(rooted.verify(&[]).unwrap().token()).unwrap()
    }

    fn compare(&mut self, said: &Value, expected: &Token, told: &str) {
        let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{name}: {said}"));
        let acts = std::iter::successors(said.get("act"), |act| act.get("act"));
        let actual = Token {
            is_biscuit: expected.is_biscuit,
            handed_on: Vec::new(),
            scope: text("scope")
                .split(' ')
                .map(|scope| SCOPES[SCOPES.iter().position(|known| *known == scope).unwrap()])
                .collect(),
            target: TARGETS.iter().position(|(resource, _)| *resource == text("aud")).unwrap(),
            chain: acts.map(|act| (0..WORKLOADS.len()).find(|workload| act["sub"] == id(*workload)).unwrap()).collect(),
            key: (0..self.agents.len())
                .find(|agent| said["cnf"] == json!({ "jkt": self.agents[*agent].key_thumbprint() }))
                .unwrap(),
            exp: said["exp"].as_u64().unwrap(),
            delegation: expected.delegation,
        };
        assert_eq!(actual, *expected, "{told}: {said}");
        // One name for one delegation, and no name for two.
        let name = said["delegation"]["id"].as_str().unwrap();
        assert_eq!(self.delegations.entry(expected.delegation).or_insert_with(|| name.to_owned()), name, "{told}");
        assert_eq!(self.delegations.values().filter(|known| *known == name).count(), 1, "{told}");
    }

    /// Mostly what could be granted.
    fn request(&mut self) -> Request {
        let random = &mut self.random;
        let scope = (!random.once_in(2)).then(|| random.scopes());
        let (workload, target) = (random.below(WORKLOADS.len()), random.below(TARGETS.len()));
        if self.tokens.is_empty() || random.once_in(5) {
            let key = if random.once_in(8) { random.below(WORKLOADS.len()) } else { workload };
            let actor = random.once_in(4).then(|| if random.once_in(3) { random.below(WORKLOADS.len()) } else { workload });
            let subject = Subject::User(random.below(USERS.len()));
            return Request { subject, caller: workload, key, actor, target, scope, as_biscuit: random.once_in(3) };
        }
        let number = random.below(self.tokens.len());
        let token = &self.model.tokens[number];
        let (holder, held, here, server) = (token.chain[0], token.key, token.target, self.model.servers[token.target]);
        if token.is_biscuit {
            let (caller, key, target) = match random.below(8) {
                0 => (workload, random.below(WORKLOADS.len()), here),
                1 => (holder, held, target),
                _ => (holder, held, here),
            };
            let as_biscuit = random.once_in(10);
            return Request { subject: Subject::Token(number), caller, key, actor: None, target, scope, as_biscuit };
        }
        let (caller, key, actor, target) = match random.below(10) {
            0 | 1 => (holder, held, None, here),
            2..=5 => (holder, held, Some(workload), here),
            6 | 7 => (server.unwrap_or(workload), server.unwrap_or(workload), None, target),
            _ => (workload, random.below(WORKLOADS.len()), random.once_in(2).then(|| random.below(WORKLOADS.len())), target),
        };
        // Nobody is in a Biscuit twice; who may come back, comes back by other tokens.
        let as_biscuit = random.once_in(4) && actor.is_none() && (caller, key) == (holder, held);
        let mut actors = token.chain.clone();
        actors.sort_unstable();
        actors.dedup();
        let as_biscuit = as_biscuit && actors.len() == token.chain.len();
        Request { subject: Subject::Token(number), caller, key, actor, target, scope, as_biscuit }
    }

    fn form(&self, request: &Request) -> Form {
        let agent = &self.agents[request.caller];
        let form = match request.subject {
            Subject::User(user) => agent.delegation(&self.users[user]),
            Subject::Token(token) => {
                let kind = if self.model.tokens[token].is_biscuit { BISCUIT } else { ACCESS_TOKEN };
                agent.delegation(&self.tokens[token]).set("subject_token_type", kind)
            }
        };
        let form = if request.as_biscuit { form.add("requested_token_type", BISCUIT) } else { form };
        let form = form.set("resource", TARGETS[request.target].0);
        let form = match request.actor {
            Some(actor) => form.add("actor_token", &self.wits[actor]).add("actor_token_type", JWT),
            None => form,
        };
        match &request.scope {
            Some(scope) => form.add("scope", &words(scope)),
            None => form,
        }
    }

    /// A token, or the code of the refusal.
    async fn send(&mut self, key: usize, form: &Form) -> Result<String, String> {
        loop {
            let answer = self.service.post(&self.agents[key].proof(self.nonce.as_deref()), form).await;
            match answer.json()["error"].as_str() {
                None => return Ok(answer.token()),
                Some("use_dpop_nonce") => self.nonce = answer.header("dpop-nonce").map(str::to_owned),
                Some(code) => return Err(code.to_owned()),
            }
        }
    }
}

fn id(workload: usize) -> String {
    format!("spiffe://dev.procura.test{}", WORKLOADS[workload])
}

fn words(scopes: &Scopes) -> String {
    scopes.iter().copied().collect::<Vec<_>>().join(" ")
}

fn cedar(permit: &Permit) -> String {
    let Permit { workload, target, scopes, ttl, depth, repeats } = permit;
    let (workload, target) = (id(*workload), TARGETS[*target].0);
    let repeats = if *repeats { "@repeats(\"allowed\") " } else { "" };
    let scopes: Vec<_> = scopes.iter().collect();
    format!(
        "@ttl(\"{ttl}s\") @depth(\"{depth}\") {repeats}permit(principal == Workload::\"{workload}\", \
         action == Action::\"delegate\", resource == Target::\"{target}\") \
         when {{ {scopes:?}.contains(context.scope) }};\n"
    )
}
