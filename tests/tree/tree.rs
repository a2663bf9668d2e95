//! What became of a plan: every token that was granted, and what it was made from.

use procura_token::{UnixTime, base64url};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::plan::{Event, Plan, Scopes, TARGETS};
use crate::world::{Request, Shown, World};

/// How many trees each property is held against.
const CASES: u32 = 6;

pub(crate) struct Tree {
    pub(crate) plan: Plan,
    pub(crate) tokens: Vec<Token>,
    pub(crate) history: Vec<Done>,
}

/// Everything that was done, in its order.
pub(crate) struct Done {
    pub(crate) at: UnixTime,
    pub(crate) what: Deed,
}

pub(crate) enum Deed {
    /// A request, and the number of the token that it brought.
    Asked(Request, Result<usize, &'static str>),
    /// The end of the delegation of this name.
    Revoked(String),
}

/// A token, and the request that brought it.
pub(crate) struct Token {
    pub(crate) text: String,
    /// Its claims as they were signed.
    pub(crate) payload: String,
    pub(crate) said: Value,
    pub(crate) request: Request,
    /// The user whose token it was made from, or the number of the token it was.
    pub(crate) made_from: Source,
    pub(crate) at: UnixTime,
}

#[derive(Clone, Copy)]
pub(crate) enum Source {
    User(usize),
    Token(usize),
}

impl Token {
    pub(crate) fn scope(&self) -> Scopes {
        Scopes::parse(self.said["scope"].as_str().unwrap())
    }

    pub(crate) fn expires(&self) -> f64 {
        self.said["exp"].as_f64().unwrap()
    }

    /// The deadline of its delegation.
    pub(crate) fn until(&self) -> f64 {
        self.said["delegation"]["until"].as_f64().unwrap()
    }

    pub(crate) fn delegation(&self) -> &str {
        self.said["delegation"]["id"].as_str().unwrap()
    }

    pub(crate) fn target(&self) -> usize {
        TARGETS.iter().position(|(resource, _)| self.said["aud"] == *resource).unwrap()
    }

    /// Who acted, newest first.
    pub(crate) fn chain(&self) -> Vec<&str> {
        let acts = std::iter::successors(self.said.get("act"), |act| act.get("act"));
        acts.map(|act| act["sub"].as_str().unwrap()).collect()
    }

    /// The text of its `act`, byte for byte.
    pub(crate) fn act(&self) -> &str {
        let start = self.payload.find("\"act\":").unwrap() + "\"act\":".len();
        let rest = &self.payload[start..];
        let mut depth = 0;
        let end = rest.find(|character| {
            depth += i32::from(character == '{') - i32::from(character == '}');
            depth == 0
        });
        &rest[..=end.unwrap()]
    }
}

impl Tree {
    /// Carries `plan` out in `world`.
    fn grow(world: &World, plan: Plan) -> Self {
        world.legislate(&plan.policies());
        let users: Vec<_> = plan.users.iter().enumerate().map(|(number, user)| world.user_token(number, user)).collect();
        let events = plan.events.clone();
        let mut tree = Self { plan, tokens: Vec::new(), history: Vec::new() };
        for event in &events {
            tree.play(world, &users, event);
        }
        tree
    }

    fn play(&mut self, world: &World, users: &[String], event: &Event) {
        let mut at = world.now();
        let (made_from, request) = match event {
            Event::Wait(seconds) => return world.set(at + std::time::Duration::from_secs(*seconds)),
            Event::Begin { user, caller, key, target, scope } => {
                let (subject, caller, key) = (users[*user].clone(), *caller, *key);
                let request = Request { caller, key, subject, shown: Shown::User, actor: None, target: *target, scope: *scope };
                (Source::User(*user), request)
            }
            Event::Continue { token, .. }
            | Event::Push { token, .. }
            | Event::Pull { token, .. }
            | Event::HandOver { token, .. }
            | Event::Borrow { token, .. }
            | Event::Try { token, .. }
            | Event::Revoke(token) => {
                if self.tokens.is_empty() {
                    return;
                }
                let number = token.index(self.tokens.len());
                if let Event::Revoke(_) = event {
                    let delegation = self.tokens[number].delegation().to_owned();
                    world.revoke(&delegation);
                    return self.history.push(Done { at, what: Deed::Revoked(delegation) });
                }
                let request = match event {
                    Event::HandOver { path, wait, scope, .. } => {
                        let Some(request) = world.hand_over(&self.tokens[number], path, *scope) else { return };
                        at = at + std::time::Duration::from_secs(*wait);
                        world.set(at);
                        request
                    }
                    event => self.tokens[number].onward(event),
                };
                (Source::Token(number), request)
            }
        };
        let outcome = world.ask(&request).map(|text| {
            self.tokens.push(Token::read(text, request.clone(), made_from, at));
            self.tokens.len() - 1
        });
        self.history.push(Done { at, what: Deed::Asked(request, outcome) });
    }

    /// The tokens that were made from users' tokens.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.tokens.iter().filter_map(|token| match token.made_from {
            Source::User(user) => Some((user, token)),
            Source::Token(_) => None,
        })
    }

    /// Every other token, with the one it was made from.
    pub(crate) fn hops(&self) -> impl Iterator<Item = (&Token, &Token)> {
        self.tokens.iter().filter_map(|token| match token.made_from {
            Source::User(_) => None,
            Source::Token(parent) => Some((&self.tokens[parent], token)),
        })
    }

    /// The token at the root of `token`'s way, and its user.
    pub(crate) fn root<'a>(&'a self, token: &'a Token) -> (usize, &'a Token) {
        match token.made_from {
            Source::User(user) => (user, token),
            Source::Token(parent) => self.root(&self.tokens[parent]),
        }
    }
}

impl Token {
    pub(crate) fn read(text: String, request: Request, made_from: Source, at: UnixTime) -> Self {
        let payload = payload(&text);
        let said = serde_json::from_str(&payload).unwrap();
        Self { text, payload, said, request, made_from, at }
    }

    /// Who acts, and with which key.
    pub(crate) fn holder(&self) -> (usize, usize) {
        match self.request.actor.filter(|_| self.request.shown == Shown::Token) {
            Some(actor) if actor != self.request.caller => (actor, actor),
            _ => (self.request.caller, self.request.key),
        }
    }

    /// The request by which `event` would have this token go on.
    fn onward(&self, event: &Event) -> Request {
        let ((holder, held), here) = (self.holder(), self.target());
        let (caller, key, actor, target, scope) = match event {
            Event::Push { to, scope, .. } => (holder, held, Some(*to), here, *scope),
            Event::Pull { target, scope, .. } => {
                let server = TARGETS[here].1.unwrap_or(holder);
                (server, server, None, *target, *scope)
            }
            Event::Borrow { caller, actor, scope, .. } => (*caller, held, *actor, here, *scope),
            Event::Try { caller, key, actor, target, scope, .. } => (*caller, *key, *actor, *target, *scope),
            Event::Continue { scope, .. } => (holder, held, None, here, *scope),
            Event::Begin { .. } | Event::HandOver { .. } | Event::Wait(_) | Event::Revoke(_) => unreachable!(),
        };
        Request { caller, key, subject: self.text.clone(), shown: Shown::Token, actor, target, scope }
    }
}

fn payload(token: &str) -> String {
    String::from_utf8(base64url::decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_str(&payload(token)).unwrap()
}

/// Holds `property` against random trees. What fails is made as small as it gets, and shown.
pub(crate) fn for_all_trees(property: impl Fn(&World, &Tree)) {
    for_trees(CASES, property);
}

/// The same, for so many.
pub(crate) fn for_trees(cases: u32, property: impl Fn(&World, &Tree)) {
    let world = World::new();
    let mut runner = TestRunner::new(Config { failure_persistence: None, max_shrink_iters: 64, ..Config::with_cases(cases) });
    let grown = runner.run(&Plan::any(), |plan| {
        property(&world, &Tree::grow(&world, plan));
        Ok(())
    });
    grown.unwrap_or_else(|failure| panic!("{failure}"));
}
